"""What the tasks that fill a version have in common: its content is stored, then committed with the task's success."""

from pathlib import Path
from typing import Any
from uuid import UUID

from shared.database import Session
from shared.errors import NotFound
from shared.ids import new_id
from shared.object_store import StoredObject
from shared.quotas import QuotaExceeded, require_bytes, require_rows
from shared.tasks import StaleAttempt, Task, TaskFailed, TaskRun, TaskStatus

from ..repositories import datasets, versions
from ..repositories.versions import Content
from . import quality_checks
from .retention import expire_now

PARQUET = "data.parquet"
GONE = TaskFailed("dataset_removed", "The dataset was removed before it could be read.")
_CANCELLED = "It was cancelled. Submit it again if you still want it."


def version_of(task: Task) -> tuple[UUID, int]:
    """The version that a task fills.

    Raises:
        TaskFailed: `dataset_removed`.
    """
    if task.dataset_id is None or task.version is None:
        raise GONE
    return task.dataset_id, task.version


async def store_and_commit(run: TaskRun, folder: Path, answer: dict[str, Any]) -> None:
    """Store `folder`'s Parquet file and make its version ready, and current unless the quality gate
    keeps it from use (answer: engines.ingest.ContentAnswer).

    Raises:
        TaskFailed: `dataset_removed`.
        QuotaExceeded: the project has no room for its rows or its Parquet file.
        StaleAttempt: another attempt holds the task now.
    """
    dataset_id, version = version_of(run.task)
    await run.progress(97, 100, "Storing")
    key = f"{run.task.project_id}/{dataset_id}/{new_id()}"
    stored = await run.resources.object_store.put_file(key, folder / PARQUET)
    try:
        await _commit(run, dataset_id, version, stored, answer)
    except (StaleAttempt, TaskFailed, QuotaExceeded, NotFound):
        await run.resources.object_store.remove(stored.key)
        raise
    await expire_now(run.resources, dataset_id)


async def mark_failed(session: Session, task: Task) -> None:
    """Mark the version and its dataset failed, in the transaction that ends the task."""
    if task.dataset_id is None or task.version is None:
        return
    cancelled = task.status == TaskStatus.CANCELLED
    code = "cancelled" if cancelled else task.error_code or "internal_error"
    detail = _CANCELLED if cancelled else task.error_detail or ""
    # The dataset before its versions, as a removal has it.
    await datasets.mark_failed(session, task.dataset_id, code, detail)
    await versions.mark_failed(session, task.dataset_id, task.version)


async def _commit(run: TaskRun, dataset_id: UUID, version: int, stored: StoredObject, answer: dict[str, Any]) -> None:
    content = Content(
        parquet_key=stored.key,
        parquet_bytes=stored.bytes,
        parquet_sha256=stored.sha256,
        row_count=answer["rows"],
        schema=answer["schema"],
        profile=answer["profile"],
        ingest_report=answer.get("report"),
    )
    result = {"dataset_id": str(dataset_id), "version": version, "rows": answer["rows"]}
    settings = run.resources.settings
    async with run.commit(result) as session:
        await require_rows(session, settings, run.task.project_id, answer["rows"])
        await require_bytes(session, settings, run.task.project_id, stored.bytes)
        # The dataset before its versions, as a removal has it; and not into the trash.
        if await datasets.lock(session, dataset_id) is None:
            raise GONE
        if not await versions.mark_ready(session, dataset_id, version, content):
            raise GONE
        await datasets.mark_ready(session, dataset_id, version)
        if judged := answer.get("quality"):
            await quality_checks.record(session, dataset_id, version, judged, run.task.created_by)
