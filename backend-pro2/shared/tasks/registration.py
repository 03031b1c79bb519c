"""This process's row among the workers: written at its start, kept fresh while it lives, removed when it stops."""

import asyncio
from pathlib import Path

import asyncpg

from shared.database import Database
from shared.errors import ServiceUnavailable
from shared.logging import get_logger
from shared.metrics import tasks as metrics

from . import worker_registry
from .wakes import pause
from .worker_registry import Entry

log = get_logger(__name__)

FAREWELL_SECONDS = 2.0
AWAY = (ServiceUnavailable, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError)


class Registration:
    """For people to look at: nothing depends on it, so a database that is away is only waited for."""

    def __init__(self, database: Database, entry: Entry, alive_file: str = "") -> None:
        self._database = database
        self._entry = entry
        self._alive_file = Path(alive_file) if alive_file else None
        self._is_draining = False
        self._is_over = False
        self._changed = asyncio.Event()

    def drain(self) -> None:
        """From now on the row says that this worker takes no more tasks."""
        self._is_draining = True
        self._changed.set()

    async def keep(self) -> None:
        """Write the row again and again, until `stop`; then remove it, if the database is there."""
        while not self._is_over:
            metrics.alive()
            if self._alive_file:
                self._alive_file.touch()
            try:
                async with self._database.transaction() as session:
                    await worker_registry.put(session, self._entry, is_draining=self._is_draining)
            except AWAY as error:
                log.warning("registration_missed", error=type(error).__name__)
            await pause(self._changed, worker_registry.BEAT_SECONDS)
        await self._leave()

    def stop(self) -> None:
        """Have `keep` come to its end."""
        self._is_over = True
        self._changed.set()

    async def _leave(self) -> None:
        try:
            async with asyncio.timeout(FAREWELL_SECONDS), self._database.transaction() as session:
                await worker_registry.remove(session, self._entry.name)
        except AWAY as error:
            log.warning("registration_left", error=type(error).__name__)
