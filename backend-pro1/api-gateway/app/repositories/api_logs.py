"""The table `api_logs`: every call, written in batches, read by administrators."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from shared.addresses import counted_form
from shared.database import Session
from shared.pagination import Position

from ..schemas.api_logs import ApiLogFilter


class ApiLogRecord(NamedTuple):
    """A call, about to be written or read back; its fields are the columns."""

    id: UUID
    at: datetime
    request_id: str
    user_id: UUID | None
    api_key_id: UUID | None
    method: str
    path: str
    status: int
    duration_ms: float
    bytes_in: int | None
    bytes_out: int | None
    address: str | None


class ApiLogs:
    """Calls of the API."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def insert(self, rows: Sequence[ApiLogRecord]) -> None:
        """Write a batch, all or none.

        Raises:
            UniqueViolation: it was written before.
            RowsRefused: one of the rows cannot be stored.
        """
        await self._session.copy_rows("api_logs", ApiLogRecord._fields, rows)

    async def page(self, wanted: ApiLogFilter, limit: int, after: Position | None) -> list[ApiLogRecord]:
        """Up to `limit` calls that fit, newest first, older than `after`."""
        # A plan made for these filters, since the one for all of them at once could use no index.
        await self._session.execute("SET LOCAL plan_cache_mode = force_custom_plan")
        return await self._session.fetch_all(
            ApiLogRecord,
            """
            SELECT id, at, request_id, user_id, api_key_id, method, path, status, duration_ms, bytes_in, bytes_out,
                   address
            FROM api_logs
            WHERE ($1::uuid IS NULL OR user_id = $1)
                AND ($2::uuid IS NULL OR api_key_id = $2)
                AND ($3::text IS NULL OR method = $3)
                AND ($4::text IS NULL OR starts_with(path, $4))
                AND ($5::smallint IS NULL OR status = $5)
                AND ($6::smallint IS NULL OR status >= $6)
                AND ($6::smallint IS NULL OR status < $6 + 100)
                AND ($7::text IS NULL OR request_id = $7)
                AND ($8::text IS NULL OR address = $8)
                AND at >= coalesce($9::timestamptz, '-infinity')
                AND at < coalesce($10::timestamptz, 'infinity')
                AND at <= coalesce($11::timestamptz, 'infinity')
                AND (at, id) < (coalesce($11, 'infinity'), coalesce($12, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid))
            ORDER BY at DESC, id DESC
            LIMIT $13
            """,
            wanted.user_id,
            wanted.api_key_id,
            wanted.method,
            wanted.path,
            wanted.status,
            wanted.status_class and int(wanted.status_class[0]) * 100,
            wanted.request_id,
            wanted.address and counted_form(str(wanted.address)),
            wanted.since,
            wanted.until,
            after and after.at,
            after and after.id,
            limit,
        )

    async def callers_who_left(self, limit: int) -> list[UUID]:
        """Up to `limit` users who are named in the log and exist no more.

        Jumps from user to user along the index, so it costs what the number of users costs and not that of calls.
        """
        found = await self._session.fetch_value(
            """
            WITH RECURSIVE callers AS (
                (SELECT user_id FROM api_logs WHERE user_id IS NOT NULL ORDER BY user_id LIMIT 1)
                UNION ALL
                SELECT (SELECT l.user_id FROM api_logs l WHERE l.user_id > c.user_id ORDER BY l.user_id LIMIT 1)
                FROM callers c
                WHERE c.user_id IS NOT NULL
            )
            SELECT coalesce(array_agg(user_id), '{}') FROM (
                SELECT c.user_id FROM callers c
                WHERE c.user_id IS NOT NULL AND NOT EXISTS (SELECT FROM users u WHERE u.id = c.user_id)
                LIMIT $1
            ) AS gone
            """,
            limit,
        )
        return list(found)

    async def make_anonymous(self, user_id: UUID, limit: int) -> int:
        """Remove user, key and address from up to `limit` calls of a user; the number of calls changed."""
        return await self._session.execute(
            """
            UPDATE api_logs SET user_id = NULL, api_key_id = NULL, address = NULL
            WHERE (at, id) IN (SELECT at, id FROM api_logs WHERE user_id = $1 LIMIT $2)
            """,
            user_id,
            limit,
        )
