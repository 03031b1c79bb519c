"""What the worker does with a task of kind `prediction`: predict, then have the data service make a dataset of it."""

from __future__ import annotations

import time
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid4, uuid5

from shared.database import UniqueViolation
from shared.errors import NotFound
from shared.object_store import StoredObject
from shared.scratch import scratch
from shared.tasks import NewTask, Queue, Task, TaskFailed, TaskRun

from ..repositories import results
from ..repositories.versions import read_version
from .model_runs import Use, compute, result_of, use_of

# Done by the data service, to which datasets belong.
HANDOVER = "prediction_dataset"
PREDICTIONS = "predictions.parquet"
# The dataset is mostly there long before; after this the task ends, and the dataset follows when it can.
READY_SECONDS = 300.0
NOBODY = "The account on whose behalf the rows were predicted is gone."


async def run_prediction(run: TaskRun) -> None:
    """Predict all rows; when the task has succeeded, the dataset is there.

    A second attempt computes the same anew, but hands nothing over twice, since the task of the handover has an id
    that follows from this one's.

    Raises:
        TaskFailed: the dataset cannot be used any more, `model_removed`, `ray_disabled`; why no dataset was made.
        ModelNotGenuine: the signature does not hold. TryLater: the task insists on Ray, which is away.
    """
    creator = run.task.created_by
    if creator is None:
        raise TaskFailed("forbidden", NOBODY)
    use = await use_of(run)
    started = time.monotonic()
    async with scratch(run.resources.settings.cache_dir) as output:
        answer = await compute(run, use, output, run.task.params["columns"] or list(use.data.types))
        key = f"{run.task.project_id}/{run.task.params['output']}/{uuid4()}"
        stored = await run.resources.object_store.put_file(key, output / PREDICTIONS)
    await _hand_over(run, use, stored)
    answer["summary"] |= await _made(run, creator)
    result = await result_of(run, use, answer, started)
    async with run.commit({"type": result.type, "summary": result.summary, "warnings": result.warnings}) as session:
        await results.insert(session, result)


async def _hand_over(run: TaskRun, use: Use, stored: StoredObject) -> None:
    order = _order(run, use, stored)
    try:
        async with run.resources.database.transaction() as session:
            task = await run.resources.ledger.submit(session, order)
    except UniqueViolation:
        # An attempt before this one came so far; its file is used.
        await run.resources.object_store.remove(stored.key)
        return
    await run.resources.ledger.ring(task)


def _order(run: TaskRun, use: Use, stored: StoredObject) -> NewTask:
    task, model = run.task, use.model
    stem = f"{use.data.name} predicted by {model.name}"[:100]
    params: dict[str, Any] = {
        "dataset_id": task.params["output"],
        "name": task.params["name"],
        "filename": f"{stem.replace('/', '-')}.parquet",
        "description": f"Predictions of {model.name!r}, version {model.version}, for {use.data.name!r}.",
        "key": stored.key,
        "bytes": stored.bytes,
        "sha256": stored.sha256,
        "source": {"dataset_id": str(use.data.dataset_id), "version": use.data.version},
        "model": {"model_id": str(model.model_id), "version": model.version, "sha256": model.sha256},
    }
    return NewTask(
        id=_handover_id(task),
        kind=HANDOVER,
        queue=Queue.INGEST,
        project_id=task.project_id,
        created_by=task.created_by,
        params=params,
        request_id=task.request_id,
    )


def _handover_id(task: Task) -> UUID:
    return uuid5(NAMESPACE_OID, f"{HANDOVER}:{task.id}")


async def _made(run: TaskRun, creator: UUID) -> dict[str, Any]:
    """What the summary tells of the dataset, once it is ready, or has not become so in READY_SECONDS.

    Raises:
        TaskFailed: it could not be made.
    """
    await run.progress(1, 1, "Making the dataset")
    deadline = time.monotonic() + READY_SECONDS
    dataset_id = UUID(run.task.params["output"])
    await _ended(run, _handover_id(run.task), creator, deadline)
    async with run.resources.database.transaction(read_only=True) as session:
        version = await read_version(session, run.task.project_id, dataset_id, None)
    if version is not None and version.task_id is not None:
        await _ended(run, version.task_id, creator, deadline)
    name = None if version is None else version.name
    return {"dataset_id": str(dataset_id), "version": 1, "dataset_name": name}


async def _ended(run: TaskRun, task_id: UUID, creator: UUID, deadline: float) -> None:
    try:
        task = await run.resources.ledger.wait(task_id, creator, max(0.0, deadline - time.monotonic()))
    except NotFound:
        raise TaskFailed("forbidden", NOBODY) from None
    if task.status in ("failed", "cancelled"):
        code, detail = task.error_code or "cancelled", task.error_detail or "The making of the dataset was cancelled."
        raise TaskFailed(code, detail)
