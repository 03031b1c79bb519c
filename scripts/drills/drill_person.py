"""Somebody with an account at the gateway, who notices what a client would notice."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import urllib3

from drill_transcript import DrillError

PASSWORD = "a long enough pass phrase"  # noqa: S105 - of accounts that live as long as a drill
SECONDS = 90.0
UNAUTHORIZED = 401
FIRST_FAILURE = 400
CUT = 0


@dataclass(frozen=True)
class Answer:
    """What came back; status 0 when nothing did."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether it is a success."""
        return CUT < self.status < FIRST_FAILURE

    @property
    def json(self) -> Any:
        """Its document."""
        return json.loads(self.body) if self.body else None

    @property
    def code(self) -> str:
        """The code of the problem that it tells of, which every refusal of ours has; empty for others."""
        is_problem = "application/problem+json" in self.headers.get("content-type", "")
        return str(self.json.get("code", "")) if is_problem else ""

    def __str__(self) -> str:
        return f"{self.status} {self.code or self.body[:200].decode(errors='replace')}"


class Person:
    """One user, with a session."""

    def __init__(self, base_url: str) -> None:
        self._base = f"{base_url}/api/v1"
        self._pool = urllib3.PoolManager(retries=False, timeout=SECONDS, maxsize=4)
        self.email = f"drill-{uuid4().hex[:12]}@example.org"
        self.token = ""
        self.refresh_token = ""
        self.project = ""

    def send(self, method: str, path: str, **options: Any) -> Answer:
        """Make a request, as it comes."""
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            got = self._pool.request(method, self._base + path, headers=headers, **options)
        except urllib3.exceptions.HTTPError:
            return Answer(CUT)
        return Answer(got.status, got.data, {name.lower(): value for name, value in got.headers.items()})

    def ok(self, method: str, path: str, body: object = None, **options: Any) -> Any:
        """The document that a request has to bring.

        Raises:
            DrillError: it was refused.
        """
        answer = self.send(method, path, **({"json": body} if body is not None else {}), **options)
        if not answer.ok:
            raise DrillError(f"{method} {path} answered {answer}")
        return answer.json

    def sign_up(self) -> "Person":
        """An account, a session and a project."""
        self.ok("POST", "/auth/register", {"email": self.email, "password": PASSWORD})
        self.log_in()
        self.project = str(self.ok("POST", "/projects", {"name": "Drill"})["id"])
        return self

    def log_in(self) -> None:
        """A session anew."""
        self.token = ""
        self._keep(self.ok("POST", "/auth/login", {"email": self.email, "password": PASSWORD}))

    def refresh(self) -> bool:
        """Whether the session goes on by its refresh token."""
        answer = self.send("POST", "/auth/refresh", json={"refresh_token": self.refresh_token})
        if answer.ok:
            self._keep(answer.json)
        return answer.ok

    def _keep(self, tokens: Mapping[str, Any]) -> None:
        self.token, self.refresh_token = str(tokens["access_token"]), str(tokens["refresh_token"])

    def upload(self, content: bytes, wait: int = 60) -> Answer:
        """Send a CSV file."""
        fields = {"project_id": self.project, "file": ("data.csv", content, "text/csv")}
        return self.send("POST", f"/upload/file?wait={wait}", fields=fields)

    def uploaded(self, content: bytes) -> dict[str, Any]:
        """A dataset that is ready.

        Raises:
            DrillError: it was refused, or failed.
        """
        answer = self.upload(content)
        if not answer.ok or answer.json["status"] != "ready":
            raise DrillError(f"an upload answered {answer}")
        return dict(answer.json)

    def ended(self, path: str, body: object = None) -> dict[str, Any]:
        """The task that a POST makes, when it has succeeded.

        Raises:
            DrillError: it was refused, or ended otherwise.
        """
        task = self.ok("POST", f"{path}?wait=60", body)
        while task["status"] not in {"succeeded", "failed", "cancelled"}:
            task = self.ok("GET", f"/tasks/{task['id']}?wait=60")
        if task["status"] != "succeeded":
            raise DrillError(f"{path}: a task {task['status']}: {task['error']}")
        return dict(task)

    def content(self, dataset_id: str, version: int) -> str:
        """SHA-256 of a version as it is downloaded."""
        answer = self.send("GET", f"/datasets/{dataset_id}/download?format=parquet&version={version}")
        return hashlib.sha256(answer.body).hexdigest() if answer.ok else str(answer)

    def items(self, path: str) -> list[dict[str, Any]]:
        """The first hundred of a list."""
        joint = "&" if "?" in path else "?"
        found: list[dict[str, Any]] = self.ok("GET", f"{path}{joint}limit=100")["items"]
        return found
