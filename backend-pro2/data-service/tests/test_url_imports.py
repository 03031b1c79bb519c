"""Imports from URLs, against a server of our own on the loopback, which only a test allows."""

import asyncio
import gzip
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from shared.addresses import parse_networks
from shared.config import Settings
from shared.database import Database
from shared.errors import APIException, Invalid
from shared.object_store import ObjectStore
from shared.resources import Resources
from shared.tasks import Task, TaskFailed, TaskRun
from shared.tasks.leases import Leases
from shared.testing.logins import log_in
from shared.testing.project import Workspace
from shared.testing.worker_process import WorkerProcess
from shared.url_guard import Address, Resolve

from ..app.main import create_app
from ..app.repositories import versions
from ..app.repositories.versions import RawFile
from ..app.services.url_downloads import download, fetch
from .cutting import count, keys

pytestmark = pytest.mark.integration

CSV = b"a,b\n1,2\n"
LOOPBACK = parse_networks(["127.0.0.0/8"])
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(CSV), CSV)
PACKED = gzip.compress(CSV)
ANSWERS = {
    "/file.csv": GOOD,
    "/packed": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(PACKED), PACKED),
    "/redirect": b"HTTP/1.1 302 Found\r\nLocation: /file.csv\r\nContent-Length: 0\r\n\r\n",
    "/absent": b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    "/short": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\na,b\n",
    "/huge": b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\na,b\n",
    "/picture": b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: 8\r\n\r\n\x89PNG\r\n\x1a\n",
    "/rubbish": b"\x00\x01\x02\r\n\r\n",
}


class Server:
    """Answers as ANSWERS says; /slow never ends its answer, /endless never stops sending."""

    def __init__(self) -> None:
        self.port = 0
        self.hosts: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.hosts += [
            line.partition(":")[2].strip() for line in head.split("\r\n") if line.lower().startswith("host:")
        ]
        path = head.split(" ", 2)[1]
        with suppress(ConnectionError):
            writer.write(ANSWERS.get(path, b"HTTP/1.1 200 OK\r\n\r\na,b\n"))
            while path == "/endless":
                writer.write(b"1,2\n" * 16384)
                await writer.drain()
            if path == "/slow":
                await asyncio.sleep(60)
            await writer.drain()
        writer.close()

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    listening = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = listening.sockets[0].getsockname()[1]
    yield made
    listening.close()


def names(*answers: str) -> tuple[list[str], Resolve]:
    """A resolver that gives these addresses, one list an answer, and what it was asked for."""
    asked: list[str] = []

    async def resolve(host: str, _: int) -> Sequence[Address]:
        asked.append(host)
        return [ip_address(text) for text in answers[min(len(asked), len(answers)) - 1].split()]

    return asked, resolve


class TestFetch:
    async def of(self, url: str, resolve: Resolve | None = None, *, most: int = 10**6) -> bytes:
        _, nowhere = names("8.8.8.8")
        return b"".join([piece async for piece in fetch(url, LOOPBACK, most, resolve or nowhere)])

    async def test_a_file(self, server: Server) -> None:
        assert await self.of(server.url("/file.csv")) == CSV
        assert await self.of(server.url("/packed")) == PACKED

    @pytest.mark.parametrize(
        ("path", "code"),
        [
            ("/redirect", "url_refused"),
            ("/absent", "url_unreachable"),
            ("/short", "url_unreachable"),
            ("/rubbish", "url_unreachable"),
            ("/huge", "url_too_large"),
            ("/endless", "url_too_large"),
        ],
    )
    async def test_what_is_not_taken(self, server: Server, path: str, code: str) -> None:
        with pytest.raises((Invalid, TaskFailed)) as caught:
            await self.of(server.url(path))
        assert code_of(caught.value) == code

    async def test_nobody_listens(self) -> None:
        with pytest.raises(TaskFailed) as caught:
            await self.of("http://127.0.0.1:1/")
        assert code_of(caught.value) == "url_unreachable"

    async def test_names_are_asked_for_once(self, server: Server) -> None:
        asked, resolve = names("127.0.0.1", "10.0.0.1")
        assert await self.of(server.url("/file.csv", "data.example"), resolve) == CSV
        assert (asked, server.hosts) == (["data.example"], [f"data.example:{server.port}"])

    @pytest.mark.parametrize("answer", ["10.0.0.1", "127.0.0.1 10.0.0.1", "127.0.0.1 ::1", "169.254.169.254"])
    async def test_names_that_lead_inside(self, server: Server, answer: str) -> None:
        _, resolve = names(answer)
        with pytest.raises(Invalid) as caught:
            await self.of(server.url("/file.csv", "data.example"), resolve)
        assert (code_of(caught.value), server.hosts) == ("url_refused", [])

    async def test_a_name_whose_second_answer_leads_inside(self, server: Server) -> None:
        """What was judged first is what is connected to: here nobody, though the second answer is our server."""
        _, resolve = names("127.0.0.2", "127.0.0.1")
        with pytest.raises(TaskFailed):
            await self.of(server.url("/file.csv", "data.example"), resolve)
        assert server.hosts == []

    async def test_names_that_nobody_knows(self, server: Server) -> None:
        async def unknown(_: str, __: int) -> Sequence[Address]:
            raise OSError

        for resolve in (unknown, names("")[1]):
            with pytest.raises(TaskFailed) as caught:
                await self.of(server.url("/file.csv", "data.example"), resolve)
            assert code_of(caught.value) == "url_unreachable"


class Importer:
    """An instance that fetches from the loopback."""

    def __init__(self, resources: Resources, client: httpx.AsyncClient, headers: dict[str, str], project: UUID) -> None:
        self.resources = resources
        self.client = client
        self.headers = headers
        self.project_id = str(project)

    async def submit(self, url: str, **order: str) -> httpx.Response:
        body = {"project_id": self.project_id, "url": url, **order}
        return await self.client.post("/upload/url", headers=self.headers, json=body)

    async def task(self, url: str) -> tuple[TaskRun, RawFile]:
        """What a worker would run."""
        dataset = (await self.submit(url)).json()
        async with self.resources.database.transaction(read_only=True) as session:
            raw = await versions.raw_file(session, UUID(dataset["id"]), 1)
            creator = await session.fetch_value("SELECT created_by FROM datasets WHERE id = $1", UUID(dataset["id"]))
        assert raw is not None
        task: Task = await self.resources.ledger.read(UUID(dataset["task_id"]), creator)
        leases = Leases(
            self.resources.database,
            self.resources.ledger.wakes,
            queue="ingest",
            worker="w",
            lease_seconds=5,
            aftermath={},
        )
        return TaskRun(task, self.resources, leases), raw


@pytest.fixture
async def importer(
    resources: Resources, settings: Settings, database: Database, workspace: Workspace
) -> AsyncIterator[Importer]:
    more = {"url_import_enabled": True, "url_import_networks": ("127.0.0.0/8",), "url_import_seconds": 5.0}
    resources.settings = settings.model_copy(update=more)
    headers = await log_in(settings, database, workspace.editor)
    transport = httpx.ASGITransport(create_app(resources.settings, resources))
    async with httpx.AsyncClient(transport=transport, base_url="http://data") as client:
        yield Importer(resources, client, headers, workspace.project_id)


async def test_off_by_default(client: httpx.AsyncClient, editor: dict[str, str], workspace: Workspace) -> None:
    body = {"project_id": str(workspace.project_id), "url": "http://example.org/a.csv"}
    answer = await client.post("/upload/url", headers=editor, json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "url_import_disabled")


async def test_addresses_are_refused_at_once(importer: Importer, database: Database) -> None:
    for url in ("http://10.0.0.1/a", "http://[::ffff:a9fe:a9fe]/", "http://user:pw@example.org/", "ftp://x/"):
        answer = await importer.submit(url)
        assert (answer.status_code, answer.json()["code"]) == (422, "url_refused")
    assert await count(database, "datasets") == 0


async def test_fetched_once_by_however_many_attempts(
    importer: Importer, server: Server, object_store: ObjectStore
) -> None:
    run, raw = await importer.task(server.url("/prices%20of%202024.csv"))
    assert (raw.filename, raw.raw_keys) == ("prices of 2024.csv", [])
    found = await asyncio.gather(*(download(run, raw) for _ in range(4)))
    assert len({tuple(file.raw_keys) for file in found}) == 1
    assert (found[0].raw_bytes, len(found[0].raw_sha256 or "")) == (4, 64)
    assert await keys(object_store) == found[0].raw_keys


async def test_what_stands_behind_the_path_is_for_the_task_alone(importer: Importer, server: Server) -> None:
    run, raw = await importer.task(server.url("/file.csv?signature=secret"))
    assert raw.operation["url"].endswith("?signature=secret")
    place = f"/manage/datasets/{raw.dataset_id}"
    shown = [
        await importer.client.get(f"{place}/{path}", headers=importer.headers)
        for path in ("versions/1", "versions", "lineage?version=1")
    ]
    assert [answer.status_code for answer in shown] == [200, 200, 200]
    assert all("/file.csv" in answer.text and "secret" not in answer.text for answer in shown)
    assert run.task.params["url"] == server.url("/file.csv")


@pytest.mark.parametrize(
    ("path", "changes", "code"),
    [
        ("/picture", {}, "unsupported_media_type"),
        ("/endless", {"max_upload_bytes": 10**6}, "url_too_large"),
        ("/endless", {"quota_bytes": 10**6}, "quota_exceeded"),
        ("/slow", {"url_import_seconds": 0.3}, "url_unreachable"),
        ("/file.csv", {"url_import_networks": ()}, "url_refused"),
        ("/file.csv", {"url_import_enabled": False}, "url_import_disabled"),
    ],
)
async def test_what_fails_leaves_nothing(
    importer: Importer, server: Server, object_store: ObjectStore, path: str, changes: dict[str, object], code: str
) -> None:
    run, raw = await importer.task(server.url(path))
    importer.resources.settings = importer.resources.settings.model_copy(update=changes)
    with pytest.raises((APIException, TaskFailed)) as caught:
        await download(run, raw)
    assert (code_of(caught.value), await keys(object_store)) == (code, [])


async def test_from_the_url_to_the_rows(importer: Importer, server: Server, tmp_path: Path) -> None:
    allowed = {"URL_IMPORT_ENABLED": "true", "URL_IMPORT_NETWORKS": "127.0.0.0/8"}
    settings = importer.resources.settings
    worker = WorkerProcess(settings, tmp_path, "data-service.app.worker", **allowed).start()
    try:
        body = {"project_id": importer.project_id, "url": server.url("/file.csv")}
        answer = await importer.client.post("/upload/url?wait=60", headers=importer.headers, json=body, timeout=70)
    finally:
        worker.kill()
    dataset = answer.json()
    assert (answer.status_code, dataset["status"], dataset["name"], dataset["rows"]) == (200, "ready", "file", 1)
    version = (
        await importer.client.get(f"/manage/datasets/{dataset['id']}/versions/1", headers=importer.headers)
    ).json()
    assert (version["bytes"], version["sha256"]) == (len(CSV), hashlib.sha256(CSV).hexdigest())


async def test_a_version_that_has_gone(
    importer: Importer, server: Server, object_store: ObjectStore, database: Database
) -> None:
    run, raw = await importer.task(server.url("/file.csv"))
    async with database.transaction() as session:
        await session.execute("DELETE FROM datasets")
    with pytest.raises(TaskFailed) as caught:
        await download(run, raw)
    assert (code_of(caught.value), await keys(object_store)) == ("dataset_removed", [])


def code_of(error: BaseException) -> str:
    """The stable code of either kind of failure."""
    if isinstance(error, TaskFailed):
        return error.error.code
    assert isinstance(error, APIException)
    return error.code
