"""The API log as administrators read it."""

import asyncpg

from shared.errors import RequestTimeout
from shared.pagination import Position, decode_position, page_of
from shared.schemas import Page

from ..repositories import UnitOfWork
from ..repositories.api_logs import ApiLogRecord
from ..schemas.api_logs import ApiLog, ApiLogFilter


class ApiLogService:
    """Use cases of /admin/api-logs."""

    def __init__(self, begin: UnitOfWork) -> None:
        self._begin = begin

    async def list(self, wanted: ApiLogFilter, limit: int, cursor: str | None) -> Page[ApiLog]:
        """One page of the calls that fit, newest first.

        Raises:
            RequestTimeout: too many rows lie between those that fit.
        """
        after = decode_position(cursor)
        try:
            async with self._begin(read_only=True) as repositories:
                rows = await repositories.api_logs.page(wanted, limit + 1, after)
        except asyncpg.QueryCanceledError as error:
            raise RequestTimeout("The search took too long; narrow it with since and until.") from error
        return page_of(rows, limit, _body, lambda row: Position(row.at, row.id))


def _body(row: ApiLogRecord) -> ApiLog:
    return ApiLog(
        id=row.id,
        at=row.at,
        request_id=row.request_id,
        user_id=row.user_id,
        api_key_id=row.api_key_id,
        method=row.method,
        path=row.path,
        status=row.status,
        # Single precision in the table, whose tail would look like a measurement.
        duration_ms=round(row.duration_ms, 2),
        bytes_in=row.bytes_in,
        bytes_out=row.bytes_out,
        address=row.address,
    )
