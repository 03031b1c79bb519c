"""What has been removed, counted; and trials, which count without removing."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from shared.database import Database, Session
from shared.object_store import ObjectStore
from shared.removed_objects import require_no_backup

AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Freed:
    """`items` (datasets, or versions) that are gone, and their objects with the bytes of these."""

    items: int = 0
    objects: int = 0
    bytes: int = 0

    @classmethod
    def of(cls, items: int, sizes: Mapping[str, int]) -> "Freed":
        """Items whose objects have these sizes by key."""
        return cls(items, len(sizes), sum(sizes.values()))

    def __add__(self, other: "Freed") -> "Freed":
        return Freed(self.items + other.items, self.objects + other.objects, self.bytes + other.bytes)


class _Undone(Exception):
    """Ends the transaction of a trial."""


@asynccontextmanager
async def trial(database: Database, *, dry_run: bool) -> AsyncIterator[Session]:
    """A transaction that is undone at its end if `dry_run`, so that a trial counts exactly what would be done."""
    with suppress(_Undone):
        async with database.transaction() as session:
            yield session
            if dry_run:
                raise _Undone


async def remove_keys(database: Database, store: ObjectStore, keys: Collection[str]) -> None:
    """Remove objects, a few at once; as for `remove_objects`, their rows have gone by a commit before.

    Raises:
        BackupUnderWay: none has been removed.
        ServiceUnavailable: the store is away; some may have been removed.
    """
    if not keys:
        return
    await require_no_backup(database)
    listed = list(keys)
    parts = (store.remove(*listed[start::AT_ONCE]) for start in range(AT_ONCE))
    # All are heard out, so that none goes on after a failure, which the caller must see as it is.
    for failure in await asyncio.gather(*parts, return_exceptions=True):
        if failure is not None:
            raise failure
