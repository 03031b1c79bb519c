"""People who give an instance work of all kinds, as much as it takes, and write down what it acknowledged."""

import hashlib
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from uuid import uuid4

import httpx

from .clients import Insistent

COLUMNS = ["a", "b", "y"]
# Unfinished tasks of one person: more are not given before some have ended.
AT_ONCE = 5
POLL_SECONDS = 0.3
FINAL = ("succeeded", "failed", "cancelled")
ANALYSES: list[tuple[str, dict[str, Any]]] = [
    ("describe", {}),
    ("correlation", {"columns": COLUMNS}),
    ("regression", {"method": "ols", "target": "y", "features": ["a", "b"]}),
    ("cluster", {"columns": ["a", "b"], "k": 2}),
]
# What goes wrong by itself or by the harness, in turn; a search asks Ray.
TROUBLES = ("search", "poison", "hungry", "search", "poison", "search", "endless")
TROUBLES_AT_ONCE = 3
QUICK = "SELECT a, count(*) AS n, avg(y) AS mean FROM base GROUP BY a ORDER BY a"
# Six hundred to the fourth: it would take hours.
ENDLESS = "SELECT sum(p.a * q.b + r.y * s.a) AS total FROM base p, base q, base r, base s"
SLOW = "SELECT sum(p.a * q.b + r.y) AS total FROM base p, base q, base r"
HUNGRY = "SELECT list(p.y * q.y + r.y) AS everything FROM base p, base q, base r"
BASE_ROWS = 600


class Refused(Exception):
    """Work was not accepted that is sound."""


class Table:
    """A small CSV and what is known of it."""

    def __init__(self, chance: random.Random, rows: int | None = None) -> None:
        self.rows = [
            (chance.randrange(9), chance.randrange(100), chance.randrange(10**6))
            for _ in range(rows or chance.randrange(30, 300))
        ]
        self.content = b"a,b,y\n" + b"".join(b"%d,%d,%d\n" % row for row in self.rows)

    def above(self, least: int) -> int:
        """Rows whose first column is greater."""
        return sum(row[0] > least for row in self.rows)


class Customer:
    """One person with a project of their own; `act` gives one piece of work, or waits for some to end."""

    def __init__(self, person: Insistent, seed: int) -> None:
        self.person = person
        self.given: deque[str] = deque(maxlen=200)
        self._ledger = person.ledger
        self._chance = random.Random(seed)  # noqa: S311 - no secret
        self._open: set[str] = set()
        self._failed: set[str] = set()
        self.project = person.done("POST", "/projects", json={"name": "Work"}).json()["id"]
        self.table = Table(self._chance, BASE_ROWS)
        self.base = self._uploaded("base", self.table, wait=60)
        self._log = self._uploaded("log", Table(self._chance), wait=60)
        self._appending = ""

    def act(self) -> None:
        """One step, chosen by chance; none while enough is under way."""
        if len(self._open) >= AT_ONCE:
            self._look()
        if len(self._open) >= AT_ONCE:
            return
        steps = self._steps()
        self._do(self._chance.choices(list(steps), list(steps.values()))[0])

    def _steps(self) -> dict[Callable[[], None], int]:
        """What may be done, and how often."""
        return {
            self.upload: 20,
            self.analyse: 45,
            self.process: 12,
            self.query: 12,
            self.append: 5,
            self.early: 5,
            self.cancel: 4,
            self.retry: 3,
            self.ask_again: 2,
        }

    def _do(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Refused as refusal:
            self._ledger.blame(str(refusal))

    def upload(self) -> None:
        """A dataset."""
        table = Table(self._chance)
        self._uploaded(uuid4().hex, table, wait=0)

    def analyse(self) -> None:
        """An analysis of the dataset that was there at the beginning."""
        kind, params = self._chance.choice(ANALYSES)
        body = {**self._subject(), "type": kind, "params": params, "seed": self._chance.randrange(2**31)}
        self._task("analysis", self._given("/analysis", json=body))

    def early(self) -> None:
        """An analysis of a dataset that is still being read."""
        dataset = self._uploaded(uuid4().hex, Table(self._chance), wait=0)
        body = {**self._subject(), "dataset_id": dataset["id"], "type": "describe", "params": {}}
        answer = self.person.done("POST", "/analysis", json=body)
        # Its ingest may have been called off in the meantime.
        if answer.status_code != httpx.codes.CONFLICT:
            assert answer.is_success, answer.text
            self._task("early", answer.json(), after=dataset["task_id"])

    def process(self) -> None:
        """A pipeline, whose output is a new dataset."""
        least, name = self._chance.randrange(8), uuid4().hex
        steps = [{"op": "filter", "where": f"a > {least}"}]
        answer = self._given("/process/run", json=self._subject() | {"steps": steps, "output": {"name": name}})
        self._task("process", answer, name=name, rows=self.table.above(least))

    def query(self) -> None:
        """A query that runs as a task."""
        self._query("query", QUICK, rows=len({row[0] for row in self.table.rows}))

    def slow(self) -> str:
        """A query that takes some seconds."""
        return self._query("query", SLOW, rows=1)

    def endless(self) -> str:
        """A query that takes hours."""
        return self._query("endless", ENDLESS)

    def append(self) -> None:
        """More rows for a dataset, once the rows before them are there."""
        if self._appending in self._open:
            return
        table = Table(self._chance)
        path = f"/datasets/{self._log['id']}/versions"
        files = {"file": ("more.csv", table.content, "text/csv")}
        dataset = self._given(path, data={"mode": "append"}, files=files)
        self._appending = self._task("append", {"id": dataset["task_id"]}, dataset=dataset["id"], rows=len(table.rows))

    def cancel(self) -> None:
        """Call something off that may be over already."""
        if not self.given:
            return
        # The newest one still waits, most likely.
        task_id = self._chance.choice([self.given[-1], self._chance.choice(self.given)])
        self.call_off(task_id)

    def call_off(self, task_id: str) -> None:
        """Cancel one task."""
        answer = self.person.insist("POST", f"/tasks/{task_id}/cancel")
        if answer.is_success:
            self._ledger.acknowledged("cancel", id=task_id)
        elif answer.status_code != httpx.codes.CONFLICT:
            self._ledger.blame(f"cancel of {task_id}: {answer.status_code} {answer.text}")

    def retry(self) -> None:
        """Have something that went wrong done once more."""
        if not self._failed:
            return
        task_id = self._chance.choice(sorted(self._failed))
        self._failed.discard(task_id)
        answer = self.person.done("POST", f"/tasks/{task_id}/retry")
        if answer.is_success:
            self._ledger.acknowledged("retry", id=task_id)
            self._open.add(task_id)
        elif answer.status_code != httpx.codes.CONFLICT:
            self._ledger.blame(f"retry of {task_id}: {answer.status_code} {answer.text}")

    def ask_again(self) -> None:
        """The same request three times under one key: the same task each time."""
        body = {**self._subject(), "type": "describe", "params": {}, "seed": self._chance.randrange(2**31)}
        headers = {"Idempotency-Key": str(uuid4())}
        answers = [self.person.insist("POST", "/analysis", json=body, headers=headers) for _ in range(3)]
        found = {answer.json().get("id", answer.text) for answer in answers}
        if len(found) != 1:
            self._ledger.blame(f"one key gave several tasks: {found}")
        self._task("analysis", answers[0].json())

    def wait(self, seconds: float) -> bool:
        """Whether all has ended within that time."""
        deadline = time.monotonic() + seconds
        while self._open and time.monotonic() < deadline:
            self._look()
        return not self._open

    def _uploaded(self, name: str, table: Table, wait: int) -> dict[str, Any]:
        return self._sent(name, f"{name}.csv", table, table.content, wait)

    def _sent(self, name: str, file: str, table: Table, content: bytes, wait: int) -> dict[str, Any]:
        """A dataset of the table as a file of any kind."""
        dataset: dict[str, Any] = self._given(
            "/upload/file",
            params={"wait": wait},
            data={"project_id": self.project},
            files={"file": (file, content, "application/octet-stream")},
        )
        facts = {"dataset": dataset["id"], "name": name, "rows": len(table.rows)}
        hashes = {"sha256": hashlib.sha256(content).hexdigest(), "table": hashlib.sha256(table.content).hexdigest()}
        self._task("upload", {"id": dataset["task_id"]}, **facts, **hashes)
        return dataset

    def _query(self, work: str, sql: str, **facts: Any) -> str:
        """A query in the background."""
        body = {"project_id": self.project, "sql": sql, "background": True}
        return self._task(work, self._given("/process/query", json=body), **facts)

    def _subject(self) -> dict[str, str]:
        return {"project_id": self.project, "dataset_id": self.base["id"]}

    def _given(self, path: str, **options: Any) -> dict[str, Any]:
        answer = self.person.done("POST", path, **options)
        if not answer.is_success:
            raise Refused(f"POST {path}: {answer.status_code} {answer.text}")
        accepted: dict[str, Any] = answer.json()
        return accepted

    def _task(self, work: str, task: dict[str, Any], **facts: Any) -> str:
        task_id = str(task["id"])
        self._ledger.acknowledged("task", work=work, id=task_id, project=self.project, **facts)
        self.given.append(task_id)
        self._open.add(task_id)
        return task_id

    def _look(self) -> None:
        """Which of the tasks have ended; waits a little if none has."""
        answer = self.person.insist("GET", "/tasks", params={"project_id": self.project, "limit": 100})
        assert answer.is_success, answer.text
        states = {item["id"]: item["status"] for item in answer.json()["items"] if item["id"] in self._open}
        ended = {task_id for task_id, status in states.items() if status in FINAL}
        self._failed |= {task_id for task_id in ended if states[task_id] != "succeeded"}
        self._open -= ended
        if not ended:
            time.sleep(POLL_SECONDS)


class Troublemaker(Customer):
    """Somebody whose tasks go wrong, or need Ray; now and then, since they take much."""

    def __init__(self, person: Insistent, seed: int, poison: Callable[[str], None]) -> None:
        super().__init__(person, seed)
        self.troubles: Sequence[str] = TROUBLES
        self._turn = 0
        self._poison = poison

    def act(self) -> None:
        """One such task, unless some are under way."""
        if len(self._open) >= TROUBLES_AT_ONCE:
            self._look()
            return
        self._do(partial(self._give, self.troubles[self._turn % len(self.troubles)]))
        self._turn += 1

    def _give(self, work: str) -> None:
        if work == "search":
            self.search()
        else:
            task_id = self._query(work, HUNGRY if work == "hungry" else ENDLESS)
            if work == "poison":
                self._poison(task_id)

    def search(self) -> None:
        """An analysis that asks Ray."""
        body = {**self._subject(), "type": "cluster", "params": {"columns": ["a", "b"]}}
        self._task("analysis", self._given("/analysis", json=body))
