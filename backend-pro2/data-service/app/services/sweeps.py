"""Remove what crashes left behind: objects that no row refers to, and directories of jobs long over."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from shared.logging import get_logger
from shared.object_store import ObjectInfo
from shared.resources import Resources
from shared.scratch import sweep_scratch

from ..repositories import references
from .freed import Freed, remove_keys

log = get_logger(__name__)

SWEEP_SECONDS = 3600.0
PAGE = 500


async def sweep(resources: Resources) -> None:
    """One pass; harmless when repeated or when several workers do it at once."""
    freed = await remove_orphans(resources)
    folders = await sweep_scratch(resources.settings.cache_dir, resources.settings.orphan_hours * 3600)
    log.info("orphans_swept", objects=freed.objects, folders=folders)


async def remove_orphans(resources: Resources, prefix: str = "", *, dry_run: bool = False) -> Freed:
    """Remove objects below `prefix` that are older than `orphan_hours` and that no row refers to.

    Raises:
        ServiceUnavailable: the object store is away.
    """
    freed = Freed()
    before = datetime.now(UTC) - timedelta(hours=resources.settings.orphan_hours)
    async for page in _old_objects(resources, prefix, before):
        async with resources.database.transaction(read_only=True) as session:
            used = await references.referenced(session, [entry.key for entry in page])
        sizes = {entry.key: entry.bytes for entry in page if entry.key not in used}
        if not dry_run:
            await remove_keys(resources.database, resources.object_store, sizes)
        freed += Freed.of(0, sizes)
    return freed


async def _old_objects(resources: Resources, prefix: str, before: datetime) -> AsyncIterator[list[ObjectInfo]]:
    page: list[ObjectInfo] = []
    async for entry in resources.object_store.list(prefix):
        if entry.modified < before:
            page.append(entry)
        if len(page) == PAGE:
            yield page
            page = []
    if page:
        yield page
