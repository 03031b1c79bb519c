"""Remove what crashes left behind: objects that no row refers to, and directories of jobs long over."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from shared.logging import get_logger
from shared.resources import Resources
from shared.scratch import sweep_scratch

from ..repositories import versions

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
    folders = await sweep_scratch(resources.settings.cache_dir, hours * 3600)
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
