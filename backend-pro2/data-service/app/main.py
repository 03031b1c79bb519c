"""The data service: `uvicorn data-service.app.main:app`."""

from fastapi import FastAPI

from shared.app_factory import create_service
from shared.config import Settings, get_settings
from shared.resources import Resources

from .routers import datasets, queries, uploads
from .services.engine import PRELOAD, Engine
from .services.queries import PlanMemory


def create_app(settings: Settings | None = None, resources: Resources | None = None) -> FastAPI:
    """The application; nothing connects until it serves."""
    app = create_service(
        name="data-service",
        title="Data service",
        description="Datasets: upload, ingest, profile, preview, query, download.",
        settings=settings or get_settings(),
        routers=[uploads.router, datasets.router, queries.router],
        resources=resources,
        preload=PRELOAD,
        upload_prefixes=("/upload/file",),
    )
    app.state.engine = Engine(app.state.resources)
    app.state.plans = PlanMemory()
    return app


app = create_app()
