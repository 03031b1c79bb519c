"""Datasets that are ready at once, and a worker in the test's own event loop."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest

from shared.compute import ComputePool
from shared.config import Settings
from shared.resources import Resources
from shared.tasks import Handler, TaskHandler
from shared.tasks.runtime import WorkerPlan, WorkerRuntime
from shared.testing.project import Workspace

from ..app.services.engine import PRELOAD
from ..app.services.garbage import collect_garbage
from ..app.services.ingests import Ingest
from ..app.services.process_tasks import Process
from ..app.services.query_tasks import run_query
from .made import Maker

HANDLERS: Mapping[str, Handler | TaskHandler] = {
    "ingest": Ingest(),
    "process": Process(),
    "query": run_query,
    "garbage_collection": collect_garbage,
}


@pytest.fixture(scope="session")
def warm_pool(server_settings: Settings) -> Iterator[ComputePool]:
    """Children that have the engines loaded, for all tests of the session."""
    pool = ComputePool(PRELOAD, threads=server_settings.engine_threads)
    yield pool
    asyncio.run(pool.close())


@pytest.fixture
async def warm_compute(resources: Resources, warm_pool: ComputePool) -> AsyncIterator[None]:
    """The test's resources compute in these."""
    own, resources.compute = resources.compute, warm_pool
    yield
    resources.compute = own


async def ready_dataset(
    resources: Resources, workspace: Workspace, folder: Path, name: str, *contents: str, project: UUID | None = None
) -> UUID:
    """A dataset whose versions hold what these queries give; the last one is current."""
    maker = Maker(resources.database, resources.object_store, workspace, folder)
    dataset_id = await maker.dataset(name, project=project)
    for number, sql in enumerate(contents, start=1):
        await maker.version(dataset_id, number, sql)
    return dataset_id


async def add_version(
    resources: Resources, workspace: Workspace, folder: Path, dataset_id: UUID, number: int, sql: str
) -> None:
    """One more version, which becomes the current one."""
    await Maker(resources.database, resources.object_store, workspace, folder).version(dataset_id, number, sql)


@pytest.fixture
async def worker(resources: Resources, warm_compute: None) -> AsyncIterator[None]:
    """A worker of every kind, in the test's own process."""
    async with working(resources, HANDLERS):
        yield


@asynccontextmanager
async def working(resources: Resources, handlers: Mapping[str, Handler | TaskHandler]) -> AsyncIterator[None]:
    """A worker of these kinds for as long as the block lasts."""
    settings = resources.settings.model_copy(update={"reconcile_seconds": 0.05})
    resources.settings = settings
    runtime = asyncio.create_task(
        WorkerRuntime(WorkerPlan("data-service", {"ingest": 2, "maintenance": 1}, handlers), resources).run()
    )
    try:
        yield
    finally:
        runtime.cancel()
        await asyncio.gather(runtime, return_exceptions=True)
