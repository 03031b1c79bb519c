"""The monthly partitions of `api_logs`, and what waits in its default one."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Self

from shared.database import Session

_NAME = re.compile(r"api_logs_(\d{4})_(\d{2})", re.ASCII)
# Any number that nothing else in the database locks by.
_LOCK = 2745647


class Month(NamedTuple):
    """A month of the calendar, in UTC."""

    year: int
    number: int

    @classmethod
    def of(cls, at: datetime) -> Self:
        """The month in which `at` lies."""
        at = at.astimezone(UTC)
        return cls(at.year, at.month)

    @property
    def following(self) -> "Month":
        """The next one."""
        return Month(self.year + self.number // 12, self.number % 12 + 1)

    @property
    def start(self) -> datetime:
        """Its first moment."""
        return datetime(self.year, self.number, 1, tzinfo=UTC)

    @property
    def partition(self) -> str:
        """The table that holds it.

        Goes into statements as it is, because definitions take no parameters; `d` formats integers and nothing else.
        """
        return f"api_logs_{self.year:04d}_{self.number:02d}"


@dataclass(frozen=True, slots=True)
class _Named:
    name: str


class ApiLogPartitions:
    """Definitions; each may fail when it waits for others longer than DATABASE_LOCK_TIMEOUT_SECONDS."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def hold(self) -> None:
        """Until the transaction ends, be the only one of all gateways who changes partitions."""
        await self._session.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)

    async def months(self) -> set[Month]:
        """Months that have a partition; tables of other names are somebody else's."""
        rows = await self._session.fetch_all(
            _Named,
            """
            SELECT c.relname::text AS name
            FROM pg_inherits i
            JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = 'api_logs'::regclass
            """,
        )
        found = (_NAME.fullmatch(row.name) for row in rows)
        return {Month(int(match[1]), int(match[2])) for match in found if match}

    async def attach(self, month: Month) -> int:
        """Make a month's partition; the number of rows that move into it from the default one."""
        # Locked before they move, lest one that comes meanwhile forbids the partition.
        await self._session.execute("LOCK TABLE api_logs_default IN ACCESS EXCLUSIVE MODE")
        await self._session.execute(f"CREATE TABLE {month.partition} (LIKE api_logs INCLUDING ALL)")
        moved = await self._session.execute(
            # Why this holds no foreign text: see Month.partition.
            f"""
            WITH moved AS (
                DELETE FROM api_logs_default WHERE at >= $1 AND at < $2
                RETURNING id, at, request_id, user_id, method, path, status, duration_ms, bytes_in, bytes_out, address,
                    api_key_id
            )
            INSERT INTO {month.partition} (id, at, request_id, user_id, method, path, status, duration_ms, bytes_in,
                bytes_out, address, api_key_id)
            SELECT id, at, request_id, user_id, method, path, status, duration_ms, bytes_in, bytes_out, address,
                api_key_id
            FROM moved
            """,  # noqa: S608 - two integers, formatted
            month.start,
            month.following.start,
        )
        await self._session.execute(
            f"ALTER TABLE api_logs ATTACH PARTITION {month.partition} "
            f"FOR VALUES FROM ('{month.start.isoformat()}') TO ('{month.following.start.isoformat()}')"
        )
        return moved

    async def drop(self, month: Month) -> None:
        """Remove a month with all its rows."""
        await self._session.execute(f"DROP TABLE {month.partition}")

    async def forget_strays(self, before: datetime, limit: int) -> int:
        """Remove up to `limit` rows older than `before` that lie in no month's partition; how many there were."""
        return await self._session.execute(
            """
            DELETE FROM api_logs_default
            WHERE (at, id) IN (SELECT at, id FROM api_logs_default WHERE at < $1 ORDER BY at LIMIT $2)
            """,
            before,
            limit,
        )
