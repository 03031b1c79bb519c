"""The task `prediction_dataset`: a file of predictions, made by the AI service, begins a dataset, once."""

from functools import partial
from typing import Any
from uuid import UUID

from shared.membership import ProjectRole, require_project
from shared.quotas import require_bytes
from shared.tasks import Task, TaskFailed, TaskRun

from ..repositories.versions import Parent
from .new_datasets import DatasetOrder, begin_dataset, under_free_name
from .new_versions import RawUpload

NOBODY = "The account on whose behalf the rows were predicted is gone."


async def begin_prediction_dataset(run: TaskRun) -> None:
    """Make the dataset and order its ingest in the transaction that ends this task; its result names both.

    Raises:
        TaskFailed: there is nobody left on whose behalf it could be made.
        Conflict: `name_taken`. Forbidden, ProjectArchived, QuotaExceeded, TooManyTasks: the project.
    """
    creator = run.task.created_by
    if creator is None:
        raise TaskFailed("forbidden", NOBODY)
    asked = run.task.params
    submitted = await under_free_name(
        run.resources.database,
        run.task.project_id,
        creator,
        wanted=asked["name"],
        filename=asked["filename"],
        make=partial(_begin, run, creator),
    )
    await run.resources.ledger.ring(submitted)


async def _begin(run: TaskRun, creator: UUID, name: str) -> Task:
    result: dict[str, Any] = {}
    async with run.commit(result) as session:
        await require_project(session, run.task.project_id, creator, minimum=ProjectRole.EDITOR)
        await require_bytes(session, run.resources.settings, run.task.project_id, run.task.params["bytes"])
        submitted = await begin_dataset(session, run.resources.ledger, _order(run.task, creator), name)
        result |= {"task_id": str(submitted.id), "dataset_id": str(submitted.dataset_id), "version": submitted.version}
    return submitted


def _order(task: Task, creator: UUID) -> DatasetOrder:
    asked = task.params
    file = RawUpload(asked["filename"], [asked["key"]], asked["bytes"], asked["sha256"])
    source = Parent(UUID(asked["source"]["dataset_id"]), asked["source"]["version"])
    return DatasetOrder(
        UUID(asked["dataset_id"]),
        task.project_id,
        creator,
        asked["description"],
        [],
        operation={"op": "prediction", "options": {}, "source": asked["source"], "model": asked["model"]},
        params={"filename": file.filename, "bytes": file.bytes},
        request_id=task.request_id,
        file=file,
        parents=[source],
    )
