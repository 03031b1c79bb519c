"""Files and tables survive whatever dies meanwhile: uploads go on where they were, and work is done once."""

import asyncio
import hashlib
import io
import json
import random
import time
from collections.abc import Iterator
from typing import Any

import asyncpg
import httpx
import pytest
import xlsxwriter  # type: ignore[import-untyped]

from .clients import Insistent, Load
from .conftest import Join
from .ledger import Ledger
from .servers import Servers

pytestmark = pytest.mark.e2e

PART = 2**20
PARTS = 6
PATIENCE_SECONDS = 180.0
# Long enough that a worker is killed in the middle, short enough to be done again.
CELLS = 400_000
LINES = 700_000
CHUNK = 16 * 1024


class Gone(Exception):
    """The client died in the middle of a request."""


def breaking(content: bytes, at: int) -> Iterator[bytes]:
    """The beginning of a body whose sender dies after so many bytes."""
    for start in range(0, at, CHUNK):
        yield content[start : min(start + CHUNK, at)]
    raise Gone


class Sender:
    """Brings a file in parts, in any order; it dies again and again, and goes on where the upload says that it was."""

    def __init__(self, person: Insistent, content: bytes) -> None:
        self._person, self._content = person, content
        self._chance = random.Random(content[:64])  # noqa: S311 - no secret
        self.project = person.done("POST", "/projects", json={"name": "Home"}).json()["id"]
        order = {"project_id": self.project, "filename": "lines.csv", "bytes": len(content), "part_size": PART}
        self.path = f"/upload/sessions/{person.done('POST', '/upload/sessions', json=order).json()['id']}"
        self.deaths = 0

    def send_some(self) -> None:
        """One part that is missing, whole or not."""
        missing = self.missing()
        if missing:
            self._send(self._chance.choice(missing), lasts=self._chance.random() < 0.4)

    def finish(self) -> dict[str, Any]:
        """The dataset, once all that is missing has come and was read."""
        while missing := self.missing():
            self._send(missing[0], lasts=True)
        dataset: dict[str, Any] = self._person.insist("POST", f"{self.path}/complete", json={}).json()
        return dataset

    def missing(self) -> list[int]:
        missing: list[int] = self._person.insist("GET", self.path).json()["missing"]
        return missing

    def _send(self, number: int, *, lasts: bool) -> None:
        part = self._content[PART * (number - 1) : PART * number]
        headers = {"content-length": str(len(part)), "content-type": "application/octet-stream"}
        body = part if lasts else breaking(part, self._chance.randrange(len(part)))
        try:
            answer = self._person.attempt("PUT", f"{self.path}/parts/{number}", content=body, headers=headers)
        except Gone:
            self.deaths += 1
            return
        if answer is not None and answer.is_success:
            self._person.ledger.acknowledged("part", number=number, sha256=answer.json()["sha256"])


def settled(person: Insistent, path: str, until: set[str]) -> dict[str, Any]:
    """What is at a path, once its status is among these."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found: dict[str, Any] = person.insist("GET", path).json()
        if found["status"] in until:
            return found
        time.sleep(0.1)
    raise AssertionError(f"{path} did not settle: {found}")


def test_an_upload_in_parts_outlives_client_service_and_store(servers: Servers, join: Join, ledger: Ledger) -> None:
    line = b"%07d,%s\n"
    text = b"n,text\n" + b"".join(line % (n, hashlib.md5(b"%d" % n).hexdigest().encode()) for n in range(150_000))  # noqa: S324
    content = text[: text.rindex(b"\n", 0, PART * PARTS - 100) + 1]
    sender = Sender(person := join(), content)
    with Load(sender.send_some, pause=0.02):
        for server in ("data-service", "object-store", "data-service"):
            time.sleep(0.7)
            servers.kill(server)
            servers.back(server)
    told = {entry["number"] for entry in ledger.of("part")}
    assert told.isdisjoint(sender.missing()), "a part that was acknowledged is gone"
    assert sender.deaths > 0
    dataset = settled(person, f"/datasets/{sender.finish()['id']}", {"ready", "failed"})
    assert (dataset["status"], dataset["rows"]) == ("ready", content.count(b"\n") - 1)
    version = person.insist("GET", f"/datasets/{dataset['id']}/versions/1").json()
    assert version["sha256"] == hashlib.sha256(content).hexdigest()
    raw = person.insist("GET", f"/datasets/{dataset['id']}/download", params={"raw": "true"})
    assert hashlib.sha256(raw.content).hexdigest() == hashlib.sha256(content).hexdigest()
    assert len(person.everything("/datasets", project_id=sender.project)) == 1


def workbook() -> bytes:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"constant_memory": True})
    sheet = book.add_worksheet()
    for row in range(CELLS // 10):
        sheet.write_row(row, 0, [f"c{n}" for n in range(10)] if row == 0 else [row * n for n in range(10)])
    book.close()
    return file.getvalue()


def table(first: int, lines: int) -> bytes:
    return b"id,k,x\n" + b"".join(b"%d,%d,%d\n" % (n, n % 997, n * 7919 % 10_007) for n in range(first, first + lines))


class Office:
    """Somebody whose datasets are worked on when the worker dies."""

    def __init__(self, person: Insistent, servers: Servers) -> None:
        self.person, self._servers = person, servers
        self.project = person.done("POST", "/projects", json={"name": "Office"}).json()["id"]

    def upload(self, filename: str, content: bytes, wait: int = 0) -> dict[str, Any]:
        dataset: dict[str, Any] = self.sent("/upload/file", {"project_id": self.project}, filename, content, wait)
        return dataset

    def sent(self, path: str, fields: dict[str, str], filename: str, content: bytes, wait: int = 0) -> Any:
        files = {"file": (filename, content)}
        answer = self.person.done("POST", path, params={"wait": wait}, data=fields, files=files)
        assert answer.is_success, answer.text
        return answer.json()

    def lapse(self, task_ids: list[str]) -> None:
        """As if the worker had been silent for longer than its lease."""
        asyncio.run(self._lapse(task_ids))

    async def _running(self, task_ids: tuple[str, ...]) -> int:
        connection = await asyncpg.connect(self._servers.database_url)
        query = "SELECT count(*) FROM analysis_tasks WHERE id = ANY($1::uuid[]) AND status = 'running'"
        found: int = await connection.fetchval(query, list(task_ids))
        await connection.close()
        return found

    async def _lapse(self, task_ids: list[str]) -> None:
        connection = await asyncpg.connect(self._servers.database_url)
        await connection.execute(
            "UPDATE analysis_tasks SET lease_until = now() WHERE id = ANY($1::uuid[]) AND status = 'running'", task_ids
        )
        await connection.close()

    def killed(self, *task_ids: str) -> None:
        """The worker dies in the middle of these tasks; each is done once all the same."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        # Through the gateway, a busy machine might tell it too late.
        while asyncio.run(self._running(task_ids)) < len(task_ids):
            assert time.monotonic() < deadline, "they do not run at the same time"
            time.sleep(0.02)
        time.sleep(0.2)
        self._servers.kill_program("data-worker")
        for task_id in task_ids:
            assert self.person.insist("GET", f"/tasks/{task_id}").json()["status"] == "running", "it ended too early"
        self.lapse(list(task_ids))
        for task_id in task_ids:
            task = settled(self.person, f"/tasks/{task_id}", {"succeeded", "failed", "cancelled"})
            assert (task["status"], task["attempts"]) == ("succeeded", 2), task
            states = [json.loads(data) for _, event, data in self.person.person.events(task_id) if event == "state"]
            assert [state["status"] for state in states].count("succeeded") == 1


def test_a_worker_killed_in_an_ingest_a_merge_and_a_pipeline(servers: Servers, join: Join) -> None:
    office = Office(join(), servers)
    book_file = workbook()
    base = office.upload("base.csv", table(0, LINES), wait=60)
    path = f"/datasets/{base['id']}"
    merged = office.sent(f"{path}/versions", {"mode": "upsert", "key": "id"}, "more.csv", table(LINES // 2, LINES))
    book = office.upload("book.xlsx", book_file)
    office.killed(merged["task_id"], book["task_id"])
    found = office.person.insist("GET", path).json()
    assert (found["rows"], found["current_version"]) == (LINES // 2 + LINES, 2)

    steps = [
        {"op": "window", "by": ["k"], "order_by": ["id"], "function": "cumsum", "column": "x", "as": "total"},
        {"op": "sort", "by": ["x", "id"]},
    ]
    body = {"project_id": office.project, "dataset_id": base["id"], "steps": steps, "output": {"name": "totals"}}
    task = office.person.done("POST", "/process/run", json=body)
    assert task.status_code == httpx.codes.ACCEPTED, task.text
    office.killed(task.json()["id"])
    datasets = {item["name"]: item for item in office.person.everything("/datasets", project_id=office.project)}
    assert sorted(datasets) == ["base", "book", "totals"]
    assert datasets["book"]["rows"] == CELLS // 10 - 1
    assert (datasets["totals"]["rows"], datasets["totals"]["current_version"]) == (LINES // 2 + LINES, 1)
    for dataset in datasets.values():
        versions = office.person.everything(f"/datasets/{dataset['id']}/versions")
        assert [version["status"] for version in versions] == ["ready"] * dataset["current_version"]
