"""The task that makes a dataset of a file of predictions: once however often it runs, with its lineage."""

import asyncio
import hashlib
from pathlib import Path
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared.errors import Conflict, Forbidden
from shared.ids import new_id
from shared.resources import Resources
from shared.tasks import NewTask, StaleAttempt, Task, TaskRun
from shared.tasks.leases import Leases
from shared.testing.project import Workspace
from shared.testing.submission import changed

from ..app.repositories import references
from ..app.services.ingests import Ingest
from ..app.services.prediction_datasets import begin_prediction_dataset
from .ready import ready_dataset, working

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("warm_compute")]


@pytest.fixture
async def order(resources: Resources, workspace: Workspace, tmp_path: Path) -> NewTask:
    """What the AI service submits once it has predicted two rows."""
    source = await ready_dataset(resources, workspace, tmp_path, "sales", "SELECT i AS a FROM range(2) r(i)")
    path, dataset_id = tmp_path / "predictions.parquet", new_id()
    pq.write_table(pa.table({"a": [0, 1], "prediction": [0.5, 1.5]}), path)
    stored = await resources.object_store.put_file(f"{workspace.project_id}/{dataset_id}/{new_id()}", path)
    params = {
        "dataset_id": str(dataset_id),
        "name": None,
        "filename": "sales predicted by m.parquet",
        "description": "Predictions.",
        "key": stored.key,
        "bytes": stored.bytes,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "source": {"dataset_id": str(source), "version": 1},
        "model": {"model_id": str(new_id()), "version": 1, "sha256": "aa"},
    }
    return NewTask("prediction_dataset", "ingest", workspace.project_id, workspace.editor, params)


async def submitted(resources: Resources, new: NewTask) -> Task:
    async with resources.database.transaction() as session:
        return await resources.ledger.submit(session, new)


async def claimed(resources: Resources, worker: str) -> TaskRun:
    async def nothing(*_: object) -> None: ...

    options = {"queue": "ingest", "worker": worker, "lease_seconds": 60.0, "aftermath": {"prediction_dataset": nothing}}
    held = Leases(resources.database, resources.ledger.wakes, **options)  # type: ignore[arg-type]
    task = await held.claim()
    assert task is not None
    return TaskRun(task, resources, held)


async def test_the_file_becomes_a_dataset_made_of_its_source(
    resources: Resources, workspace: Workspace, order: NewTask
) -> None:
    task = await submitted(resources, order)
    async with resources.database.transaction() as session:
        key = order.params["key"]
        assert await references.referenced(session, [key]) == {key}
    async with working(resources, {"prediction_dataset": begin_prediction_dataset, "ingest": Ingest()}):
        assert (await changed(resources, task, lambda now: now.is_finished)).status == "succeeded"
        (ingest,) = await resources.ledger.list(workspace.owner, kind="ingest", limit=1)
        assert (await changed(resources, ingest, lambda now: now.is_finished)).status == "succeeded"
    assert ingest.dataset_id == UUID(order.params["dataset_id"])
    async with resources.database.transaction(read_only=True) as session:
        sql = "SELECT parent_id::text FROM version_parents WHERE dataset_id = $1"
        assert await session.fetch_value(sql, ingest.dataset_id) == order.params["source"]["dataset_id"]
        sql = "SELECT row_count FROM dataset_versions WHERE dataset_id = $1 AND status = 'ready'"
        assert await session.fetch_value(sql, ingest.dataset_id) == 2


async def test_two_runs_make_one_dataset(resources: Resources, workspace: Workspace, order: NewTask) -> None:
    task = await submitted(resources, order)
    first = await claimed(resources, "first")
    async with resources.database.transaction() as session:
        sql = "UPDATE analysis_tasks SET lease_until = clock_timestamp() - interval '1 second' WHERE id = $1"
        await session.execute(sql, task.id)
    second = await claimed(resources, "second")
    outcomes = await asyncio.gather(*map(begin_prediction_dataset, (first, second)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StaleAttempt, type(None)]
    made = [one for one in await resources.ledger.list(workspace.owner, kind="ingest") if one.status == "queued"]
    assert [str(one.dataset_id) for one in made] == [order.params["dataset_id"]]


async def test_a_name_that_is_taken_and_a_role_that_is_lost(
    resources: Resources, workspace: Workspace, order: NewTask
) -> None:
    await submitted(
        resources,
        NewTask(order.kind, order.queue, order.project_id, order.created_by, {**order.params, "name": "SALES"}),
    )
    run = await claimed(resources, "one")
    with pytest.raises(Conflict) as refused:
        await begin_prediction_dataset(run)
    assert refused.value.code == "name_taken"
    async with resources.database.transaction() as session:
        sql = "UPDATE project_members SET role = 'viewer' WHERE user_id = $1"
        await session.execute(sql, workspace.editor)
    with pytest.raises(Forbidden):
        await begin_prediction_dataset(run)
