"""The task `ingest`: an uploaded file becomes a ready version."""

from pathlib import Path
from typing import Any

from shared.database import Session
from shared.errors import NotFound
from shared.ids import new_id
from shared.object_store import StoredObject
from shared.quotas import QuotaExceeded, require_bytes, require_rows
from shared.resources import Resources
from shared.scratch import scratch
from shared.tasks import StaleAttempt, Task, TaskFailed, TaskRun, TaskStatus

from ..repositories import datasets, versions
from ..repositories.versions import Content, RawFile

FUNCTION = "data-service.app.engines.ingest:ingest"
GONE = TaskFailed("dataset_removed", "The dataset was removed before it could be read.")
CANCELLED = "The ingest was cancelled. Upload the file again if you still want it."


class Ingest:
    """Handler of the task; may run any number of times, only one run has effect."""

    async def run(self, run: TaskRun) -> None:
        """Fetch, convert, profile, store, commit.

        Raises:
            TaskFailed: `dataset_removed`.
            QuotaExceeded: the project has no room for its rows or its Parquet file.
            ComputeFailed: the file is no table, or too much for the limits.
        """
        raw = await _raw_file(run)
        if raw.status == "ready":
            return
        async with scratch(run.resources.settings.cache_dir) as folder:
            await run.progress(0, 100, "Fetching the file")
            answer = await run.compute(FUNCTION, await _job(run.resources, raw, folder))
            await run.progress(97, 100, "Storing")
            key = f"{run.task.project_id}/{raw.dataset_id}/{new_id()}"
            stored = await run.resources.object_store.put_file(key, folder / "data.parquet")
        try:
            await _commit(run, raw, stored, answer)
        except (StaleAttempt, TaskFailed, QuotaExceeded, NotFound):
            await run.resources.object_store.remove(stored.key)
            raise

    async def failed(self, session: Session, task: Task) -> None:
        """Mark the version and its dataset failed, in the transaction that ends the task."""
        if task.dataset_id is None or task.version is None:
            return
        cancelled = task.status == TaskStatus.CANCELLED
        code = "cancelled" if cancelled else task.error_code or "internal_error"
        detail = CANCELLED if cancelled else task.error_detail or ""
        await versions.mark_failed(session, task.dataset_id, task.version)
        await datasets.mark_failed(session, task.dataset_id, code, detail)


async def _raw_file(run: TaskRun) -> RawFile:
    dataset_id, version = run.task.dataset_id, run.task.version
    if dataset_id is None or version is None:
        raise GONE
    async with run.resources.database.transaction(read_only=True) as session:
        raw = await versions.raw_file(session, dataset_id, version)
    if raw is None:
        raise GONE
    return raw


async def _job(resources: Resources, raw: RawFile, folder: Path) -> dict[str, Any]:
    settings = resources.settings
    return {
        "source": str(await resources.cache.fetch(raw.raw_key, raw.raw_sha256)),
        "parquet": str(folder / "data.parquet"),
        "scratch": str(folder),
        "max_columns": settings.max_columns,
        "memory_mb": settings.task_memory_limit_mb,
        "threads": settings.engine_threads,
    }


async def _commit(run: TaskRun, raw: RawFile, stored: StoredObject, answer: dict[str, Any]) -> None:
    content = Content(
        parquet_key=stored.key,
        parquet_bytes=stored.bytes,
        parquet_sha256=stored.sha256,
        row_count=answer["rows"],
        schema=answer["schema"],
        profile=answer["profile"],
        ingest_report=answer["report"],
    )
    result = {"dataset_id": str(raw.dataset_id), "version": raw.version, "rows": answer["rows"]}
    settings = run.resources.settings
    async with run.commit(result) as session:
        await require_rows(session, settings, run.task.project_id, answer["rows"])
        await require_bytes(session, settings, run.task.project_id, stored.bytes)
        if not await versions.mark_ready(session, raw.dataset_id, raw.version, content):
            raise GONE
        await datasets.mark_ready(session, raw.dataset_id, raw.version)
