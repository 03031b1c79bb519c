"""Waiting until another transaction waits."""

import asyncio
import time

from shared.database import Database

_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def until_somebody_waits(database: Database, seconds: float = 60) -> None:
    """Return once a transaction of this database waits for a lock, which it must within so many seconds."""
    deadline = time.monotonic() + seconds
    while not await _waiting(database):
        if time.monotonic() > deadline:
            raise AssertionError(f"nobody waited within {seconds} s")
        await asyncio.sleep(0.02)


async def _waiting(database: Database) -> int:
    async with database.transaction(read_only=True) as session:
        count: int = await session.fetch_value(_WAITING)
        return count
