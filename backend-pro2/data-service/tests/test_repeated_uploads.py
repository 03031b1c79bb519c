"""Uploads repeated with an Idempotency-Key, against real servers."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

import httpx
import pytest

from shared.database import Database
from shared.errors import BadRequest
from shared.idempotency.answers import REPLAYED
from shared.object_store import ObjectStore
from shared.tasks import Task, TaskLedger
from shared.testing.project import Workspace

from ..app.services.upload_contents import plain_name, read_upload_content, upload_content
from .conftest import upload

KEYED = {"Idempotency-Key": "8e03978e-40d5-43e8-bc93-6894a57f9324"}
CSV = "a,b\n1,2\n"


class Killed(BaseException):
    """Ends a request where no handler of errors looks."""


async def count(database: Database, table: str) -> int:
    async with database.transaction(read_only=True) as session:
        return int(await session.fetch_value(f"SELECT count(*) FROM {table}"))  # noqa: S608 - our own words


async def stored(store: ObjectStore) -> int:
    return len([entry async for entry in store.list("")])


class TestContent:
    @staticmethod
    async def of(*parts: str, boundary: str = "x", chunk: int = 7) -> bytes:
        lines = "".join(f"--{boundary}\r\nContent-Disposition: form-data; {part}\r\n" for part in parts)
        body = f"{lines}--{boundary}--\r\n".encode()

        async def chunks() -> AsyncIterator[bytes]:
            for start in range(0, len(body), chunk):
                yield body[start : start + chunk]

        return await read_upload_content(f"multipart/form-data; boundary={boundary}", chunks())

    async def test_order_and_boundary_do_not_matter(self) -> None:
        field, file = 'name="name"\r\n\r\nx', 'name="file"; filename="C:\\\\d\\\\n.csv"\r\n\r\na,b'
        expected = upload_content({"name": "x"}, "n.csv", hashlib.sha256(b"a,b").hexdigest())
        assert await self.of(field, file) == expected
        assert await self.of(file, field, boundary="another", chunk=1000) == expected

    @pytest.mark.parametrize(
        "other",
        [
            ({"name": "y"}, "n.csv", "0"),
            ({}, "n.csv", "0"),
            ({"name": "x"}, "m.csv", "0"),
            ({"name": "x"}, "n.csv", "1"),
        ],
    )
    def test_what_matters(self, other: tuple[dict[str, str], str, str]) -> None:
        assert upload_content(*other) != upload_content({"name": "x"}, "n.csv", "0")

    async def test_a_broken_form(self) -> None:
        with pytest.raises(BadRequest):
            await self.of("form-data")

    @pytest.mark.parametrize("name", ["n.csv", "/files/n.csv", "C:\\files\\n.csv"])
    def test_names(self, name: str) -> None:
        assert plain_name(name) == "n.csv"


@pytest.mark.integration
class TestRepetition:
    async def test_it_gets_the_first_answer(
        self,
        client: httpx.AsyncClient,
        editor: dict[str, str],
        workspace: Workspace,
        database: Database,
        object_store: ObjectStore,
    ) -> None:
        fields = {"project_id": str(workspace.project_id), "tags": "a,b"}
        first, again = [await upload(client, editor | KEYED, CSV, **fields) for _ in range(2)]
        assert (first.status_code, again.status_code, again.content) == (202, 202, first.content)
        assert (REPLAYED in first.headers, again.headers[REPLAYED]) == (False, "true")
        for name in ("location", "retry-after", "content-type"):
            assert again.headers[name] == first.headers[name]
        assert await count(database, "datasets") == await count(database, "analysis_tasks") == 1
        assert await stored(object_store) == 1

    @pytest.mark.parametrize(("content", "tags"), [("a,b\n1,3\n", "a"), (CSV, "b")])
    async def test_another_upload(
        self,
        client: httpx.AsyncClient,
        editor: dict[str, str],
        workspace: Workspace,
        database: Database,
        object_store: ObjectStore,
        content: str,
        tags: str,
    ) -> None:
        project_id = str(workspace.project_id)
        await upload(client, editor | KEYED, CSV, project_id=project_id, tags="a")
        answer = await upload(client, editor | KEYED, content, project_id=project_id, tags=tags)
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_mismatch")
        assert await count(database, "datasets") == await stored(object_store) == 1

    async def test_a_hundred_at_once_make_one_dataset(
        self,
        client: httpx.AsyncClient,
        editor: dict[str, str],
        workspace: Workspace,
        database: Database,
        object_store: ObjectStore,
    ) -> None:
        project_id = str(workspace.project_id)
        answers = await asyncio.gather(
            *(upload(client, editor | KEYED, CSV, project_id=project_id) for _ in range(100))
        )
        assert {answer.status_code for answer in answers} <= {202, 409, 503}
        assert len({answer.content for answer in answers if answer.status_code == 202}) == 1
        assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {"idempotency_in_flight"}
        assert await count(database, "datasets") == await stored(object_store) == 1

    async def test_killed_before_its_answer(
        self,
        client: httpx.AsyncClient,
        editor: dict[str, str],
        workspace: Workspace,
        database: Database,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        async def die(_: TaskLedger, __: Task) -> None:
            raise Killed

        project_id = str(workspace.project_id)
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(TaskLedger, "ring", die)
            await upload(client, editor | KEYED, CSV, project_id=project_id)
        answer = await upload(client, editor | KEYED, CSV, project_id=project_id)
        assert (answer.status_code, answer.headers[REPLAYED]) == (202, "true")
        assert (await client.get(answer.headers["location"], headers=editor)).json() == answer.json()
        assert await count(database, "datasets") == 1

    async def test_what_was_refused_may_be_tried_again(
        self, client: httpx.AsyncClient, editor: dict[str, str], workspace: Workspace
    ) -> None:
        project_id = str(workspace.project_id)
        assert (await upload(client, editor | KEYED, "", project_id=project_id)).json()["code"] == "empty_file"
        assert (await upload(client, editor | KEYED, CSV, project_id=project_id)).status_code == 202
