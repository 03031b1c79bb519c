"""Calls of people whose account was erased stay in the log without them."""

from uuid import UUID

import pytest
from httpx import AsyncClient

from shared.database import Database
from shared.ids import new_id

from ..app.repositories import unit_of_work
from ..app.repositories.api_logs import ApiLogRecord
from ..app.services.api_log_anonymity import ApiLogAnonymity
from .fakes_api_logs import utc
from .people import register

pytestmark = pytest.mark.integration


async def test_only_those_who_are_gone_are_forgotten(client: AsyncClient, database: Database) -> None:
    here = UUID((await register(client, "ada@example.com")).user["id"])
    gone, key, begin = new_id(), new_id(), unit_of_work(database)
    rest = ("GET", "/api/v1/auth/me", 200, 1.0, None, 10, "192.0.2.7")
    callers = [gone] * 25 + [here] * 5 + [None] * 5
    rows = [ApiLogRecord(new_id(), utc(2031, 5, 10), "r", caller, caller and key, *rest) for caller in callers]
    async with begin() as repositories:
        await repositories.api_logs.insert(rows)
    await ApiLogAnonymity(begin, rows_a_time=10).tend()
    async with database.transaction() as session:
        counts = "SELECT count(*) FROM api_logs WHERE at = '2031-05-10T00:00Z'"
        assert await session.fetch_value(counts) == 35
        assert (
            await session.fetch_value(f"{counts} AND user_id IS NULL AND api_key_id IS NULL AND address IS NULL") == 25
        )
        assert await session.fetch_value(f"{counts} AND user_id = $1 AND address = '192.0.2.7'", here) == 5
    async with begin(read_only=True) as repositories:
        assert await repositories.api_logs.callers_who_left(10) == []
