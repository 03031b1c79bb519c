"""The AI service: `uvicorn ai-service.app.main:app`."""

from fastapi import FastAPI

from shared.app_factory import create_service
from shared.config import Settings, get_settings
from shared.resources import Resources

from .routers import analysis, jobs, queues, schedules, task_history, tasks
from .services.cluster import ClusterWatch


def create_app(settings: Settings | None = None, resources: Resources | None = None) -> FastAPI:
    """The application; nothing connects until it serves."""
    app = create_service(
        name="ai-service",
        title="AI service",
        description="Statistics and machine learning over datasets, as tasks that can be followed and repeated.",
        settings=settings or get_settings(),
        # The tasks themselves last: places of schedules and queues look like theirs.
        routers=[analysis.router, schedules.router, queues.router, task_history.router, jobs.router, tasks.router],
        resources=resources,
    )
    app.state.cluster_watch = ClusterWatch(app.state.resources)
    return app


app = create_app()
