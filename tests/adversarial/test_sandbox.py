"""SQL and expressions that reach for more than the data, over HTTP: all are refused, none is felt (A78-A80, A82)."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import pytest

from supervisor import Supervisor

from ..e2e.api import Api
from .calm import Calm, calm
from .conftest import Join
from .places import Place
from .raw import connect, request
from .wire import Answer, Attacker

pytestmark = pytest.mark.e2e

CORPUS = Path(__file__).parents[2] / "backend-pro1" / "data-service" / "tests" / "sandbox_corpus.json"
ESCAPES: dict[str, list[str]] = json.loads(CORPUS.read_bytes())["escapes"]
# Of each kind so many, spread over it; all of them are tried where the engine is tested.
OF_EACH = 5
REFUSALS = {"invalid_sql", "forbidden_sql", "unknown_table"}
TOO_MUCH = {
    "sum": "SELECT " + "+".join(["1"] * 50_000),
    "list": "SELECT a FROM sales WHERE a IN (" + ",".join(map(str, range(100_000))) + ")",  # noqa: S608 - an attack
    "text": "SELECT length(repeat('a', 2000000000) || 'b')",
    "a list of much": "SELECT len(list_resize([1], 2000000000))",
    "brackets": "SELECT " + "(" * 5_000 + "1" + ")" * 5_000,
}
ENDLESS = (
    "SELECT count(*) FROM range(1000000000000) r(i) WHERE i % 7 = 3",
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r",
)
EXPRESSIONS = (
    "@__import__('os').system('id')",
    "__import__('os').system('id')",
    "`a` > 1",
    "a.__class__",
    "df.query('a > 1')",
    "a > 1; SELECT 1",
    "a > (SELECT 1)",
    "a > 1 -- x",
    "a /* */ > 1",
    "exists (SELECT 1)",
    "read_text('/etc/passwd') = ''",
    "getenv('SECRET_KEY') = ''",
    "a IN (SELECT size FROM read_blob('/etc/passwd'))",
    "1) UNION SELECT (1",
    "lambda x: x",
    "a::blob = ''",
    "a == 1",
    "'" * 3,
    '"a" > 1 or "' + "b" * 300 + '" > 1',
    "(" * 4000 + "a" + ")" * 4000,
    "not " * 2500 + "a > 1",
    "a" + " + 1" * 3000 + " > 1",
    "a > 1\x00",
    "\u202ea > 1",
    "",
)
BACK_SECONDS = 30.0


@pytest.fixture(scope="module", autouse=True)
def watch(place: Place) -> Iterator[Calm]:
    with calm(place) as watch:
        yield watch


class Asker:
    """Somebody who has a dataset `sales` with the columns a and b."""

    def __init__(self, attacker: Attacker, person: Api) -> None:
        self._attacker, self.person = attacker, person
        self.project_id = person.project("Till")
        self.dataset = person.upload(self.project_id, b"a,b\n1,2\n3,4\n", "sales.csv")

    async def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Answer:
        token = self.person.tokens["access_token"]
        return await self._attacker.send(method, f"/api/v1{path}", token=token, json_body=body)

    async def query(self, sql: str, path: str = "/process/query", **more: Any) -> Answer:
        return await self.ask("POST", path, {"project_id": self.project_id, "sql": sql, **more})

    async def preview(self, step: dict[str, Any]) -> Answer:
        body = {"project_id": self.project_id, "dataset_id": self.dataset["id"], "steps": [step]}
        return await self.ask("POST", "/process/preview", body)


@pytest.fixture
async def asker(attacker: Attacker, join: Join) -> Asker:
    return Asker(attacker, join())


@pytest.mark.parametrize("kind", ESCAPES)
async def test_escapes_are_refused(asker: Asker, kind: str) -> None:
    escapes = ESCAPES[kind]
    for sql in escapes[:: max(1, len(escapes) // OF_EACH)]:
        answer = await asker.query(sql)
        assert (answer.status, answer.code in REFUSALS) == (422, True), f"{sql}: {answer}"
        assert b"root:" not in answer.body
        told = (await asker.query(sql, "/process/query/validate")).json()
        assert told["valid"] is False, sql
        assert (await asker.query(sql, "/process/query/estimate")).status == 422, sql


async def test_queries_that_want_too_much_end_soon(asker: Asker) -> None:
    for name, sql in TOO_MUCH.items():
        answer = await asker.query(sql)
        assert answer.status in (408, 413, 422), f"{name}: {answer}"


def busy(place: Place) -> list[psutil.Process]:
    """Children of the instance's data service and worker that compute; those that wait for a job do not."""
    programs = Supervisor(place.instance).processes()
    parents = [psutil.Process(programs[name].pid) for name in ("data-service", "data-worker")]
    servers = [child for parent in parents for child in parent.children()]
    return [child for server in servers for child in server.children() if _is_at_work(child)]


def _is_at_work(child: psutil.Process) -> bool:
    try:
        return child.name() != "compute-waiting"
    except psutil.NoSuchProcess:
        return False


def settle(place: Place, *, computing: bool) -> None:
    """Wait until something is computed, or nothing any more, for as long as that may take."""
    deadline = time.monotonic() + BACK_SECONDS
    while bool(busy(place)) is not computing and time.monotonic() < deadline:
        time.sleep(0.1)


async def test_what_is_called_off_or_left_alone_ends(asker: Asker, place: Place) -> None:
    tasks = [(await asker.query(sql, background=True)).json() for sql in ENDLESS]
    token, body = asker.person.tokens["access_token"], {"project_id": asker.project_id, "sql": ENDLESS[0]}
    content = json.dumps(body).encode()
    heads = [f"Authorization: Bearer {token}", "Content-Type: application/json", f"Content-Length: {len(content)}"]
    link = connect(place.gateway, 5)
    link.sendall(request("POST", "/api/v1/process/query", *heads, body=content))
    await asyncio.to_thread(settle, place, computing=True)
    assert busy(place), "nothing was computed"
    for task in tasks:
        assert (await asker.ask("POST", f"/tasks/{task['id']}/cancel")).status in (200, 202)
    link.close()
    await asyncio.to_thread(settle, place, computing=False)
    assert busy(place) == []
    for task in tasks:
        assert (await asker.ask("GET", f"/tasks/{task['id']}")).json()["status"] == "cancelled"


async def test_expressions_are_only_expressions(asker: Asker) -> None:
    for text in EXPRESSIONS:
        rows = await asker.ask("GET", f"/datasets/{asker.dataset['id']}/rows?filter={quote(text)}")
        # No filter at all is one that was left out.
        assert rows.status == 422 or (not text and rows.status == 200), f"{text[:80]}: {rows}"
        for step in ({"op": "filter", "where": text}, {"op": "derive", "name": "x", "expression": text}):
            answer = await asker.preview(step)
            assert answer.status == 422, f"{text[:80]}: {answer}"
            assert b"root:" not in answer.body
        rule = {"rule": {"kind": "expression", "expression": text}}
        answer = await asker.ask("POST", f"/datasets/{asker.dataset['id']}/quality/rules", rule)
        assert answer.status in (201, 422), f"{text[:80]}: {answer}"
    assert (await asker.preview({"op": "filter", "where": "a > 1"})).json()["rows"] == [[3, 4]]
