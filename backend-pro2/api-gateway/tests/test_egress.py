"""The egress ledger over HTTP: exact bytes, pages that end early, and nobody but owners."""

import base64
import json
from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient

from shared.database import Database
from shared.ids import new_id

from .people import Person
from .test_erasures import join
from .test_projects import create

pytestmark = pytest.mark.integration

_CALL = """
INSERT INTO llm_calls (id, project_id, user_id, run, purpose, policy, model, server, status, request, response,
                       response_bytes, http_status, month, booked_tokens, tokens_in, tokens_out, tokens_cached, cost,
                       first_token_ms, finished_at, task_id)
VALUES ($1, $2, $3, 1, 'plan', 'schema', 'm', 'https://llm.example/v1', 'answered', $4, $5, $6, 200, '2026-01-01', 900,
        30, 4, 7, 0.25, 12, now(), $7)
"""
_TASK = "INSERT INTO analysis_tasks (id, kind, queue, project_id) VALUES ($1, 'ask', 'llm', $2)"
REQUEST = '{"messages":[{"content":"Wie viele? 你好"}]}'.encode()
DAMAGED = b'{"content": "caf\xe9"}\x00'


class Ledger:
    """A project's ledger, filled by hand."""

    def __init__(self, database: Database, owner: Person, project_id: str) -> None:
        self.path = f"/projects/{project_id}/egress"
        self._database = database
        self._owner = owner
        self._project_id = UUID(project_id)

    async def add(
        self, request: bytes = REQUEST, response: bytes = b"{}", came: int | None = None, task_id: UUID | None = None
    ) -> str:
        """An entry."""
        entry_id, user_id = new_id(), UUID(self._owner.user["id"])
        bodies = (request, response, len(response) if came is None else came)
        async with self._database.transaction() as session:
            if task_id is not None:
                await session.execute(_TASK, task_id, self._project_id)
            await session.execute(_CALL, entry_id, self._project_id, user_id, *bodies, task_id)
        return str(entry_id)

    async def pages(self, limit: int) -> list[list[str]]:
        """Ids, page by page."""
        pages: list[list[str]] = []
        cursor: str | None = None
        while not pages or cursor:
            query = {"limit": limit, **({"cursor": cursor} if cursor else {})}
            page = (await self._owner.call("GET", self.path, params=query)).json()
            pages.append([item["id"] for item in page["items"]])
            cursor = page["next_cursor"]
        return pages


@pytest.fixture
async def ledger(ada: Person, database: Database) -> Ledger:
    return Ledger(database, ada, await create(ada))


async def test_an_entry(ledger: Ledger, ada: Person) -> None:
    task_id = new_id()
    entry_id = await ledger.add(came=17, task_id=task_id)
    answer = await ada.call("GET", f"{ledger.path}/{entry_id}")
    body: dict[str, Any] = answer.json()
    assert body.pop("at").endswith("Z")
    assert body.pop("finished_at").endswith("Z")
    assert body == {
        "id": entry_id,
        "user_id": ada.user["id"],
        "task_id": str(task_id),
        "run": 1,
        "purpose": "plan",
        "policy": "schema",
        "model": "m",
        "server": "https://llm.example/v1",
        "status": "answered",
        "http_status": 200,
        "error": None,
        "request": REQUEST.decode(),
        "request_base64": None,
        "request_bytes": len(REQUEST),
        "response": "{}",
        "response_base64": None,
        "response_bytes": 17,
        "tokens_in": 30,
        "tokens_out": 4,
        "tokens_cached": 7,
        "estimated": False,
        "cost": 0.25,
        "first_token_ms": 12,
    }
    seen = {"If-None-Match": answer.headers["etag"]}
    assert (await ada.call("GET", f"{ledger.path}/{entry_id}", headers=seen)).status_code == 304


async def test_bytes_that_are_no_text(ledger: Ledger, ada: Person) -> None:
    body = (await ada.call("GET", f"{ledger.path}/{await ledger.add(response=DAMAGED)}")).json()
    assert body["response"] == '{"content": "caf\ufffd"}\x00'
    assert base64.b64decode(body["response_base64"]) == DAMAGED
    assert body["request_base64"] is None


async def test_pages(ledger: Ledger, ada: Person) -> None:
    assert await ledger.pages(2) == [[]]
    ids = [await ledger.add() for _ in range(5)][::-1]
    assert await ledger.pages(2) == [ids[:2], ids[2:4], ids[4:]]
    assert await ledger.pages(5) == [ids]
    task_id = new_id()
    of_task = await ledger.add(task_id=task_id)
    found = (await ada.call("GET", ledger.path, params={"task_id": str(task_id)})).json()
    assert [item["id"] for item in found["items"]] == [of_task]


async def test_pages_end_early_when_bodies_are_large(ledger: Ledger) -> None:
    mebibyte = 1024 * 1024
    ids = [await ledger.add(response=b"x" * size) for size in (1, 5 * mebibyte, 3 * mebibyte, 2 * mebibyte, 1)][::-1]
    # The third exceeds 4 MiB, so the page ends with it; and one that is larger alone is a page.
    assert await ledger.pages(10) == [ids[:3], ids[3:4], ids[4:]]


async def test_export(ledger: Ledger, ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = await ada.call("GET", f"{ledger.path}/export")
    assert (empty.status_code, empty.content) == (200, b"")
    ids = [await ledger.add(response=b"y" * 1_500_000) for _ in range(7)]
    answer = await ada.call("GET", f"{ledger.path}/export")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["id"] for line in lines] == ids
    assert lines[0] == (await ada.call("GET", f"{ledger.path}/{ids[0]}")).json()
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["content-disposition"].startswith('attachment; filename="egress-')


async def test_owners_alone(ledger: Ledger, ada: Person, bob: Person, client: AsyncClient) -> None:
    entry_id, project = await ledger.add(), ledger.path.split("/")[2]
    places = (ledger.path, f"{ledger.path}/{entry_id}", f"{ledger.path}/export")
    for place in places:
        assert (await client.get(f"/api/v1{place}")).status_code == 401
        assert (await bob.call("GET", place)).status_code == 404
    for role in ("viewer", "editor", "owner"):
        await join(ada, project, bob, role) if role == "viewer" else await ada.call(
            "PATCH", f"/projects/{project}/members/{bob.user['id']}", json={"role": role}
        )
        for place in places:
            assert (await bob.call("GET", place)).status_code == (200 if role == "owner" else 403)


async def test_another_projects_entry_is_absent(ledger: Ledger, ada: Person, database: Database) -> None:
    other = Ledger(database, ada, await create(ada, "Other"))
    entry_id = await other.add()
    for place in (f"{ledger.path}/{entry_id}", f"{ledger.path}/{new_id()}"):
        assert (await ada.call("GET", place)).status_code == 404
    assert (await ada.call("GET", f"{ledger.path}/no-id")).status_code == 422
    assert await ledger.pages(5) == [[]]
