"""Monthly partitions of the API log: made ahead, filled from the default one, dropped in time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta, timezone

import asyncpg
import pytest

from shared.config import Settings
from shared.database import Database
from shared.ids import new_id

from ..app.repositories import unit_of_work
from ..app.repositories.api_log_partitions import Month
from ..app.repositories.api_logs import ApiLogRecord
from ..app.services.api_log_months import STRAYS_A_TIME, ApiLogMonths
from .fakes_api_logs import FakePartitions, utc, work_on


def at(now: datetime) -> Callable[[], datetime]:
    return lambda: now


class TestMonth:
    @pytest.mark.parametrize(
        ("month", "following"), [((2026, 1), (2026, 2)), ((2026, 11), (2026, 12)), ((2026, 12), (2027, 1))]
    )
    def test_following(self, month: tuple[int, int], following: tuple[int, int]) -> None:
        assert Month(*month).following == following

    def test_is_that_of_utc(self) -> None:
        west = timezone(timedelta(hours=-5))
        assert Month.of(datetime(2026, 12, 31, 22, tzinfo=west)) == (2027, 1)

    def test_names(self) -> None:
        assert (Month(2026, 3).partition, Month(2026, 12).partition) == ("api_logs_2026_03", "api_logs_2026_12")
        with pytest.raises(ValueError, match="format"):
            _ = Month("2026; DROP TABLE users", 1).partition  # type: ignore[arg-type]


class TestCalendar:
    @pytest.mark.parametrize(
        ("now", "made"),
        [
            (utc(2026, 11, 30, 23), ["api_logs_2026_11", "api_logs_2026_12"]),
            (utc(2026, 12), ["api_logs_2026_12", "api_logs_2027_01"]),
            (utc(1999, 12, 31, 23), ["api_logs_1999_12", "api_logs_2000_01"]),
            (utc(2999, 6), ["api_logs_2999_06", "api_logs_2999_07"]),
        ],
    )
    async def test_this_month_and_the_next(self, now: datetime, made: list[str]) -> None:
        partitions = FakePartitions()
        months = ApiLogMonths(work_on(partitions=partitions), 90, at(now))
        await months.prepare()
        await months.prepare()
        assert partitions.done == [("attach", name) for name in made]

    async def test_another_gateway_was_first(self) -> None:
        partitions = FakePartitions()
        partitions.meanwhile = {Month(2026, 5), Month(2026, 6)}
        await ApiLogMonths(work_on(partitions=partitions), 90, at(utc(2026, 5))).prepare()
        assert partitions.done == []

    @pytest.mark.parametrize(
        ("now", "dropped"),
        [
            (utc(2026, 3, 31), []),
            (utc(2026, 4, 1) - timedelta(microseconds=1), []),
            (utc(2026, 4, 1), ["api_logs_2025_12"]),
            (utc(2026, 5, 2), ["api_logs_2025_12", "api_logs_2026_01"]),
        ],
    )
    async def test_a_month_goes_when_all_of_it_is_old(self, now: datetime, dropped: list[str]) -> None:
        partitions = FakePartitions(Month(2026, 1), Month(2025, 12), Month(2026, 4))
        await ApiLogMonths(work_on(partitions=partitions), 90, at(now)).expire()
        assert partitions.done == [("drop", name) for name in dropped]

    async def test_another_gateway_dropped_it(self) -> None:
        partitions = FakePartitions(Month(2020, 1))
        partitions.meanwhile = set()
        await ApiLogMonths(work_on(partitions=partitions), 90, at(utc(2026, 5))).expire()
        assert partitions.done == []

    async def test_all_strays_that_are_old(self) -> None:
        partitions = FakePartitions()
        partitions.strays = [utc(2020, 1) + timedelta(seconds=n) for n in range(STRAYS_A_TIME + 1)] + [utc(2026, 5)]
        await ApiLogMonths(work_on(partitions=partitions), 90, at(utc(2026, 5))).expire()
        assert partitions.strays == [utc(2026, 5)]


@pytest.fixture
async def calendar(database: Database) -> AsyncIterator[Database]:
    """A database without monthly partitions, before and after."""
    await drop_all(database)
    yield database
    await drop_all(database)


async def drop_all(database: Database) -> None:
    begin = unit_of_work(database)
    async with begin() as repositories:
        for month in await repositories.api_log_partitions.months():
            await repositories.api_log_partitions.drop(month)


def row(moment: datetime) -> ApiLogRecord:
    return ApiLogRecord(new_id(), moment, "r", None, None, "GET", "/", 200, 1.0, None, 0, None)


async def write(database: Database, *moments: datetime) -> None:
    async with unit_of_work(database)() as repositories:
        await repositories.api_logs.insert([row(moment) for moment in moments])


async def write_at_last(database: Database, *moments: datetime) -> None:
    """As the writer does, who tries again when a partition comes in between."""
    while True:
        try:
            return await write(database, *moments)
        except asyncpg.CheckViolationError:
            await asyncio.sleep(0)


async def places(database: Database) -> dict[str, int]:
    """How many rows each partition holds."""
    async with database.transaction() as session:
        counted: dict[str, int] = await session.fetch_value(
            "SELECT coalesce(jsonb_object_agg(name, n), '{}') FROM "
            "(SELECT tableoid::regclass::text AS name, count(*) AS n FROM api_logs GROUP BY 1) counts"
        )
    return counted


async def present(database: Database) -> list[str]:
    async with unit_of_work(database)(read_only=True) as repositories:
        return sorted(month.partition for month in await repositories.api_log_partitions.months())


def keeper(database: Database, now: datetime, days: int = 90) -> ApiLogMonths:
    return ApiLogMonths(unit_of_work(database), days, at(now))


@pytest.mark.integration
class TestPartitions:
    async def test_rows_find_their_month_and_strays_move(self, calendar: Database) -> None:
        strays = [utc(2031, 12), utc(2031, 12, 31, 23), utc(2032, 1), utc(2031, 11, 30, 23), utc(2032, 2)]
        await write(calendar, *strays)
        assert await places(calendar) == {"api_logs_default": 5}
        await keeper(calendar, utc(2031, 12, 15)).prepare()
        assert await places(calendar) == {"api_logs_default": 2, "api_logs_2031_12": 2, "api_logs_2032_01": 1}
        await write(calendar, utc(2031, 12, 5), utc(2032, 1, 31, 23))
        assert await places(calendar) == {"api_logs_default": 2, "api_logs_2031_12": 3, "api_logs_2032_01": 2}

    async def test_a_partition_has_the_indexes_of_the_whole(self, calendar: Database) -> None:
        await keeper(calendar, utc(2031, 12)).prepare()
        async with calendar.transaction() as session:
            counts = await session.fetch_value(
                "SELECT jsonb_object_agg(tablename, n) FROM (SELECT tablename, count(*) AS n FROM pg_indexes "
                "WHERE tablename IN ('api_logs_default', 'api_logs_2031_12', 'api_logs_2032_01') GROUP BY 1) counts"
            )
            loose = await session.fetch_value(
                "SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid "
                "WHERE c.relname = 'api_logs_2031_12' AND NOT EXISTS "
                "(SELECT FROM pg_inherits h WHERE h.inhrelid = i.indexrelid)"
            )
        assert (len(counts), len(set(counts.values())), loose) == (3, 1, 0)

    async def test_gateways_do_not_collide(self, calendar: Database) -> None:
        await write(calendar, *[utc(2031, 12, 2) + timedelta(seconds=n) for n in range(500)])
        async with asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(keeper(calendar, utc(2031, 12)).tend())
                group.create_task(write_at_last(calendar, utc(2031, 12, 3), utc(2032, 1, 3)))
        assert await present(calendar) == ["api_logs_2031_12", "api_logs_2032_01"]
        assert await places(calendar) == {"api_logs_2031_12": 504, "api_logs_2032_01": 4}

    async def test_a_batch_under_way_is_waited_for(self, calendar: Database) -> None:
        async with unit_of_work(calendar)() as repositories:
            await repositories.api_logs.insert([row(utc(2031, 12, 3))])
            preparing = asyncio.create_task(keeper(calendar, utc(2031, 12)).prepare())
            await asyncio.sleep(0.3)
        await preparing
        assert await places(calendar) == {"api_logs_2031_12": 1}

    async def test_retention(self, calendar: Database) -> None:
        await write(calendar, utc(2031, 8, 1), utc(2031, 10, 1))
        await keeper(calendar, utc(2031, 9)).prepare()
        await write(calendar, utc(2031, 9, 30), utc(2031, 10, 31))
        await keeper(calendar, utc(2031, 10, 29), days=30).tend()
        assert await places(calendar) == {"api_logs_2031_09": 1, "api_logs_2031_10": 2}
        await keeper(calendar, utc(2031, 10, 31), days=30).tend()
        assert await places(calendar) == {"api_logs_2031_10": 2}
        assert await present(calendar) == ["api_logs_2031_10", "api_logs_2031_11"]

    async def test_a_lock_is_not_waited_for_long(self, calendar: Database, settings: Settings) -> None:
        hasty = Database(settings.model_copy(update={"database_lock_timeout_seconds": 0.2}))
        async with calendar.transaction() as session:
            await session.fetch_value("SELECT count(*) FROM api_logs_default")
            with pytest.raises(asyncpg.LockNotAvailableError):
                await keeper(hasty, utc(2031, 12)).prepare()
        assert await present(calendar) == []
        await keeper(hasty, utc(2031, 12)).prepare()
        await hasty.close()
        assert len(await present(calendar)) == 2
