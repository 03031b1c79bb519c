"""Files that would take all memory, time or trust of a parser are refused, and the services do not notice (A64-A69)."""

import asyncio
import io
import json
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from ..e2e.api import Api
from .bombs import BOOKS, CSV, DISGUISED, PACKED, READ, TABLES, TEXTS, Hostile
from .calm import Calm, calm, stored
from .conftest import Join
from .places import Place
from .wire import Answer, Attacker

pytestmark = pytest.mark.e2e

AT_ONCE = 3
ETC = "root:x:0"


@pytest.fixture(scope="module", autouse=True)
def watch(place: Place) -> Iterator[Calm]:
    with calm(place) as watch:
        yield watch


class Uploader:
    """Somebody with a project who uploads what nobody should."""

    def __init__(self, attacker: Attacker, person: Api) -> None:
        self._attacker, self.person = attacker, person
        self.project_id = person.project("Attic")

    async def upload(self, filename: str, content: bytes, **fields: str) -> Answer:
        fields = {"project_id": self.project_id, **fields}
        return await self._send("/upload/file?wait=60", filename, content, fields)

    async def inspect(self, filename: str, content: bytes) -> Answer:
        return await self._send("/upload/inspect", filename, content, {})

    async def _send(self, path: str, filename: str, content: bytes, fields: dict[str, str]) -> Answer:
        form = aiohttp.FormData()
        for name, value in fields.items():
            form.add_field(name, value)
        form.add_field("file", io.BytesIO(content), filename=filename)
        token = self.person.tokens["access_token"]
        return await self._attacker.send("POST", f"/api/v1{path}", token=token, data=form)

    async def end(self, filename: str, content: bytes) -> str:
        """The code with which it ended, or that it is ready."""
        answer = await self.upload(filename, content)
        if answer.status >= 400:
            return answer.code
        dataset = answer.json()
        assert answer.status == 200, answer
        if dataset["status"] == "ready":
            self._look_at(dataset["id"])
            return READ
        assert ETC not in json.dumps(dataset)
        return str(dataset["error"]["code"])

    def _look_at(self, dataset_id: str) -> None:
        rows = self.person.client.get(f"/datasets/{dataset_id}/rows", params={"limit": 5})
        assert rows.status_code in (200, 413, 422), rows.text[:300]
        assert ETC not in rows.text

    def names(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.person.ok("GET", f"/datasets?project_id={self.project_id}&limit=200")[
            "items"
        ]
        return items


@pytest.fixture
async def uploader(attacker: Attacker, join: Join) -> Uploader:
    return Uploader(attacker, join())


async def ends(uploader: Uploader, files: dict[str, Hostile]) -> dict[str, str]:
    """What became of each that became something else than it may."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(name: str, filename: str, content: bytes, codes: set[str]) -> tuple[str, str]:
        async with turns:
            code = await uploader.end(filename, content)
        return name, "" if code in codes else code

    found = await asyncio.gather(*(one(name, file, make(), codes) for name, (file, make, codes) in files.items()))
    return {name: code for name, code in found if code}


@pytest.mark.parametrize("files", [PACKED, BOOKS, TABLES, TEXTS], ids=["packed", "workbooks", "parquet", "text"])
async def test_hostile_files_end_with_a_code(uploader: Uploader, place: Place, files: dict[str, Hostile]) -> None:
    assert await ends(uploader, files) == {}
    assert {item["status"] for item in uploader.names()} <= {"ready", "failed"}
    uploader.person.ok("DELETE", f"/projects/{uploader.project_id}")
    await gone(place, uploader.project_id)


async def gone(place: Place, project_id: str) -> None:
    """Return once nothing of a project is stored."""
    for _ in range(600):
        if not [key for key in stored(place) if project_id in key]:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{len([key for key in stored(place) if project_id in key])} objects are left")


async def test_what_is_no_table_is_not_even_stored(uploader: Uploader, place: Place) -> None:
    for name, content in DISGUISED.items():
        for filename in ("a.csv", "a.parquet"):
            for answer in (await uploader.upload(filename, content), await uploader.inspect(filename, content)):
                assert (answer.status, answer.code) == (415, "unsupported_media_type"), f"{name}: {answer}"
    assert uploader.names() == []
    assert not [key for key in stored(place) if uploader.project_id in key]


async def test_looking_into_hostile_files_is_no_better(uploader: Uploader) -> None:
    """The same files, of which only the beginning is looked at."""
    for name, (filename, make, _) in {**PACKED, **BOOKS}.items():
        answer = await uploader.inspect(filename, make())
        assert answer.status in (200, 413, 415, 422), f"{name}: {answer}"
        assert ETC.encode() not in answer.body, name
    assert (await uploader.inspect("a.csv", CSV)).status == 200
