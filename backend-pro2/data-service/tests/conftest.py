"""Fixtures of the data service's tests."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.config import Settings
from shared.database import Database
from shared.object_store import ObjectStore
from shared.resources import Resources
from shared.testing.fixtures import database, object_store, redis, resources, server_settings, settings, workspace
from shared.testing.logins import log_in
from shared.testing.project import Workspace

from ..app.engines.ingest import ingest
from ..app.main import create_app
from .made import Maker
from .ready import warm_compute, warm_pool, worker

__all__ = [
    "database",
    "object_store",
    "redis",
    "resources",
    "server_settings",
    "settings",
    "warm_compute",
    "warm_pool",
    "worker",
    "workspace",
]

IngestText = Callable[..., dict[str, Any]]


def quiet(_done: int, _total: int, _message: str) -> None:
    """Progress that nobody watches."""


@pytest.fixture
def ingest_text(tmp_path: Path) -> IngestText:
    """Ingest text or bytes as the computing child would; the Parquet file is tmp_path / data.parquet."""

    def run(
        content: str | bytes, *, max_columns: int = 1000, filename: str = "source.csv", **options: Any
    ) -> dict[str, Any]:
        source = tmp_path / "source"
        source.write_bytes(content if isinstance(content, bytes) else content.encode())
        job = {"source": str(source), "parquet": str(tmp_path / "data.parquet"), "scratch": str(tmp_path)}
        file = {"filename": filename, "options": options}
        limits = {"max_columns": max_columns, "max_unpacked_bytes": 2**30, "memory_mb": 1024, "threads": 1}
        return ingest({**job, **file, **limits}, quiet)

    return run


@pytest.fixture
async def client(resources: Resources) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(resources.settings, resources)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://data", timeout=70) as client:
        yield client


@pytest.fixture
async def editor(settings: Settings, database: Database, workspace: Workspace) -> dict[str, str]:
    return await log_in(settings, database, workspace.editor)


@pytest.fixture
def maker(database: Database, object_store: ObjectStore, workspace: Workspace, tmp_path: Path) -> Maker:
    return Maker(database, object_store, workspace, tmp_path)


async def upload(
    client: httpx.AsyncClient, headers: dict[str, str], content: str, query: str = "", **fields: str
) -> httpx.Response:
    """Upload text as numbers.csv."""
    files = {"file": ("numbers.csv", content.encode(), "text/csv")}
    return await client.post(f"/upload/file{query}", headers=headers, data=fields, files=files)
