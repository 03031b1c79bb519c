"""The task `ingest`: an uploaded file becomes a ready version."""

from pathlib import Path
from typing import Any

from shared.content_cache import CorruptObject
from shared.database import Session
from shared.logging import get_logger
from shared.resources import Resources
from shared.scratch import scratch
from shared.tasks import Task, TaskFailed, TaskRun

from ..repositories import versions
from ..repositories.versions import RawFile
from . import contents
from .local_files import fetch_raw
from .merges import merge_job
from .quality_checks import quality_job
from .upload_completions import EXPECTED_SHA256
from .url_downloads import download
from .url_imports import FROM_URL

log = get_logger(__name__)

FUNCTION = "data-service.app.engines.ingest:ingest"


class Ingest:
    """Handler of the task; may run any number of times, only one run has effect."""

    async def run(self, run: TaskRun) -> None:
        """Fetch, convert, add to the base if there is one, profile, store, commit.

        Raises:
            TaskFailed: what open_version and a download raise; `checksum_mismatch`, `version_expired`.
            QuotaExceeded: the project has no room for its rows or its Parquet file.
            ComputeFailed: the file is no table, or too much for the limits.
        """
        raw = await contents.open_version(run)
        if raw.status == "ready":
            return
        async with scratch(run.resources.settings.cache_dir) as folder:
            await run.progress(0, 100, "Fetching the file")
            if raw.operation.get("op") == FROM_URL and not raw.raw_keys:
                raw = await download(run, raw)
            await _fetch(run.resources, raw, folder / "raw")
            quality = await quality_job(run.resources, run.task.project_id, raw.dataset_id)
            merge = await merge_job(run, raw, folder)
            job = {**_job(run.resources, raw, folder), "merge": merge, "quality": quality}
            answer = await run.compute(FUNCTION, job)
            await contents.store_and_commit(run, folder, answer)

    async def failed(self, session: Session, task: Task) -> None:
        """Mark the version and its dataset failed, in the transaction that ends the task."""
        await contents.mark_failed(session, task)


async def _fetch(resources: Resources, raw: RawFile, path: Path) -> None:
    found = await fetch_raw(resources.object_store, raw.raw_keys, path)
    if raw.raw_sha256 is not None and found != raw.raw_sha256:
        log.error("corrupt_object", object_names=raw.raw_keys, expected=raw.raw_sha256, found=found)
        raise CorruptObject("The stored file is damaged; upload it again.")
    expected = raw.operation.get(EXPECTED_SHA256)
    if expected not in (None, found):
        raise TaskFailed(
            "checksum_mismatch",
            f"The file has the SHA-256 {found} and not {expected}, which was announced. Upload it again.",
        )
    if raw.raw_sha256 is None:
        # Objects do not change, so whichever attempt writes it writes the same.
        async with resources.database.transaction() as session:
            await versions.set_raw_sha256(session, raw.dataset_id, raw.version, found)


def _job(resources: Resources, raw: RawFile, folder: Path) -> dict[str, Any]:
    settings = resources.settings
    return {
        "source": str(folder / "raw"),
        "filename": raw.filename or "",
        "parquet": str(folder / contents.PARQUET),
        "scratch": str(folder),
        "options": raw.operation.get("options", {}),
        "max_columns": settings.max_columns,
        "max_unpacked_bytes": settings.max_unpacked_bytes,
        "memory_mb": settings.task_memory_limit_mb,
        "threads": settings.engine_threads,
    }
