"""Repeated POSTs against a real database."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from shared.database import Database
from shared.idempotency import forget_old_answers
from shared.resources import Resources
from shared.testing import things_app
from shared.testing.logins import log_in
from shared.testing.project import Workspace

pytestmark = pytest.mark.integration

KEY = "Idempotency-Key"
REPLAYED = "idempotency-replayed"
BODY = {"name": "A thing", "password": "hunter2 hunter2"}


async def count(database: Database, table: str = "projects WHERE created_by IS NULL") -> int:
    async with database.transaction(read_only=True) as session:
        return int(await session.fetch_value(f"SELECT count(*) FROM {table}"))  # noqa: S608 - our own words


async def age(database: Database, hours: int) -> None:
    async with database.transaction() as session:
        await session.execute(
            "UPDATE idempotency_keys SET created_at = created_at - $1 * interval '1 hour', locked_until = now()", hours
        )


@pytest.fixture
async def client(resources: Resources, workspace: Workspace) -> AsyncIterator[httpx.AsyncClient]:
    headers = await log_in(resources.settings, resources.database, workspace.owner)
    transport = httpx.ASGITransport(things_app.create_app(resources.settings, resources))
    async with httpx.AsyncClient(transport=transport, base_url="http://things", headers=headers) as client:
        yield client
    things_app.STAGES.clear()


async def post(client: httpx.AsyncClient, key: str, body: dict[str, Any] | None = None, **more: Any) -> httpx.Response:
    return await client.post(more.pop("path", "/things"), json=body or BODY, headers={KEY: key}, **more)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


class TestRepetition:
    async def test_it_gets_the_first_answer(self, client: httpx.AsyncClient, database: Database) -> None:
        first = await post(client, "key")
        again = await post(client, "key")
        assert (first.status_code, again.status_code) == (201, 201)
        assert again.content == first.content
        assert REPLAYED not in first.headers
        assert again.headers[REPLAYED] == "true"
        for name in ("location", "content-type", "content-length"):
            assert again.headers[name] == first.headers[name]
        assert again.headers["x-request-id"] != first.headers["x-request-id"]
        assert await count(database) == 1

    async def test_another_key_is_another_request(self, client: httpx.AsyncClient, database: Database) -> None:
        assert (await post(client, "one")).json()["id"] != (await post(client, "two")).json()["id"]
        assert await count(database) == 2

    async def test_without_a_key_nothing_is_kept(self, client: httpx.AsyncClient, database: Database) -> None:
        for _ in range(2):
            assert (await client.post("/things", json=BODY)).status_code == 201
        assert await count(database) == 2
        assert await count(database, "idempotency_keys") == 0

    async def test_the_same_body_in_another_writing(self, client: httpx.AsyncClient) -> None:
        first = await post(client, "key")
        headers = {KEY: "key", "Content-Type": "application/json"}
        again = await client.post(
            "/things", content=b'{"password":"hunter2 hunter2",  "name":"A thing"}', headers=headers
        )
        assert again.content == first.content

    async def test_the_final_answer_takes_the_place_of_that_of_the_transaction(
        self, client: httpx.AsyncClient, database: Database
    ) -> None:
        first = await post(client, "key", path="/things/finished")
        again = await post(client, "key", path="/things/finished")
        assert (first.status_code, again.status_code, again.content) == (200, 200, first.content)
        assert await count(database) == 1

    async def test_anonymously(self, client: httpx.AsyncClient, database: Database) -> None:
        client.headers.pop("authorization")
        first = await post(client, "key", path="/things/anonymous")
        again = await post(client, "key", path="/things/anonymous")
        assert (again.content, again.headers[REPLAYED]) == (first.content, "true")
        assert await count(database) == 1

    async def test_keys_of_two_callers_have_nothing_to_do_with_each_other(
        self, client: httpx.AsyncClient, resources: Resources, workspace: Workspace
    ) -> None:
        first = await post(client, "key")
        client.headers.update(await log_in(resources.settings, resources.database, workspace.editor))
        other = await post(client, "key")
        assert (other.status_code, REPLAYED in other.headers) == (201, False)
        assert other.json()["id"] != first.json()["id"]

    async def test_a_session_that_ended_gets_no_answer(
        self, client: httpx.AsyncClient, database: Database, resources: Resources
    ) -> None:
        await post(client, "key")
        async with database.transaction() as session:
            await session.execute("UPDATE sessions SET revoked_at = now()")
        await resources.redis.eval("return redis.call('FLUSHDB')", [], [])
        assert refusal(await post(client, "key")) == (401, "session_ended")

    async def test_a_hundred_at_once_have_one_effect(self, client: httpx.AsyncClient, database: Database) -> None:
        answers = await asyncio.gather(*(post(client, "key") for _ in range(100)))
        assert {answer.status_code for answer in answers} <= {201, 409, 503}
        made = {answer.content for answer in answers if answer.status_code == 201}
        assert len(made) == 1
        assert sum(answer.status_code == 201 and REPLAYED not in answer.headers for answer in answers) == 1
        assert {refusal(answer) for answer in answers if answer.status_code == 409} <= {(409, "idempotency_in_flight")}
        assert (await post(client, "key")).content in made
        assert await count(database) == 1


class TestRefusal:
    @pytest.mark.parametrize("key", ["", " ", "a b", "ä", "x" * 256, "tab\t", "\x7f"])
    async def test_keys_that_are_none(self, client: httpx.AsyncClient, database: Database, key: str) -> None:
        answer = await client.post("/things", json=BODY, headers={KEY.encode(): key.encode("latin-1")})
        assert refusal(answer) == (422, "validation_failed")
        assert await count(database) == 0

    @pytest.mark.parametrize("key", ["x", "!", "~" * 255, '"8e03978e"', str(uuid4())])
    async def test_keys_that_are_some(self, client: httpx.AsyncClient, key: str) -> None:
        assert (await post(client, key)).status_code == 201

    async def test_another_body(self, client: httpx.AsyncClient, database: Database) -> None:
        await post(client, "key")
        answer = await post(client, "key", {**BODY, "name": "Another"})
        assert refusal(answer) == (422, "idempotency_mismatch")
        assert await count(database) == 1

    async def test_another_path(self, client: httpx.AsyncClient) -> None:
        await post(client, "key")
        assert refusal(await post(client, "key", path="/things/finished")) == (422, "idempotency_mismatch")

    async def test_while_the_first_is_being_answered(self, client: httpx.AsyncClient, database: Database) -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def pause() -> None:
            begun.set()
            await go_on.wait()

        # Even from here, where its row is locked, nobody waits for it.
        things_app.STAGES["kept"] = pause
        first = asyncio.create_task(post(client, "key"))
        await begun.wait()
        again = await post(client, "key")
        assert (refusal(again), again.headers["retry-after"]) == ((409, "idempotency_in_flight"), "1")
        assert refusal(await post(client, "key", {"name": "Another"})) == (422, "idempotency_mismatch")
        go_on.set()
        assert (await first).status_code == 201
        assert (await post(client, "key")).content == (await first).content
        assert await count(database) == 1

    async def test_what_was_refused_may_be_tried_again(self, client: httpx.AsyncClient, database: Database) -> None:
        assert refusal(await post(client, "key", {"name": things_app.REFUSED})) == (409, "conflict")
        assert refusal(await post(client, "key", {"name": ""})) == (422, "validation_failed")
        assert await count(database, "idempotency_keys") == 0
        assert (await post(client, "key")).status_code == 201


class TestAge:
    async def test_an_old_answer_counts_no_more(self, client: httpx.AsyncClient, database: Database) -> None:
        first = await post(client, "key")
        await age(database, 23)
        assert (await post(client, "key")).content == first.content
        await age(database, 2)
        anew = await post(client, "key", {"name": "Another"})
        assert (anew.status_code, REPLAYED in anew.headers) == (201, False)
        assert (await post(client, "key", {"name": "Another"})).content == anew.content
        assert await count(database) == 2

    async def test_old_answers_are_forgotten(self, client: httpx.AsyncClient, database: Database) -> None:
        await post(client, "old")
        await age(database, 25)
        await post(client, "new")
        await forget_old_answers(database, 24)
        assert await count(database, "idempotency_keys") == 1
        assert (await post(client, "new")).headers[REPLAYED] == "true"


async def test_nothing_is_readable_at_rest(client: httpx.AsyncClient, database: Database, workspace: Workspace) -> None:
    key = str(uuid4())
    secret = (await post(client, key)).json()["secret"]
    async with database.transaction(read_only=True) as session:
        row = await session.fetch_value("SELECT row_to_json(k)::text FROM idempotency_keys k")
        columns = [await session.fetch_value(f"SELECT {name} FROM idempotency_keys") for name in ("answer", "id")]  # noqa: S608 - our own words
    assert "answer" in row
    for told in (key, secret, BODY["name"], BODY["password"], str(workspace.owner), "things", "location"):
        assert all(told.encode() not in column for column in columns)
        assert told not in row
        assert told.encode().hex() not in row
