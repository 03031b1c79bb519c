"""/api/v1/admin/api-logs over the real servers: calls become rows, and administrators find them."""

import asyncio
from datetime import timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest
from httpx import AsyncClient

from shared.database import Database
from shared.ids import new_id

from ..app.repositories import unit_of_work
from ..app.repositories.api_logs import ApiLogRecord
from ..app.services import api_log_writer
from .fakes_api_logs import utc
from .people import Person, register

pytestmark = pytest.mark.integration

PATH = "/admin/api-logs"
START = utc(2031, 5, 10)
USER, KEY = new_id(), new_id()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_log_writer, "FLUSH_SECONDS", 0.05)
    monkeypatch.setattr(api_log_writer, "RETRY_SECONDS", 0.05)


@pytest.fixture
async def root(client: AsyncClient, database: Database) -> Person:
    """An administrator."""
    person = await register(client, "root@example.com")
    async with database.transaction() as session:
        await session.execute("UPDATE users SET role = 'admin' WHERE email = 'root@example.com'")
    return person


async def found(root: Person, **query: object) -> list[dict[str, Any]]:
    answer = await root.call("GET", PATH, params={name: str(value) for name, value in query.items()})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def logged(root: Person, request_id: str) -> dict[str, Any]:
    """The row of one call, once it is there."""
    for _ in range(1000):
        if items := await found(root, request_id=request_id):
            assert len(items) == 1
            return items[0]
        await asyncio.sleep(0.02)
    raise AssertionError(f"{request_id} was not logged")


class TestCalls:
    async def test_every_kind_of_call(self, client: AsyncClient, root: Person, ada: Person) -> None:
        forged = {"Authorization": "Bearer x.y.z"}
        calls: list[tuple[str, str, dict[str, str], int, str | None]] = [
            ("GET", "/api/v1/auth/me", ada.headers, 200, ada.user["id"]),
            ("GET", "/api/v1/projects?name=secret", ada.headers, 200, ada.user["id"]),
            ("GET", "/api/v1/projects", {}, 401, None),
            ("GET", "/api/v1/projects", forged, 401, None),
            ("DELETE", "/api/v1/nothing", ada.headers, 404, ada.user["id"]),
            ("GET", "/nothing/%00/%ff/%F0%9F%94%AC/" + "x" * 500, {}, 404, None),
            ("GET", "/api/v1/datasets", ada.headers, 503, ada.user["id"]),
        ]
        for number, (method, path, headers, status, user_id) in enumerate(calls):
            request_id = f"call-{number}"
            answer = await client.request(method, path, headers={**headers, "X-Request-ID": request_id})
            assert answer.status_code == status
            item = await logged(root, request_id)
            assert (item["method"], item["status"], item["user_id"]) == (method, status, user_id)
            assert (item["bytes_out"], item["bytes_in"]) == (len(answer.content), None)
            assert (item["address"], item["api_key_id"]) == ("127.0.0.1", None)
            assert 0 < item["duration_ms"] < 60_000
            assert "secret" not in item["path"]
        assert (await logged(root, "call-5"))["path"] == ("/nothing/\ufffd/\ufffd/🔬/" + "x" * 500)[:300]

    async def test_bytes_in(self, client: AsyncClient, root: Person) -> None:
        body = b'{"email": "a@example.com", "password": "no such person"}'
        headers = {"X-Request-ID": "login", "content-type": "application/json"}
        await client.post("/api/v1/auth/login", content=body, headers=headers)
        item = await logged(root, "login")
        assert (item["status"], item["bytes_in"]) == (401, len(body))

    async def test_by_api_key(self, client: AsyncClient, root: Person, ada: Person) -> None:
        key = (await ada.call("POST", "/auth/api-keys", json={"name": "nightly"})).json()
        headers = {"Authorization": f"Bearer {key['key']}", "X-Request-ID": "by-key"}
        assert (await client.get("/api/v1/projects", headers=headers)).status_code == 200
        item = await logged(root, "by-key")
        assert (item["user_id"], item["api_key_id"]) == (ada.user["id"], key["id"])
        assert [one["request_id"] for one in await found(root, api_key_id=key["id"])] == ["by-key"]

    async def test_probes_are_no_calls(self, client: AsyncClient, root: Person) -> None:
        for path in ("/health", "/ready", "/metrics"):
            await client.get(path, headers={"X-Request-ID": "probe"})
        await client.get("/nothing", headers={"X-Request-ID": "after"})
        await logged(root, "after")
        assert await found(root, request_id="probe") == []

    async def test_the_months_are_there_before_the_first_row(
        self, client: AsyncClient, root: Person, database: Database
    ) -> None:
        await client.get("/nothing", headers={"X-Request-ID": "r"})
        await logged(root, "r")
        async with database.transaction() as session:
            assert await session.fetch_value("SELECT count(*) FROM api_logs_default") == 0

    async def test_drops_are_counted_for_prometheus(self, client: AsyncClient) -> None:
        metrics = (await client.get("/metrics")).text
        assert 'api_log_rows_dropped_total{reason="overflow"}' in metrics


class TestAccess:
    async def test_anonymous(self, client: AsyncClient) -> None:
        assert (await client.get(f"/api/v1{PATH}")).status_code == 401

    async def test_users(self, ada: Person) -> None:
        answer = await ada.call("GET", PATH)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def row(number: int, **changes: Any) -> ApiLogRecord:
    plain = ApiLogRecord(
        *(new_id(), START + timedelta(minutes=number), f"r{number}", None, None, "GET", "/api/v1/projects"),
        *(200, 1.2345, None, 10, "203.0.113.7"),
    )
    return plain._replace(**changes)


ROWS = [
    row(0),
    row(1, user_id=USER),
    row(2, user_id=USER, api_key_id=KEY, method="POST", status=201),
    row(3, path="/api/v1/100%_\\x", status=404),
    row(4, path="/api/v1/100xyz", status=499),
    row(5, status=503, address="2001:db8:1:2::"),
    row(6, status=500, method="DELETE"),
]


@pytest.fixture
async def rows(root: Person, database: Database) -> Person:
    """An administrator and some calls of one morning."""
    async with unit_of_work(database)() as repositories:
        await repositories.api_logs.insert(ROWS)
    return root


class TestFilters:
    @pytest.mark.parametrize(
        ("query", "numbers"),
        [
            ({}, [6, 5, 4, 3, 2, 1, 0]),
            ({"user_id": USER}, [2, 1]),
            ({"api_key_id": KEY}, [2]),
            ({"api_key_id": USER}, []),
            ({"method": "POST"}, [2]),
            ({"path": "/api/v1/1"}, [4, 3]),
            ({"path": "/api/v1/100%_\\"}, [3]),
            ({"path": "/api/v1/proj", "status": 200}, [1, 0]),
            ({"status": 404}, [3]),
            ({"status_class": "2xx"}, [2, 1, 0]),
            ({"status_class": "4xx"}, [4, 3]),
            ({"status_class": "5xx"}, [6, 5]),
            ({"status_class": "5xx", "status": 500}, [6]),
            ({"status_class": "3xx"}, []),
            ({"request_id": "r3"}, [3]),
            ({"address": "203.0.113.7", "user_id": USER}, [2, 1]),
            ({"address": "2001:db8:1:2:aaaa::1"}, [5]),
            ({"address": "2001:db8:1:3::1"}, []),
            ({"since": START + timedelta(minutes=5)}, [6, 5]),
            ({"until": START + timedelta(minutes=1)}, [0]),
            ({"since": "2031-05-10T02:01:00+02:00", "until": "2031-05-10T00:03:00Z"}, [2, 1]),
        ],
    )
    async def test_each(self, rows: Person, query: dict[str, object], numbers: list[int]) -> None:
        bounds = {"since": START, "until": START + timedelta(days=1)}
        items = await found(rows, **{**bounds, **query})
        assert [item["request_id"] for item in items] == [f"r{number}" for number in numbers]

    async def test_body(self, rows: Person) -> None:
        assert await found(rows, request_id="r2") == [
            {
                "id": str(ROWS[2].id),
                "at": "2031-05-10T00:02:00Z",
                "request_id": "r2",
                "user_id": str(USER),
                "api_key_id": str(KEY),
                "method": "POST",
                "path": "/api/v1/projects",
                "status": 201,
                "duration_ms": 1.23,
                "bytes_in": None,
                "bytes_out": 10,
                "address": "203.0.113.7",
            }
        ]

    @pytest.mark.parametrize(
        "query",
        [
            *("user_id=1", "api_key_id=x", "method=", "method=G%00T", "method=" + "G" * 21, "path=api", "path=/%00"),
            *("path=/" + "x" * 300, "status=99", "status=600", "status=x", "status_class=1xx", "status_class=5"),
            *("request_id=a b", "request_id=" + "a" * 65, "address=example.com", "address=1.2.3.4/8", "since=x"),
            *("since=2031-05-10", "since=2031-05-10T00:00:00", "since=0001-01-01T00:00:00%2B14:00"),
            *("until=9999-12-31T23:59:59-14:00", "until=99999999999999999999", "limit=0", "limit=201", "cursor=x"),
            *("cursor=" + "A" * 22, "cursor=f" + "_" * 31, "cursor=%00", "cursor=" + quote("é" * 24)),
        ],
    )
    async def test_bad_values(self, root: Person, query: str) -> None:
        answer = await root.call("GET", f"{PATH}?{query}")
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), answer.text

    async def test_extremes(self, root: Person) -> None:
        for query in ("since=9999-12-29T00:00:00Z", "until=1970-01-02T00:00:00Z", "address=fe80::1%25eth0"):
            assert (await root.call("GET", f"{PATH}?{query}")).json()["items"] == []


class TestPages:
    async def test_no_gap_and_no_repeat_while_rows_are_added(self, root: Person, database: Database) -> None:
        begin = unit_of_work(database)
        # Many of one moment, so that only their ids tell them apart.
        before = [row(0) for _ in range(30)] + [row(number) for number in range(1, 20)]
        async with begin() as repositories:
            await repositories.api_logs.insert(before)
        seen: list[str] = []
        query = {"limit": "7", "since": START.isoformat()}
        while True:
            page = (await root.call("GET", PATH, params=query)).json()
            seen += [item["id"] for item in page["items"]]
            async with begin() as repositories:
                await repositories.api_logs.insert([row(20 + len(seen))])
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
        expected = sorted(before, key=lambda one: (one.at, one.id), reverse=True)
        assert [UUID(one) for one in seen] == [one.id for one in expected]
