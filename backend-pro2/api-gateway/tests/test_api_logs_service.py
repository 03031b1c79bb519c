"""Reading the API log, without a database."""

from datetime import timedelta

import asyncpg
import pytest

from shared.errors import Invalid, RequestTimeout
from shared.ids import new_id
from shared.pagination import Position, decode_position

from ..app.repositories.api_logs import ApiLogRecord
from ..app.schemas.api_logs import ApiLogFilter
from ..app.services.api_logs import ApiLogService
from .fakes_api_logs import FakeApiLogs, utc, work_on


class Shelf(FakeApiLogs):
    """Records newest first, or an error."""

    def __init__(self, *records: ApiLogRecord) -> None:
        super().__init__()
        self.records = records

    async def page(self, wanted: ApiLogFilter, limit: int, after: Position | None) -> list[ApiLogRecord]:
        if self.error is not None:
            raise self.error
        return [one for one in self.records if after is None or (one.at, one.id) < after][:limit]


def record(minute: int) -> ApiLogRecord:
    at = utc(2031, 5) + timedelta(minutes=minute)
    return ApiLogRecord(new_id(), at, "r", None, None, "GET", "/", 200, 1.23456, None, 0, None)


async def test_pages() -> None:
    records = [record(minute) for minute in (3, 2, 1)]
    service = ApiLogService(work_on(Shelf(*records)))
    first = await service.list(ApiLogFilter(), 2, None)
    assert ([item.id for item in first.items], first.items[0].duration_ms) == ([one.id for one in records[:2]], 1.23)
    assert decode_position(first.next_cursor) == Position(records[1].at, records[1].id)
    second = await service.list(ApiLogFilter(), 2, first.next_cursor)
    assert ([item.id for item in second.items], second.next_cursor) == ([records[2].id], None)


async def test_a_search_without_end() -> None:
    shelf = Shelf()
    shelf.error = asyncpg.QueryCanceledError()
    with pytest.raises(RequestTimeout, match="since"):
        await ApiLogService(work_on(shelf)).list(ApiLogFilter(), 50, None)


async def test_a_foreign_cursor() -> None:
    with pytest.raises(Invalid):
        await ApiLogService(work_on(Shelf())).list(ApiLogFilter(), 50, "x")
