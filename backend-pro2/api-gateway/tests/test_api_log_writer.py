"""The writer of the API log: bounded, nothing lost below the bound, nothing twice."""

import asyncio
from collections.abc import MutableMapping
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from shared.addresses import AddressResolver
from shared.credentials import principal_of_key, principal_of_session
from shared.errors import ServiceUnavailable
from shared.ids import new_id
from shared.metrics.api_log import Reason

from ..app.services import api_log_writer
from ..app.services.api_log_writer import ApiLogWriter
from .fakes_api_logs import FakeApiLogs, work_on
from .fakes_log import LogLines

ADDRESSES = AddressResolver(())


async def nothing() -> None:
    return


def make(logs: FakeApiLogs, capacity: int = 50_000) -> ApiLogWriter:
    return ApiLogWriter(work_on(logs), nothing, ADDRESSES, capacity)


def request(path: str = "/api/v1/projects", **state: object) -> MutableMapping[str, Any]:
    return {
        "method": "GET",
        "path": path,
        "client": ("203.0.113.7", 1),
        "headers": [],
        "state": {"request_id": "r1", **state},
    }


def dropped(writer: ApiLogWriter, reason: Reason) -> int:
    return writer.dropped[reason]


async def fill(writer: ApiLogWriter, *names: int) -> None:
    for name in names:
        writer.add(request(f"/{name}"), 200, 0, 0.001)


class TestRows:
    async def test_who_what_how(self) -> None:
        logs, now = FakeApiLogs(), datetime.now(UTC)
        writer = make(logs)
        user_id, key_id = new_id(), new_id()
        writer.add(request(claims=principal_of_session(user_id, new_id(), now), bytes_in=7), 201, 11, 0.0025)
        writer.add(request(claims=principal_of_key(user_id, key_id, frozenset(), None)), 200, 0, 0)
        assert await writer.flush()
        row, by_key = logs.rows
        what: list[object] = ["r1", user_id, None, "GET", "/api/v1/projects", 201, 2.5, 7, 11, "203.0.113.7"]
        assert list(row[2:]) == what
        assert (by_key.user_id, by_key.api_key_id) == (user_id, key_id)
        assert abs(row.at - now) < timedelta(seconds=5)

    async def test_anonymous_and_gone(self) -> None:
        logs = FakeApiLogs()
        writer = make(logs)
        writer.add({**request(claims=None), "client": ("2001:db8:1:2:3:4:5:6", 1)}, 499, 0, 1)
        assert await writer.flush()
        (row,) = logs.rows
        assert (row.user_id, row.status, row.bytes_in, row.address) == (None, 499, None, "2001:db8:1:2::")

    @pytest.mark.parametrize(
        ("path", "kept"),
        [
            ("/" + "x" * 400, "/" + "x" * 299),
            ("/a\x00b", "/a\ufffdb"),
            ("/\ud800\udfff", "/??"),
            ("/é🔬", "/é🔬"),
            ("/é\x00", "/é\ufffd"),
        ],
    )
    async def test_any_path_can_be_stored(self, path: str, kept: str) -> None:
        logs = FakeApiLogs()
        writer = make(logs)
        writer.add({**request(path), "method": "\ud800" + "M" * 40}, 404, 0, 0)
        assert await writer.flush()
        assert [(row.path, row.method) for row in logs.rows] == [(kept, "?" + "M" * 19)]


class TestBatches:
    async def test_a_thousand_at_most(self) -> None:
        logs = FakeApiLogs()
        writer = make(logs)
        await fill(writer, *range(2500))
        assert await writer.flush()
        assert logs.batches == [1000, 1000, 500]
        assert [row.path for row in logs.rows] == [f"/{number}" for number in range(2500)]

    async def test_partitions_come_first(self) -> None:
        logs, told = FakeApiLogs(), []

        async def prepare() -> None:
            told.append(len(logs.rows))

        writer = ApiLogWriter(work_on(logs), prepare, ADDRESSES)
        assert await writer.flush()
        assert told == []
        for _ in range(2):
            await fill(writer, 1)
            assert await writer.flush()
        assert told == [0]

    @pytest.mark.parametrize(
        ("error", "stored"), [(ServiceUnavailable("away"), False), (asyncpg.LockNotAvailableError(), True)]
    )
    async def test_without_partitions(self, error: Exception, *, stored: bool) -> None:
        logs = FakeApiLogs()

        async def prepare() -> None:
            raise error

        writer = ApiLogWriter(work_on(logs), prepare, ADDRESSES)
        await fill(writer, 1)
        assert (await writer.flush(), len(logs.rows)) == (stored, int(stored))

    @pytest.mark.parametrize("error", [ServiceUnavailable("away"), asyncpg.UndefinedTableError(), None])
    async def test_an_outage_loses_and_doubles_nothing(self, error: Exception | None) -> None:
        logs = FakeApiLogs()
        writer = make(logs)
        await fill(writer, *range(1500))
        logs.error = error
        # Without an error of its own the batch is stored, and only the word of it is lost.
        logs.answers_lost = 0 if error else 1
        assert not await writer.flush()
        await fill(writer, *range(1500, 1600))
        assert error is None or not await writer.flush()
        logs.error = None
        assert await writer.flush()
        assert [row.path for row in logs.rows] == [f"/{number}" for number in range(1600)]
        assert writer.pending == 0

    async def test_of_a_batch_only_the_poisoned_rows_go(self) -> None:
        logs = FakeApiLogs()
        logs.poison = "/13"
        writer = make(logs)
        await fill(writer, *range(1000), 13)
        assert await writer.flush()
        assert await writer.flush()
        assert [row.path for row in logs.rows] == [f"/{number}" for number in range(1000) if number != 13]
        assert (dropped(writer, "refused"), writer.pending) == (2, 0)


class TestBound:
    async def test_the_oldest_go_and_are_counted(self) -> None:
        logs = FakeApiLogs()
        writer = make(logs, capacity=10)
        await fill(writer, *range(25))
        assert writer.pending == 10
        await writer.close()
        assert (dropped(writer, "overflow"), dropped(writer, "shutdown")) == (15, 10)

    async def test_told_once_a_minute(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("FLUSH_SECONDS", "RETRY_SECONDS"):
            monkeypatch.setattr(api_log_writer, name, 0.01)
        logs, log = FakeApiLogs(), LogLines()
        monkeypatch.setattr(api_log_writer, "log", log)
        logs.away = True
        writer = make(logs, capacity=10)
        writer.start()
        for _ in range(3):
            await fill(writer, *range(30))
            await asyncio.sleep(0.05)
        logs.away = False
        await writer.close()
        words = [(level, event) for level, event, _ in log.lines]
        assert words == [("warning", "api_log_waits"), ("warning", "api_log_rows_dropped"), ("info", "api_log_resumed")]
        assert dropped(writer, "overflow") == 90 - len(logs.rows)
        # The batch that was being tried is beside the bound.
        assert len(logs.rows) == 20


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_log_writer, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(api_log_writer, "CLOSE_SECONDS", 0.3)


@pytest.mark.usefixtures("quick")
class TestBackground:
    async def test_a_full_batch_does_not_wait(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(api_log_writer, "FLUSH_SECONDS", 60.0)
        logs = FakeApiLogs()
        writer = make(logs)
        writer.start()
        await fill(writer, *range(999))
        await asyncio.sleep(0.05)
        assert logs.rows == []
        await fill(writer, 999, 1000)
        async with asyncio.timeout(30):
            while not logs.rows:  # noqa: ASYNC110 - nothing announces it
                await asyncio.sleep(0.01)
        assert len(logs.rows) == 1001
        await writer.close()

    async def test_the_rest_is_stored_at_the_end(self) -> None:
        logs = FakeApiLogs()
        writer = make(logs)
        writer.start()
        await fill(writer, *range(1234))
        await writer.close()
        assert (len(logs.rows), dropped(writer, "shutdown")) == (1234, 0)

    async def test_the_end_is_not_put_off(self) -> None:
        logs = FakeApiLogs()
        logs.away = True
        writer = make(logs)
        writer.start()
        await fill(writer, *range(3))
        async with asyncio.timeout(10):
            await writer.close()
        assert dropped(writer, "shutdown") == 3

    async def test_an_unexpected_error_does_not_end_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(api_log_writer, "FLUSH_SECONDS", 0.01)
        logs = FakeApiLogs()
        logs.error = RuntimeError("a mistake")
        writer = make(logs)
        writer.start()
        await fill(writer, 1)
        await asyncio.sleep(0.1)
        logs.error = None
        await writer.close()
        assert [row.path for row in logs.rows] == ["/1"]

    async def test_closing_what_never_began(self) -> None:
        writer = make(FakeApiLogs())
        await writer.close()
        assert dropped(writer, "shutdown") == 0
