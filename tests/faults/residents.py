"""People who live on an instance for long: all that it offers, at a pace that anybody would keep."""

import gzip
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx

from ..adversarial.wire import own_address
from ..e2e.api import PASSWORD, Api
from .clients import Insistent
from .workload import Customer, Table

EVENTS = ["task.succeeded", "task.failed", "dataset.ready"]
MARK = "(soak)"
QUESTION = f"How many rows are there? {MARK} "
PLAN = {"text": json.dumps({"sql": "SELECT count(*) AS n FROM base"})}
TOTALS = "SELECT count(*) AS n, sum(y) AS total FROM base"
# It took too long, which a fault may be the cause of; whether it always does, the latency shows.
LATE = (httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS)
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")


def zipped(content: bytes) -> bytes:
    """The only file of an archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("table.csv", content)
    return file.getvalue()


def as_lines(content: bytes) -> bytes:
    """A CSV of integers as lines of JSON."""
    head, *rows = content.decode().splitlines()
    names = head.split(",")
    lines = [json.dumps(dict(zip(names, map(int, row.split(",")), strict=True))) for row in rows]
    return "\n".join(lines).encode()


FORMATS: dict[str, Callable[[bytes], bytes]] = {
    "csv": bytes,
    "csv.gz": gzip.compress,
    "zip": zipped,
    "tsv": lambda content: content.replace(b",", b"\t"),
    "jsonl": as_lines,
}


class Resident(Customer):
    """One person with a project, a webhook, a model and a dataset that is thrown away and taken back again."""

    def __init__(self, person: Insistent, seed: int, hook: str) -> None:
        super().__init__(person, seed)
        self._bin = self._uploaded("bin", Table(self._chance), wait=60)
        self._is_gone = False
        self._model = self._training = ""
        self._foretold: object = None
        answer = person.done("POST", f"/projects/{self.project}/webhooks", json={"url": hook, "events": EVENTS})
        assert answer.is_success, answer.text
        self._ledger.acknowledged("webhook", project=self.project, id=answer.json()["id"])

    def _steps(self) -> dict[Callable[[], None], int]:
        return super()._steps() | {
            self.upload: 8,
            self.analyse: 14,
            self.send_any_kind: 10,
            self.look: 60,
            self.compute: 16,
            self.fetch: 12,
            self.refresh: 4,
            self.introduce: 2,
            self.throw_away: 5,
            self.train: 2,
            self.predict: 12,
            self.ask: 5,
        }

    def send_any_kind(self) -> None:
        """A table as a file of some kind."""
        kind = self._chance.choice(sorted(FORMATS))
        table, name = Table(self._chance), uuid4().hex
        self._sent(name, f"{name}.{kind}", table, FORMATS[kind](table.content), wait=0)

    def look(self) -> None:
        """What an application shows on its pages."""
        base = f"/datasets/{self.base['id']}"
        path, params = self._chance.choice(
            [
                ("/auth/me", {}),
                ("/projects", {}),
                ("/tasks", {"project_id": self.project}),
                ("/datasets", {"project_id": self.project}),
                (base, {}),
                (f"{base}/profile", {}),
                (f"{base}/rows", {"limit": "20"}),
                (f"/projects/{self.project}/usage", {}),
            ]
        )
        found = self._read("GET", path, params=params)
        if found is not None and path == base:
            self._expect("rows of the dataset", found["rows"], len(self.table.rows))

    def compute(self) -> None:
        """A query that is answered at once."""
        body = {"project_id": self.project, "sql": TOTALS}
        found = self._read("POST", "/process/query", json=body)
        if found is not None:
            row = [int(value) for value in found["rows"][0]]
            self._expect("a query", row, [len(self.table.rows), sum(one[2] for one in self.table.rows)])

    def fetch(self) -> None:
        """The file as it was sent, or made anew."""
        path = f"/datasets/{self.base['id']}/download"
        if self._chance.random() < 0.5:
            answer = self._answer("GET", path, params={"raw": "true"})
            if answer is not None:
                digest = hashlib.sha256(self.table.content).hexdigest()
                self._expect("a file", hashlib.sha256(answer.content).hexdigest(), digest)
            return
        answer = self._answer("GET", path, params={"format": "csv"})
        if answer is not None:
            self._expect("an export", len(answer.content.splitlines()), len(self.table.rows) + 1)

    def refresh(self) -> None:
        """The next pair of tokens. Who comes too late with an old one, because of a fault, logs in."""
        cuts, refused = self._ledger.cuts, self._ledger.answers[httpx.codes.SERVICE_UNAVAILABLE]
        person = self.person.person
        answer = self.person.insist("POST", "/auth/refresh", json={"refresh_token": person.tokens["refresh_token"]})
        if answer.is_success:
            person.tokens = answer.json()
            person.client.headers["authorization"] = f"Bearer {person.tokens['access_token']}"
            return
        if (cuts, refused) == (self._ledger.cuts, self._ledger.answers[httpx.codes.SERVICE_UNAVAILABLE]):
            self._ledger.blame(f"a refresh: {answer.status_code} {answer.text}")
        self.person.log_in()

    def introduce(self) -> None:
        """Somebody else, who signs up, looks around and leaves."""
        newcomer = Insistent(str(self.person.person.client.base_url).removesuffix("/api/v1/"), self._ledger)
        try:
            newcomer.signed_up()
            self._ledger.acknowledged("account", email=newcomer.person.email)
            newcomer.insist("GET", "/auth/me")
            newcomer.insist("POST", "/auth/logout")
        finally:
            newcomer.close()

    def throw_away(self) -> None:
        """Move the dataset that is there for it into the trash, or take it out again."""
        path = f"/datasets/{self._bin['id']}"
        method, path = ("POST", f"{path}/restore") if self._is_gone else ("DELETE", path)
        answer = self.person.insist(method, path)
        # Done before, by a request whose answer was lost.
        if not answer.is_success and answer.status_code not in (httpx.codes.NOT_FOUND, httpx.codes.CONFLICT):
            self._ledger.blame(f"{method} {path}: {answer.status_code} {answer.text}")
            return
        self._is_gone = not self._is_gone
        self._ledger.acknowledged("bin", project=self.project, dataset=self._bin["id"], gone=self._is_gone)

    def train(self) -> None:
        """A version of the model, one at a time."""
        if self._training in self._open:
            return
        order = {"target": "y", "algorithm": "linear", "budget_seconds": 60, "name": "Soak", "seed": 1}
        self._training = self._task("train", self._given("/models/train", json=self._subject() | order))

    def predict(self) -> None:
        """Ask the first version, whose answer is always the same."""
        if not self._model and self._training and self._training not in self._open:
            task = self._read("GET", f"/tasks/{self._training}")
            if task is not None and task["status"] == "succeeded":
                result = self._read("GET", f"/tasks/{self._training}/result")
                self._model = str(result["summary"]["model_id"]) if result else ""
        if not self._model:
            return
        rows = [{"a": 3, "b": 40}, {"a": 7, "b": 2}]
        found = self._read("POST", f"/models/{self._model}/predict", params={"version": 1}, json={"rows": rows})
        if found is not None:
            self._foretold = self._foretold or found["predictions"]
            self._expect("a prediction", found["predictions"], self._foretold)

    def ask(self) -> None:
        """A question to the language model."""
        body = {"project_id": self.project, "dataset_ids": [self.base["id"]], "question": QUESTION + uuid4().hex[:6]}
        self._task("ask", self._given("/analysis/ask", params={"wait": 0}, json=body))

    def _read(self, method: str, path: str, **options: Any) -> dict[str, Any] | None:
        answer = self._answer(method, path, **options)
        return None if answer is None else answer.json()

    def _answer(self, method: str, path: str, **options: Any) -> httpx.Response | None:
        """What was asked for; None if it took too long. Nothing else is right."""
        answer = self.person.insist(method, path, **options)
        if answer.is_success:
            return answer
        if answer.status_code not in LATE:
            self._ledger.blame(f"{method} {path}: {answer.status_code} {answer.text}")
        return None

    def _expect(self, what: str, found: object, due: object) -> None:
        if found != due:
            self._ledger.blame(f"{what} of {self.project}: {found} instead of {due}")


def kind_of(method: str, path: str) -> str:
    """The class of a request: its path without what tells one thing from another."""
    return f"{method} {ID.sub('{id}', path.removeprefix('/api/v1'))}"


def can_log_in(base_url: str, email: str) -> bool:
    """Whether the account is there."""
    visitor = Api(base_url, own_address())
    with visitor.client:
        answer = visitor.client.post("/auth/login", json={"email": email, "password": PASSWORD})
        return answer.is_success
