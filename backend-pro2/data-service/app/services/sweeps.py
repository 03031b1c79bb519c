"""Remove what crashes left behind: objects that no row refers to, and directories of jobs long over."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from shared.logging import get_logger
from shared.resources import Resources

from ..repositories import versions
from .downloads import scratch_parent

log = get_logger(__name__)

SWEEP_SECONDS = 3600.0
PAGE = 500


async def sweep(resources: Resources) -> None:
    """One pass; harmless when repeated or when several workers do it at once."""
    hours = resources.settings.orphan_hours
    removed = 0
    async for keys in _old_keys(resources, datetime.now(UTC) - timedelta(hours=hours)):
        async with resources.database.transaction(read_only=True) as session:
            used = await versions.referenced(session, keys)
        orphans = [key for key in keys if key not in used]
        await resources.object_store.remove(*orphans)
        removed += len(orphans)
    folders = await asyncio.to_thread(_remove_old, scratch_parent(resources.settings.cache_dir), hours * 3600)
    log.info("orphans_swept", objects=removed, folders=folders)


async def _old_keys(resources: Resources, before: datetime) -> AsyncIterator[list[str]]:
    page: list[str] = []
    async for entry in resources.object_store.list(""):
        if entry.modified < before:
            page.append(entry.key)
        if len(page) == PAGE:
            yield page
            page = []
    if page:
        yield page


def _remove_old(parent: Path, seconds: float) -> int:
    if not parent.is_dir():
        return 0
    old = [folder for folder in parent.iterdir() if folder.stat().st_mtime < time.time() - seconds]
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)
    return len(old)
