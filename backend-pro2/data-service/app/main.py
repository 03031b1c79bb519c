"""The data service: `uvicorn data-service.app.main:app`."""

import re

from fastapi import FastAPI

from shared.app_factory import create_service
from shared.config import Settings, get_settings
from shared.metrics.ledger import LEDGER_SECONDS, LedgerFigures
from shared.resources import Resources

from .routers import (
    datasets,
    diffs,
    drifts,
    lineages,
    pipelines,
    processes,
    profiles,
    quality,
    queries,
    retention,
    rows,
    searches,
    upload_sessions,
    uploads,
    version_uploads,
)
from .services.engine import PRELOAD, Engine
from .services.query_tables import PlanMemory
from .services.stores import STORES_SECONDS, StoreFigures

DESCRIPTION = "Datasets: files in, versions, profiles, quality, transformations, queries, files out."
ROUTERS = (
    uploads.router,
    upload_sessions.router,
    version_uploads.router,
    searches.router,
    datasets.router,
    profiles.router,
    rows.router,
    lineages.router,
    retention.router,
    diffs.router,
    quality.router,
    drifts.router,
    queries.router,
    pipelines.router,
    # After the others below `/process`, whose paths its own would take for an operation.
    processes.router,
)
# Bodies that are streamed; every other one is read as a whole and has to be small.
UPLOAD_PATHS = re.compile("/upload/(file|inspect|sessions/[^/]+/parts/[^/]+)|/manage/datasets/[^/]+/versions")


def create_app(settings: Settings | None = None, resources: Resources | None = None) -> FastAPI:
    """The application; nothing connects until it serves."""
    app = create_service(
        name="data-service",
        title="Data service",
        description=DESCRIPTION,
        settings=settings or get_settings(),
        routers=ROUTERS,
        resources=resources,
        preload=PRELOAD,
        upload_paths=UPLOAD_PATHS,
    )
    app.state.engine = Engine(app.state.resources)
    app.state.plans = PlanMemory()
    readings, held = app.state.readings, app.state.resources
    readings.add("ledger", LedgerFigures("data-service", held).families, LEDGER_SECONDS)
    readings.add("stores", StoreFigures(held).families, STORES_SECONDS)
    return app


app = create_app()
