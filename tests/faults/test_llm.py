"""The AI worker is killed in the middle of an answer: the task ends well, and the meter neither forgets nor doubles."""

import asyncio
import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from ..e2e.api import FINAL
from ..e2e.llm import Rules, captured, scripted
from ..patience import wait_for
from .clients import Insistent
from .conftest import Join
from .servers import Servers

pytestmark = pytest.mark.e2e

CSV = b"region,units\nNorth,4\nSouth,3\nNorth,5\n"
PLAN = {"text": json.dumps({"sql": "SELECT region, sum(units) AS units FROM sales GROUP BY region ORDER BY region"})}
# Far longer than it takes to kill somebody who listens to it.
SLOWLY = {"text": "North sells {{t1[0].units}} units. " + "It is the best of all regions here. " * 40, "pause": 2.0}
BRIEFLY = {"text": "North sells {{t1[0].units}} units, South {{t1[1].units}}."}
MARK = "(killed)"
RULES: Rules = {MARK: [PLAN, SLOWLY, BRIEFLY]}
PATIENCE_SECONDS = 240.0

CALLS = """
SELECT run, purpose, status, tokens_in, tokens_out, tokens_cached, cost, is_estimated FROM llm_calls
WHERE task_id = $1 ORDER BY id
"""
SPENT = "sum(tokens_in)::bigint, sum(tokens_out)::bigint, sum(tokens_cached)::bigint, sum(cost)"
BOOKS = f"SELECT count(*), {SPENT} FROM llm_calls WHERE project_id = $1"  # noqa: S608 - nothing of a caller
METER = f"SELECT sum(calls)::bigint, {SPENT} FROM llm_usage WHERE project_id = $1"  # noqa: S608 - nothing of a caller


@dataclass(frozen=True)
class Books:
    """What the database says of a task's calls, and of what its project has spent."""

    calls: list[dict[str, Any]]
    booked: tuple[Decimal, ...]
    metered: tuple[Decimal, ...]

    @property
    def ends(self) -> list[tuple[int, str, str]]:
        return [(call["run"], call["purpose"], call["status"]) for call in self.calls]


async def look(url: str, project: str, task_id: str) -> Books:
    connection = await asyncpg.connect(url)
    try:
        calls = [dict(row) for row in await connection.fetch(CALLS, UUID(task_id))]
        booked, metered = [tuple((await connection.fetch(query, UUID(project)))[0]) for query in (BOOKS, METER)]
    finally:
        await connection.close()
    return Books(calls, booked, metered)


def asked(person: Insistent) -> tuple[str, str]:
    """A project, and the task of a question that has just been asked in it."""
    project = person.done("POST", "/projects", json={"name": "Home"}).json()["id"]
    files = {"file": ("sales.csv", CSV, "text/csv")}
    dataset = person.done("POST", "/upload/file", params={"wait": 60}, data={"project_id": project}, files=files).json()
    assert dataset["status"] == "ready", dataset
    body = {"project_id": project, "dataset_ids": [dataset["id"]], "question": f"Which region sells most? {MARK}"}
    task = person.done("POST", "/analysis/ask", params={"wait": 0}, json=body).json()
    return project, str(task["id"])


def is_speaking(person: Insistent, task_id: str) -> bool:
    """Whether the first words of the answer have reached somebody."""
    path = f"/analysis/ask/{task_id}/stream"
    with person.person.client.stream("GET", path) as answer:
        return any(line == "event: delta" for line in answer.iter_lines())


def test_a_worker_killed_in_the_middle_of_an_answer(servers: Servers, join: Join, tmp_path: Path) -> None:
    person = join()
    with scripted(RULES, tmp_path):
        project, task_id = asked(person)
        assert is_speaking(person, task_id)
        servers.kill_program("ai-worker")
        before = asyncio.run(look(servers.database_url, project, task_id))
        wait_for(lambda: person.insist("GET", f"/tasks/{task_id}").json()["status"] in FINAL, PATIENCE_SECONDS)
        answer = person.insist("GET", f"/analysis/{task_id}/result").json()["summary"]
        after = asyncio.run(look(servers.database_url, project, task_id))
    # The first run, unless the worker still spared a model that another test had taken away.
    run = before.ends[0][0]
    assert before.ends == [(run, "plan", "answered"), (run, "answer", "sent")]
    assert answer["answer"] == "North sells 9 units, South 3."
    assert [claim["status"] for claim in answer["claims"]] == ["grounded", "grounded"]
    # The plan was paid for once: the second run found it in the cache.
    assert after.ends == [(run, "plan", "answered"), (run, "answer", "lost"), (run + 1, "answer", "answered")]
    assert [call["is_estimated"] for call in after.calls] == [False, True, False]
    assert after.calls[1]["tokens_in"] > 0
    assert after.booked == after.metered
    # Questions that other tests have left asked for a model, too, once there was one.
    ours = [one for one in captured(tmp_path) if MARK.encode() in one.request]
    assert len(ours) == len(after.calls) == after.metered[0]
    usage = person.insist("GET", f"/projects/{project}/usage").json()["llm"]
    told = tuple(usage[name] for name in ("calls", "tokens_in", "tokens_out", "tokens_cached"))
    assert told == after.metered[:4]
