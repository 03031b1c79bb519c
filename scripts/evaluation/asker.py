"""Somebody who asks an instance through its gateway: an account of its own, a project, data sets, and questions."""

import asyncio
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

FINAL = ("succeeded", "failed", "cancelled")
TOO_MANY = 429
WAIT_SECONDS = 60
PATIENCE_SECONDS = 120


class EvaluationError(Exception):
    """The instance answered something that the evaluation cannot go on with."""


@dataclass(frozen=True)
class Asked:
    """What came of a question: the result, or the code and detail of its failure; and the seconds it took."""

    seconds: float
    result: Mapping[str, Any] | None = None
    code: str = ""
    detail: str = ""


class Asker:
    """Requests to one gateway, by somebody new."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str) -> None:
        self._session = session
        self._api = f"{base_url}/api/v1"
        self._headers: dict[str, str] = {}

    async def sign_up(self) -> None:
        """Make an account and log in."""
        person = {"email": f"evaluation-{secrets.token_hex(6)}@example.com", "password": secrets.token_urlsafe(18)}
        await self.send("POST", "/auth/register", json={**person, "full_name": "Evaluation"})
        tokens = await self.send("POST", "/auth/login", json=person)
        self._headers = {"Authorization": f"Bearer {tokens['access_token']}"}

    async def make_project(self, name: str) -> str:
        """The id of a new project."""
        return str((await self.send("POST", "/projects", json={"name": name}))["id"])

    async def upload(self, project_id: str, name: str, content: bytes) -> str:
        """The id of a new data set, once it can be asked about."""
        form = aiohttp.FormData({"project_id": project_id, "name": name})
        form.add_field("file", content, filename=f"{name}.csv", content_type="text/csv")
        dataset = await self.send("POST", "/upload/file", data=form)
        task = await self._ended(f"/tasks/{dataset['task_id']}")
        if task["status"] != "succeeded":
            raise EvaluationError(f"the data set {name} could not be read: {task['error']}")
        return str(dataset["id"])

    async def ask(self, project_id: str, dataset_ids: Sequence[str], question: str) -> Asked:
        """Ask, and wait for the end, however long it takes.

        Raises:
            EvaluationError: the question was not accepted, for instance because no LLM is configured.
        """
        began = time.perf_counter()
        body = {"project_id": project_id, "dataset_ids": list(dataset_ids), "question": question}
        accepted = await self.send("POST", "/analysis/ask", params={"wait": 0}, json=body)
        place = f"/analysis/{accepted['id']}"
        task = await self._ended(place)
        seconds = time.perf_counter() - began
        if task["status"] == "succeeded":
            return Asked(seconds, await self.send("GET", f"{place}/result"))
        error = task["error"] or {"code": task["status"], "detail": ""}
        return Asked(seconds, code=error["code"], detail=error["detail"])

    async def _ended(self, place: str) -> dict[str, Any]:
        while True:
            task: dict[str, Any] = await self.send("GET", place, params={"wait": WAIT_SECONDS})
            if task["status"] in FINAL:
                return task

    async def send(self, method: str, path: str, **options: Any) -> Any:
        """The decoded body of an answer; one that says to come back later is asked again.

        Raises:
            EvaluationError: the answer is not a success; holds the problem's code and detail.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            async with self._session.request(method, self._api + path, headers=self._headers, **options) as answer:
                body, pause = await answer.text(), float(answer.headers.get("Retry-After", 1))
            if answer.status != TOO_MANY or time.monotonic() + pause > deadline:
                break
            await asyncio.sleep(pause)
        if answer.ok:
            return json.loads(body) if body else None
        raise EvaluationError(f"{method} {path} answered {answer.status}: {_reason(body)}")


def _reason(body: str) -> str:
    try:
        problem = json.loads(body)
        return f"{problem['code']}: {problem['detail']}"
    except (ValueError, KeyError, TypeError):
        return body[:200]
