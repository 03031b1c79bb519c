"""What the tasks that fill a version have in common: its content is stored, then committed with the task's success."""

from pathlib import Path
from typing import Any
from uuid import UUID

from shared.database import Session, UniqueViolation
from shared.errors import NotFound
from shared.ids import new_id
from shared.object_store import StoredObject
from shared.quotas import QuotaExceeded, require_bytes, require_rows
from shared.tasks import StaleAttempt, Task, TaskFailed, TaskRun, TaskStatus, lease_repository
from shared.tasks.ends import Hold

from ..repositories import datasets, versions
from ..repositories.versions import Content, RawFile
from . import quality_checks
from .ready_events import announce_version
from .retention import expire_now

PARQUET = "data.parquet"
GONE = TaskFailed("dataset_removed", "The dataset was removed before it could be read.")
EXPIRED = TaskFailed(
    "version_expired", "The file of this version was removed by the dataset's retention; upload it again."
)
SUPERSEDED = TaskFailed(
    "version_superseded", "A later version of this dataset has become current meanwhile. Give the data once more."
)
_CANCELLED = "It was cancelled. Submit it again if you still want it."


def version_of(task: Task) -> tuple[UUID, int]:
    """The version that a task fills.

    Raises:
        TaskFailed: `dataset_removed`.
    """
    if task.dataset_id is None or task.version is None:
        raise GONE
    return task.dataset_id, task.version


async def open_version(run: TaskRun) -> RawFile:
    """The version that the task fills, open to be filled: the end of an earlier run may have marked it failed.

    Raises:
        TaskFailed: `dataset_removed`, `version_expired`; `version_in_progress`, another version of the dataset is being
            made by now; `version_superseded`, a later one has become current.
        StaleAttempt: another attempt holds the task now.
    """
    dataset_id, version = version_of(run.task)
    async with run.resources.database.transaction(read_only=True) as session:
        found = await versions.raw_file(session, dataset_id, version)
    if found is None:
        raise GONE
    if found.status == "expired":
        raise EXPIRED
    if found.status == "failed":
        await _reopen(run, dataset_id, version)
    return found


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
    # The dataset before its versions, as a removal has it; and nobody begins another version meanwhile.
    await datasets.lock(session, task.dataset_id)
    found = await versions.raw_file(session, task.dataset_id, task.version)
    if found is None or found.status != "ingesting":
        # A retry that could not even begin, or one that was given up: the dataset may be busy with another version.
        return
    await datasets.mark_failed(session, task.dataset_id, code, detail)
    await versions.mark_failed(session, task.dataset_id, task.version)


async def _reopen(run: TaskRun, dataset_id: UUID, version: int) -> None:
    try:
        async with run.resources.database.transaction() as session:
            # The task before the dataset, as a commit has it.
            if not await lease_repository.lock(session, Hold.of(run.task)):
                raise StaleAttempt
            locked = await datasets.lock(session, dataset_id)
            if locked is None:
                raise GONE
            # What it would hold is not in the later one, which was made of what came before both.
            if locked.current_version is not None and locked.current_version > version:
                raise SUPERSEDED
            await versions.give_up(session, dataset_id)
            await versions.reopen(session, dataset_id, version)
            await datasets.reopen(session, dataset_id, run.task.id)
    except UniqueViolation as error:
        raise TaskFailed(
            "version_in_progress",
            "Another version of this dataset is being made now. Retry this task when that one has ended.",
        ) from error


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
        await announce_version(session, dataset_id, version)
