"""What an ingest needs that adds a file to a version: the base's content, kept at hand until it is done."""

import asyncio
import os
from pathlib import Path
from typing import Any

from shared.tasks import TaskRun

from ..engines.merges.fit import APPEND, UPSERT
from ..repositories import lineages
from ..repositories.versions import RawFile
from . import contents
from .inputs import pinned_inputs
from .local_files import local_disk, local_path

BASE = "base.parquet"


async def merge_job(run: TaskRun, raw: RawFile, folder: Path) -> dict[str, Any] | None:
    """engines.merges.merge.MergeJob with the base in `folder`; None for a file that is the whole content.

    Raises:
        TaskFailed: `dataset_removed`, `version_expired`, `version_blocked`.
        ServiceUnavailable: the store, or the local disk, failed.
    """
    mode = raw.operation.get("op")
    if mode not in (APPEND, UPSERT):
        return None
    async with run.resources.database.transaction(read_only=True) as session:
        number = await lineages.base_of(session, raw.dataset_id, raw.version)
    if number is None:
        raise contents.GONE
    (base,) = await pinned_inputs(run.resources, run.task.project_id, [(raw.dataset_id, number)])
    cached = await local_path(run.resources.cache, base)
    with local_disk():
        # The cache may drop it while the file is being read; a second name keeps it.
        await asyncio.to_thread(os.link, cached, folder / BASE)
    return {"mode": mode, "base": str(folder / BASE), "key": raw.operation.get("key", [])}
