"""The AI service: `uvicorn ai-service.app.main:app`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from shared.app_factory import create_service
from shared.config import Settings, get_settings
from shared.metrics.ledger import LEDGER_SECONDS, LedgerFigures
from shared.resources import Resources

from .routers import (
    analysis,
    ask_streams,
    asks,
    conversations,
    feedback,
    glossary,
    hypotheses,
    insights,
    jobs,
    llm_policies,
    model_aliases,
    model_uses,
    model_versions,
    models,
    predictions,
    queues,
    renderings,
    schedules,
    suggestions,
    task_history,
    tasks,
    training,
    verified_queries,
)
from .services.ask_deltas import AskDeltas
from .services.cluster import ClusterWatch
from .services.model_serving import ModelServing
from .services.rendering import Renderer
from .services.sql_checks import PRELOAD, SqlChecks


def create_app(settings: Settings | None = None, resources: Resources | None = None) -> FastAPI:
    """The application; nothing connects until it serves."""
    app = create_service(
        name="ai-service",
        title="AI service",
        description="Statistics and machine learning over datasets, as tasks that can be followed and repeated.",
        settings=settings or get_settings(),
        # The tasks themselves last: places of schedules and queues look like theirs. So do places of models.
        routers=[
            # Before the analyses, whose ids its place would be taken for.
            hypotheses.router,
            llm_policies.router,
            suggestions.router,
            ask_streams.router,
            asks.router,
            insights.router,
            feedback.router,
            conversations.router,
            verified_queries.router,
            glossary.router,
            renderings.router,
            analysis.router,
            training.router,
            models.router,
            model_versions.router,
            model_aliases.router,
            predictions.router,
            model_uses.router,
            schedules.router,
            queues.router,
            task_history.router,
            jobs.router,
            tasks.router,
        ],
        resources=resources,
        preload=PRELOAD,
        lifespan=_serving,
    )
    figures = LedgerFigures("ai-service", app.state.resources)
    app.state.readings.add("ledger", figures.families, LEDGER_SECONDS)
    app.state.cluster_watch = ClusterWatch(app.state.resources)
    app.state.model_serving = ModelServing(app.state.resources)
    app.state.ask_deltas = AskDeltas(app.state.resources.redis)
    app.state.sql_checks = SqlChecks(app.state.resources)
    app.state.renderer = Renderer(app.state.resources.settings)
    return app


@asynccontextmanager
async def _serving(app: FastAPI, resources: Resources) -> AsyncIterator[None]:
    serving: ModelServing = app.state.model_serving
    if resources.settings.serving_warm:
        await serving.open()
    try:
        yield
    finally:
        await serving.close()
        await app.state.renderer.close()
        await app.state.ask_deltas.close()


app = create_app()
