"""Fixtures of the AI service's tests."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from asgi_lifespan import LifespanManager
from httpx import ASGITransport, AsyncClient

from shared.auth import TokenCodec
from shared.config import Settings
from shared.database import Database
from shared.object_store import ObjectStore
from shared.testing.fixtures import database, object_store, redis, resources, server_settings, settings, workspace
from shared.testing.llm_server import ScriptedLlm
from shared.testing.project import Workspace
from shared.testing.worker_process import WorkerProcess

from ..app.engines.analysis import analyse
from ..app.engines.charts import check_charts
from ..app.main import create_app
from .support import Analyse, Columns, DatasetMaker, MakeWorker, log_in, ray_head, write_parquet

__all__ = ["database", "object_store", "redis", "resources", "server_settings", "settings", "workspace"]

check_charts()


@pytest.fixture
def analyse_columns(tmp_path: Path) -> Analyse:
    """Run an analysis on columns given in memory, as the computing child would; files it makes are in tmp_path."""

    def run(kind: str, columns: Columns, parameters: dict[str, Any], **more: Any) -> dict[str, Any]:
        path = tmp_path / "data.parquet"
        data = {"path": str(path), "sha256": write_parquet(path, columns)}
        job = {"type": kind, "parameters": parameters, "seed": 0, "data": data, "output": str(tmp_path), **more}
        return analyse(job, lambda _done, _total, _message: None)

    return run


@pytest.fixture
def make_dataset(database: Database, object_store: ObjectStore, workspace: Workspace, tmp_path: Path) -> DatasetMaker:
    """Put columns into a dataset of the workspace's project."""
    return DatasetMaker(database, object_store, workspace, tmp_path)


@pytest.fixture
async def clients(
    settings: Settings, database: Database, workspace: Workspace
) -> AsyncIterator[dict[str, AsyncClient]]:
    """One client of the real application for each person of the workspace, and one that is not logged in."""
    app = create_app(settings)
    codec = TokenCodec(settings)
    people: dict[str, UUID] = {name: getattr(workspace, name) for name in ("owner", "editor", "viewer", "stranger")}
    async with AsyncExitStack() as stack:
        manager = await stack.enter_async_context(LifespanManager(app, 60, 60))
        transport = ASGITransport(manager.app)
        made = {"nobody": AsyncClient(transport=transport, base_url="http://ai")}
        for name, user_id in people.items():
            token = codec.issue_access(user_id, await log_in(database, user_id))
            headers = {"Authorization": f"Bearer {token}"}
            made[name] = AsyncClient(transport=transport, base_url="http://ai", headers=headers, timeout=90)
        for client in made.values():
            await stack.enter_async_context(client)
        yield made


@pytest.fixture
def client(clients: dict[str, AsyncClient]) -> AsyncClient:
    """The owner's client."""
    return clients["owner"]


@pytest.fixture(scope="session")
def scripted_llm() -> Iterator[ScriptedLlm]:
    """The session's scripted LLM."""
    with ScriptedLlm() as llm:
        yield llm


@pytest.fixture
def llm(scripted_llm: ScriptedLlm) -> ScriptedLlm:
    """The scripted LLM, which remembers nothing of earlier tests."""
    scripted_llm.forget()
    return scripted_llm


@pytest.fixture
def make_worker(settings: Settings, tmp_path: Path) -> Iterator[MakeWorker]:
    """Start real workers of the AI service; they are killed afterwards."""
    made: list[WorkerProcess] = []

    def make(**variables: str) -> WorkerProcess:
        variables = {"RAY_ENABLED": "false", **variables}
        made.append(WorkerProcess(settings, tmp_path, "ai-service.app.worker", **variables))
        made[-1].start()
        return made[-1]

    yield make
    for worker in made:
        worker.kill()


@pytest.fixture(scope="module")
def ray_variables(server_settings: Settings) -> Iterator[dict[str, str]]:
    """What a worker must know of a real Ray head: the instance's own if it runs, else one of this module."""
    with ray_head(server_settings) as variables:
        yield variables
