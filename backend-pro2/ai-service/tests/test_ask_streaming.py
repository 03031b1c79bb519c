"""Streams of questions over HTTP: asked, answered by a worker and a scripted model, followed, repeated, refused."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient
from pydantic import SecretStr

from shared.config import Settings
from shared.ids import new_id
from shared.resources import Resources
from shared.testing.llm_server import ScriptedLlm
from shared.testing.project import Workspace

from .ask_bench import AskBench, column, profile
from .support import DatasetMaker, MakeWorker

pytestmark = pytest.mark.integration

PLACE = "/analysis/ask/stream"
PLAN = json.dumps({"sql": "SELECT region, sum(units) AS units FROM sales GROUP BY region ORDER BY units DESC"})
PROSE = "North sells {{t1[0].units}} units, and South sells 3 units."
SECONDS = 120


@dataclass(frozen=True, slots=True)
class Event:
    """One event, as it was sent."""

    name: str
    data: dict[str, Any]
    id: int


def events_of(text: str) -> list[Event]:
    blocks = [block.splitlines() for block in text.split("\n\n") if block and not block.startswith(":")]
    fields = [dict(line.split(": ", 1) for line in lines) for lines in blocks]
    return [Event(field["event"], json.loads(field["data"]), int(field["id"])) for field in fields]


def told(events: list[Event]) -> str:
    """The text of all deltas."""
    return "".join(event.data["text"] for event in events if event.name == "delta")


@pytest.fixture
def llm() -> Iterator[ScriptedLlm]:
    with ScriptedLlm() as llm:
        yield llm


@pytest.fixture
async def order(make_dataset: DatasetMaker, resources: Resources, workspace: Workspace) -> dict[str, Any]:
    dataset_id = await make_dataset({"region": ["North", "South", "North"], "units": [4, 3, 5]})
    found = profile([column("region", "string", 2), column("units", "integer", 3)])
    await AskBench(resources, workspace).describe(dataset_id, "sales", found)
    body = {"project_id": str(workspace.project_id), "dataset_ids": [str(dataset_id)]}
    return {**body, "question": "Which region sells most?"}


class TestAnswered:
    @pytest.fixture
    def settings(self, settings: Settings, llm: ScriptedLlm) -> Settings:
        return settings.model_copy(update=llm.settings())

    @pytest.fixture(autouse=True)
    def worker(self, make_worker: MakeWorker, llm: ScriptedLlm) -> None:
        make_worker(**llm.environment())

    async def test_from_question_to_answer(
        self, clients: dict[str, AsyncClient], order: dict[str, Any], llm: ScriptedLlm
    ) -> None:
        llm.say(PLAN, PROSE)
        client, key = clients["editor"], {"Idempotency-Key": str(new_id())}
        answered = await client.post(PLACE, json=order, headers=key)
        assert (answered.status_code, answered.headers["content-type"][:17]) == (200, "text/event-stream")
        assert (answered.headers["cache-control"], answered.headers["x-accel-buffering"]) == ("no-cache", "no")
        events = events_of(answered.text)
        names = [event.name for event in events]
        assert (names[0], names[-1]) == ("state", "answer"), answered.text
        assert names.index("sql") < names.index("table") < names.index("delta")
        answer = events[-1].data
        assert (told(events), answer["answer"]) == (answer["answer"], "North sells 9 units, and South sells 3 units.")
        assert [claim["status"] for claim in answer["claims"]] == ["grounded", "grounded"]
        pieces = [event.data["n"] for event in events if event.name in ("sql", "table", "delta")]
        assert pieces == sorted(pieces)
        assert [event.id for event in events] == sorted(event.id for event in events)

        task = (await client.get(answered.headers["location"])).json()
        assert (task["kind"], task["status"]) == ("ask", "succeeded")
        again = await client.post(PLACE, json=order, headers=key)
        assert (again.headers["idempotency-replayed"], len(llm.received)) == ("true", 2)
        assert events_of(again.text)[-1].data["task_id"] == task["id"]
        followed = await clients["viewer"].get(f"/analysis/ask/{task['id']}/stream")
        assert told(events_of(followed.text)) == answer["answer"]
        resumed = await client.get(f"/analysis/{task['id']}/events", params={"after": events[0].id})
        assert "event: state" in resumed.text
        assert f"id: {events[0].id}\n" not in resumed.text
        head = (await client.get("/analysis/conversations")).json()["items"][0]
        assert (head["id"], head["turns_total"]) == (answer["conversation_id"], 1)

    async def test_a_model_that_does_not_answer(
        self, client: AsyncClient, order: dict[str, Any], llm: ScriptedLlm
    ) -> None:
        llm.script(lambda _: "I would rather not say, in no way that can be read.")
        events = events_of((await client.post(PLACE, json=order)).text)
        assert events[-1].name == "error"
        assert events[-1].data["code"]
        assert "rather not" not in json.dumps(events[-1].data)

    async def test_a_client_that_leaves_stops_nothing(
        self, client: AsyncClient, order: dict[str, Any], llm: ScriptedLlm, resources: Resources
    ) -> None:
        llm.say(PLAN, PROSE)
        asking = asyncio.create_task(client.post(PLACE, json=order))
        task: dict[str, Any] = {}
        async with asyncio.timeout(SECONDS):
            while not task:
                await asyncio.sleep(0.05)
                items = (await client.get("/tasks")).json()["items"]
                task = next((one for one in items if one["kind"] == "ask"), {})
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        async with asyncio.timeout(SECONDS):
            while task["status"] not in ("succeeded", "failed", "cancelled"):
                task = (await client.get(f"/tasks/{task['id']}", params={"wait": 10})).json()
        assert task["status"] == "succeeded"


class TestRefused:
    @pytest.fixture
    def settings(self, settings: Settings, llm: ScriptedLlm) -> Settings:
        return settings.model_copy(update=llm.settings())

    async def test_before_the_stream_begins(self, clients: dict[str, AsyncClient], order: dict[str, Any]) -> None:
        expected = {"nobody": 401, "viewer": 403, "stranger": 404}
        for person, status in expected.items():
            refused = await clients[person].post(PLACE, json=order)
            assert (refused.status_code, refused.headers["content-type"]) == (status, "application/problem+json")
        absent = {**order, "dataset_ids": [str(new_id())]}
        assert (await clients["editor"].post(PLACE, json=absent)).status_code == 404
        assert (await clients["editor"].post(PLACE, json={**order, "question": ""})).status_code == 422
        assert (await clients["editor"].get("/tasks")).json()["items"] == []

    async def test_only_questions_are_followed_so(self, clients: dict[str, AsyncClient], order: dict[str, Any]) -> None:
        body = {**order, "dataset_id": order["dataset_ids"][0], "type": "describe"}
        body = {name: body[name] for name in ("project_id", "dataset_id", "type")}
        task = (await clients["editor"].post("/analysis", json=body)).json()
        for task_id in (UUID(task["id"]), new_id()):
            assert (await clients["editor"].get(f"/analysis/ask/{task_id}/stream")).status_code == 404


class TestWithoutAModel:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"openai_api_key": SecretStr("")})

    async def test_there_is_no_stream(self, client: AsyncClient, order: dict[str, Any]) -> None:
        refused = await client.post(PLACE, json=order)
        assert (refused.status_code, refused.json()["code"]) == (503, "llm_not_configured")
        assert (await client.get("/analysis/conversations")).json()["items"] == []
