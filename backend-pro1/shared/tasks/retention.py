"""Tasks that ended long ago go, with their events, attempts and results."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from shared.database import Session
from shared.errors import ServiceUnavailable
from shared.logging import get_logger
from shared.removed_objects import remove_objects
from shared.resources import Resources

log = get_logger(__name__)

RETENTION_SECONDS = 3600.0
PAGE = 200

# What a worker has yet to settle stays, and what somebody waits for; the removal of a project goes with its project.
_OLD = """
SELECT t.id
FROM analysis_tasks t
WHERE t.finished_at < now() - $1::float8 * interval '1 day' AND t.queue = ANY($2::text[]) AND t.lease_until IS NULL
  AND t.kind <> 'project_removal'
  AND NOT EXISTS (
          SELECT 1 FROM task_dependencies d
          JOIN analysis_tasks w ON w.id = d.task_id
          WHERE d.depends_on = t.id AND w.status IN ('queued', 'running'))
ORDER BY t.finished_at
LIMIT $3
FOR UPDATE OF t SKIP LOCKED
"""

_REMOVE = "DELETE FROM analysis_tasks WHERE id = ANY($1::uuid[])"

# The keys of objects that belong to the tasks' results.
KeysOf = Callable[[Session, Sequence[UUID]], Awaitable[list[str]]]


@dataclass(frozen=True, slots=True)
class _Old:
    id: UUID


async def remove_ended(resources: Resources, queues: Sequence[str], keys_of: KeysOf) -> int:
    """Remove tasks of `queues` that ended more than `task_retention_days` ago, and their objects; how many."""
    removed = 0
    while resources.settings.task_retention_days > 0:
        count, keys = await _remove_page(resources, queues, keys_of)
        # Objects that stay because the store is away belong to nobody from now on, and the data service sweeps them.
        with suppress(ServiceUnavailable):
            await remove_objects(resources.database, resources.object_store, *keys)
        removed += count
        if count < PAGE:
            break
    if removed:
        log.info("old_tasks_removed", tasks=removed)
    return removed


async def _remove_page(resources: Resources, queues: Sequence[str], keys_of: KeysOf) -> tuple[int, list[str]]:
    days = resources.settings.task_retention_days
    async with resources.database.transaction() as session:
        ids = [old.id for old in await session.fetch_all(_Old, _OLD, days, list(queues), PAGE)]
        keys = await keys_of(session, ids) if ids else []
        return await session.execute(_REMOVE, ids), keys
