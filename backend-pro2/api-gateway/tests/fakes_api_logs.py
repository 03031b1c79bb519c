"""The API log in memory, with what a database does to those who write: go away, refuse, keep an answer to itself."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, cast

from shared.database import RowsRefused, Session, UniqueViolation
from shared.errors import ServiceUnavailable

from ..app.repositories import Repositories, UnitOfWork
from ..app.repositories.api_log_partitions import ApiLogPartitions, Month
from ..app.repositories.api_logs import ApiLogRecord, ApiLogs

NOTHING = cast("Session", None)


class FakeApiLogs(ApiLogs):
    """Rows in a list."""

    def __init__(self) -> None:
        super().__init__(NOTHING)
        self.rows: list[ApiLogRecord] = []
        self.batches: list[int] = []
        self.away = False
        self.poison: str | None = None
        self.answers_lost = 0
        self.error: Exception | None = None

    async def insert(self, rows: Sequence[ApiLogRecord]) -> None:
        if self.error is not None:
            raise self.error
        if self.away:
            raise ServiceUnavailable("away")
        if {row.id for row in rows} & {row.id for row in self.rows}:
            raise UniqueViolation
        if any(row.path == self.poison for row in rows):
            raise RowsRefused("DataError")
        self.rows.extend(rows)
        self.batches.append(len(rows))
        if self.answers_lost:
            self.answers_lost -= 1
            raise ServiceUnavailable("lost after the commit")


class FakePartitions(ApiLogPartitions):
    """Months in a set; `meanwhile` is what another gateway makes or drops while this one waits for its turn."""

    def __init__(self, *months: Month) -> None:
        super().__init__(NOTHING)
        self.present = set(months)
        self.meanwhile: set[Month] | None = None
        self.done: list[tuple[str, str]] = []
        self.strays: list[datetime] = []

    async def hold(self) -> None:
        if self.meanwhile is not None:
            self.present = self.meanwhile

    async def months(self) -> set[Month]:
        return set(self.present)

    async def attach(self, month: Month) -> int:
        self.done.append(("attach", month.partition))
        self.present.add(month)
        return 0

    async def drop(self, month: Month) -> None:
        self.done.append(("drop", month.partition))
        self.present.remove(month)

    async def forget_strays(self, before: datetime, limit: int) -> int:
        old = sorted(at for at in self.strays if at < before)[:limit]
        self.strays = [at for at in self.strays if at not in old]
        return len(old)


def work_on(logs: ApiLogs | None = None, partitions: ApiLogPartitions | None = None) -> UnitOfWork:
    """A unit of work that knows nothing but these."""
    others: dict[str, Any] = dict.fromkeys((field.name for field in fields(Repositories)), None)
    repositories = Repositories(**{**others, "api_logs": logs, "api_log_partitions": partitions})

    @asynccontextmanager
    async def begin(*, read_only: bool = False) -> AsyncIterator[Repositories]:
        yield repositories

    return begin


def utc(year: int, month: int, day: int = 1, hour: int = 0) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)
