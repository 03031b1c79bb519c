"""Somebody's belongings at an instance, made when they are first asked for: what a caller may or may not reach."""

from functools import cached_property
from typing import Any
from uuid import uuid4

from ..e2e.api import PASSWORD, Api
from .wire import own_address

ABSENT = "01890a5d-ac96-774b-bcce-b302099a8057"
CSV = b"a,b,same\n" + b"".join(b"%d,%d,1\n" % (n % 7, n % 5) for n in range(40))
# What belongings are made of comes before what others have ordered meanwhile.
FIRST = 9
# One pixel.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)


class World:
    """An owner with one of everything; the helpers `viewer`, `editor` and `guest` are let into the project."""

    def __init__(self, base_url: str, helpers: dict[str, Api] | None = None) -> None:
        self.base_url = base_url
        self.helpers = helpers or {}
        self._opened: Api | None = None

    @cached_property
    def owner(self) -> Api:
        self._opened = Api(self.base_url, own_address())
        return self._opened.signed_up()

    @cached_property
    def user_id(self) -> str:
        return str(self.owner.ok("GET", "/auth/me")["id"])

    @property
    def fresh_email(self) -> str:
        return f"fresh-{uuid4().hex[:12]}@example.org"

    @cached_property
    def project_id(self) -> str:
        project = self.owner.project(f"Plans of {self.owner.email}")
        for name, person in self.helpers.items():
            role = "editor" if name == "editor" else "viewer"
            self.owner.ok("POST", f"/projects/{project}/members", json={"email": person.email, "role": role})
        return project

    @cached_property
    def guest_id(self) -> str:
        """A member whom nobody needs."""
        members = self.owner.ok("GET", f"/projects/{self.project_id}/members")["items"]
        emails = {member["email"]: str(member["user_id"]) for member in members}
        return emails[self.helpers["guest"].email] if self.helpers else ABSENT

    @cached_property
    def dataset(self) -> dict[str, Any]:
        dataset = self.owner.upload(self.project_id, CSV, "secret.csv")
        assert dataset["status"] == "ready", dataset
        return dataset

    @property
    def dataset_id(self) -> str:
        return str(self.dataset["id"])

    @cached_property
    def upload_id(self) -> str:
        """An upload in one part, which has not come."""
        body = {"project_id": self.project_id, "filename": "a.csv", "bytes": 8}
        return str(self.owner.ok("POST", "/upload/sessions", json=body)["id"])

    @cached_property
    def rule_id(self) -> str:
        """A rule that the dataset satisfies."""
        body = {"rule": {"kind": "row_count", "min": 1}}
        return str(self.owner.ok("POST", f"/datasets/{self.dataset_id}/quality/rules", json=body)["id"])

    @property
    def fresh_name(self) -> str:
        return f"fresh {uuid4().hex[:12]}"

    @cached_property
    def pipeline_id(self) -> str:
        body = {"project_id": self.project_id, "name": "first rows", "steps": [{"op": "limit", "n": 2}]}
        return str(self.owner.ok("POST", "/process/pipelines", json=body)["id"])

    @cached_property
    def schedule_id(self) -> str:
        """A schedule that is not due while tests run."""
        action = {"kind": "analysis", "dataset_id": self.dataset_id, "type": "describe", "params": {}}
        body = {"project_id": self.project_id, "name": "yearly", "cron": "0 0 29 2 *", "action": action}
        return str(self.owner.ok("POST", "/tasks/schedules", json=body)["id"])

    @cached_property
    def query_task_id(self) -> str:
        """A query that ran as a task, with its rows."""
        body = {"project_id": self.project_id, "sql": "SELECT 1 AS one", "background": True}
        task = self.owner.ok("POST", "/process/query?wait=60", json=body)
        assert task["status"] == "succeeded", task
        return str(task["id"])

    @cached_property
    def question_task_id(self) -> str:
        """A question, whether or not anybody answers it."""
        body = {"project_id": self.project_id, "dataset_ids": [self.dataset_id], "question": "How many rows?"}
        return str(self.owner.ok("POST", "/analysis/ask?wait=0", json=body)["id"])

    @cached_property
    def conversation_id(self) -> str:
        """Where that question stands."""
        assert self.question_task_id
        query = f"/analysis/conversations?project_id={self.project_id}"
        return str(self.owner.ok("GET", query)["items"][0]["id"])

    @cached_property
    def query_id(self) -> str:
        """A verified query."""
        body = {"project_id": self.project_id, "question": "How many?", "sql": "SELECT count(*) FROM secret"}
        made = self.owner.ok("POST", "/analysis/verified-queries", json={**body, "dataset_ids": [self.dataset_id]})
        return str(made["id"])

    @cached_property
    def term_id(self) -> str:
        body = {"project_id": self.project_id, "name": "season", "definition": "From May to August."}
        return str(self.owner.ok("POST", "/analysis/glossary", json=body)["id"])

    @cached_property
    def task_id(self) -> str:
        """A finished analysis with an artifact."""
        task = self.owner.analyse(self.dataset, "cluster", {"columns": ["a", "b"], "k": 2}, priority=FIRST)
        assert task["status"] == "succeeded", task
        return str(task["id"])

    @cached_property
    def model_id(self) -> str:
        """A model of two versions without an alias."""
        body = {"project_id": self.project_id, "dataset_id": self.dataset_id, "target": "a", "features": ["b"]}
        order = {**body, "problem": "regression", "algorithm": "linear", "name": "plans", "budget_seconds": 20}
        ids = [self.owner.ok("POST", "/models/train", json={**order, "priority": FIRST})["id"] for _ in range(2)]
        tasks = [self.owner.ok("GET", f"/tasks/{task_id}?wait=60") for task_id in ids]
        assert [task["status"] for task in tasks] == ["succeeded"] * 2, tasks
        return str(self.owner.ok("GET", f"/tasks/{ids[0]}/result")["summary"]["model_id"])

    @cached_property
    def model_alias(self) -> str:
        self.owner.ok("PUT", f"/models/{self.model_id}/aliases/spare", json={"version": 1})
        return "spare"

    @cached_property
    def failed_task_id(self) -> str:
        """An analysis that can be retried, since it failed."""
        task = self.owner.analyse(self.dataset, "regression", {"target": "a", "features": ["same"]}, priority=FIRST)
        assert task["status"] == "failed", task
        return str(task["id"])

    @cached_property
    def artifact(self) -> str:
        return str(self.owner.ok("GET", f"/analysis/{self.task_id}/result")["artifacts"][0]["name"])

    @cached_property
    def webhook_id(self) -> str:
        """One that leads nowhere."""
        body = {"url": "https://hooks.invalid/a", "events": ["task.failed"]}
        return str(self.owner.ok("POST", f"/projects/{self.project_id}/webhooks", json=body)["id"])

    @cached_property
    def delivery_id(self) -> str:
        """A test that was sent there."""
        return str(self.owner.ok("POST", f"/projects/{self.project_id}/webhooks/{self.webhook_id}/test")["id"])

    @property
    def entry_id(self) -> str:
        """Of the egress ledger, in which nothing is while there is no LLM."""
        return ABSENT

    @cached_property
    def invitation_id(self) -> str:
        body = {"email": f"invited-{self.user_id}@example.org", "role": "viewer"}
        return str(self.owner.ok("POST", f"/projects/{self.project_id}/invitations", json=body)["id"])

    @cached_property
    def key_id(self) -> str:
        return str(self.owner.ok("POST", "/auth/api-keys", json={"name": "spare"})["id"])

    @cached_property
    def session_id(self) -> str:
        """A second session, so that ending it leaves the first."""
        self.owner.ok("POST", "/auth/login", json={"email": self.owner.email, "password": PASSWORD})
        sessions = self.owner.ok("GET", "/auth/sessions")["items"]
        return next(str(session["id"]) for session in sessions if not session["current"])

    @cached_property
    def avatar(self) -> str:
        """Once looked at, there is one."""
        headers = {"content-type": "image/png"}
        return str(self.owner.ok("PUT", "/users/me/avatar", content=PNG, headers=headers)["avatar_url"])

    def key(self, *scopes: str) -> str:
        """An API key of the owner's."""
        made = self.owner.ok("POST", "/auth/api-keys", json={"name": " ".join(scopes), "scopes": list(scopes)})
        return str(made["key"])

    @property
    def traces(self) -> list[str]:
        """What a stranger must find nowhere."""
        ids = [self.user_id, self.project_id, self.dataset_id, self.task_id, self.invitation_id, self.key_id]
        return [*ids, self.webhook_id, self.delivery_id, self.owner.email]

    def close(self) -> None:
        if self._opened is not None:
            self._opened.client.close()
