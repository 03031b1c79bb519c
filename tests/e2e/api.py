"""A small client of the REST API, as a user would write it: HTTP only."""

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

PASSWORD = "a long enough pass phrase"
FINAL = ("succeeded", "failed", "cancelled")


@dataclass
class Api:
    """One user at one instance's gateway."""

    base_url: str
    # One of this machine's own, so that many users do not share what one address may do; None: as the system chooses.
    address: str | None = None
    client: httpx.Client = field(init=False)
    email: str = field(init=False)
    tokens: dict[str, Any] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        transport = httpx.HTTPTransport(local_address=self.address)
        self.client = httpx.Client(base_url=f"{self.base_url}/api/v1", timeout=90, transport=transport)
        self.email = f"user-{uuid4().hex[:12]}@example.org"

    def signed_up(self) -> "Api":
        self.ok("POST", "/auth/register", json={"email": self.email, "password": PASSWORD})
        return self.log_in(self.email, PASSWORD)

    def log_in(self, email: str, password: str) -> "Api":
        self.email = email
        self.tokens = self.ok("POST", "/auth/login", json={"email": email, "password": password})
        self.client.headers["authorization"] = f"Bearer {self.tokens['access_token']}"
        return self

    def ok(self, method: str, path: str, **options: Any) -> Any:
        answer = self.client.request(method, path, **options)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def refused(self, status: int, code: str, method: str, path: str, **options: Any) -> dict[str, Any]:
        answer = self.client.request(method, path, **options)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        assert answer.headers["content-type"] == "application/problem+json"
        problem: dict[str, Any] = answer.json()
        assert problem["code"] == code, problem
        assert {"type", "title", "status", "detail", "instance", "request_id"} <= problem.keys()
        assert answer.headers["x-request-id"] == problem["request_id"]
        return problem

    def project(self, name: str = "First") -> str:
        return str(self.ok("POST", "/projects", json={"name": name})["id"])

    def upload(self, project_id: str, content: bytes, name: str = "data.csv", wait: int = 60) -> dict[str, Any]:
        dataset: dict[str, Any] = self.ok(
            "POST",
            "/upload/file",
            params={"wait": wait},
            data={"project_id": project_id},
            files={"file": (name, content, "text/csv")},
        )
        return dataset

    def analyse(self, dataset: dict[str, Any], kind: str, params: dict[str, Any], **options: Any) -> dict[str, Any]:
        body = {
            "project_id": dataset["project_id"],
            "dataset_id": dataset["id"],
            "type": kind,
            "params": params,
            **options,
        }
        task: dict[str, Any] = self.ok("POST", "/analysis", params={"wait": 60}, json=body)
        while task["status"] not in FINAL:
            task = self.ok("GET", f"/tasks/{task['id']}?wait=60")
        return task

    def result(self, task: dict[str, Any]) -> dict[str, Any]:
        assert task["status"] == "succeeded", task
        result: dict[str, Any] = self.ok("GET", f"/analysis/{task['id']}/result")
        return result

    def events(self, task_id: str, after: int = 0) -> list[tuple[int, str, str]]:
        """All events of a task until it ends, as (id, event, data)."""
        events: list[tuple[int, str, str]] = []
        current: dict[str, str] = {}
        headers = {"last-event-id": str(after)} if after else {}
        with self.client.stream("GET", f"/tasks/{task_id}/events", headers=headers) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            for line in stream.iter_lines():
                if line:
                    name, _, value = line.partition(":")
                    current[name] = value.strip()
                elif "event" in current:
                    events.append((int(current["id"]), current["event"], current["data"]))
                    current = {}
        return events
