"""`/analysis/ask` over HTTP: who may ask what, and answers of a real worker."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from asgi_lifespan import LifespanManager
from httpx import ASGITransport, AsyncClient

from shared.auth import TokenCodec
from shared.config import Settings
from shared.database import Database
from shared.ids import new_id
from shared.testing.llm_server import Answer, ScriptedLlm
from shared.testing.project import Workspace

from ..app.main import create_app
from .support import DatasetMaker, MakeWorker, log_in

pytestmark = pytest.mark.integration

PLACE = "/analysis/ask"
PLAN = '{{"sql": "SELECT count(*) AS n FROM \\"{}\\""}}'


@pytest.fixture
async def asker(
    settings: Settings, database: Database, workspace: Workspace, llm: ScriptedLlm
) -> AsyncIterator[AsyncClient]:
    """The editor's client of an application that has an LLM."""
    token = TokenCodec(settings).issue_access(workspace.editor, await log_in(database, workspace.editor))
    app = create_app(settings.model_copy(update=llm.settings()))
    async with LifespanManager(app) as manager:
        headers = {"Authorization": f"Bearer {token}"}
        async with AsyncClient(
            transport=ASGITransport(manager.app), base_url="http://ai", headers=headers, timeout=120
        ) as client:
            yield client


def question(workspace: Workspace, *dataset_ids: UUID, **more: Any) -> dict[str, Any]:
    ids = [str(dataset_id) for dataset_id in dataset_ids]
    return {"project_id": str(workspace.project_id), "dataset_ids": ids, "question": "How many?", **more}


async def test_without_a_key_nothing_else_is_asked(clients: dict[str, AsyncClient], workspace: Workspace) -> None:
    body = question(workspace, new_id())
    for person, status in (("nobody", 401), ("stranger", 503), ("viewer", 503), ("owner", 503)):
        answer = await clients[person].post(PLACE, json=body)
        assert answer.status_code == status, person
    assert answer.json()["code"] == "llm_not_configured"
    assert (await clients["owner"].post(PLACE, json={})).status_code == 422


async def test_who_may_ask_about_what(
    asker: AsyncClient, make_dataset: DatasetMaker, workspace: Workspace, database: Database, settings: Settings
) -> None:
    dataset_id, coming = await make_dataset({"a": [1]}), await make_dataset({"a": [1]}, "ingesting")
    expected = [
        (question(workspace, new_id()), 404, "not_found"),
        (question(workspace, dataset_id, new_id()), 404, "not_found"),
        (question(workspace, coming), 409, "dataset_not_ready"),
        (question(workspace, dataset_id, conversation_id=str(new_id())), 404, "not_found"),
        ({**question(workspace, dataset_id), "project_id": str(new_id())}, 404, "not_found"),
        (question(workspace), 422, "validation_failed"),
        (question(workspace, *[new_id() for _ in range(11)]), 422, "validation_failed"),
        (question(workspace, dataset_id, question=""), 422, "validation_failed"),
        (question(workspace, dataset_id, question="\u200b\u202e \n"), 422, "validation_failed"),
        (question(workspace, dataset_id, question="x" * 4001), 422, "validation_failed"),
        (question(workspace, dataset_id, question="a\x00b"), 422, "validation_failed"),
        (question(workspace, dataset_id, temperature=2), 422, "validation_failed"),
        (question(workspace, dataset_id, question="x" * 10_000_000), 413, "payload_too_large"),
    ]
    for body, status, code in expected:
        answer = await asker.post(PLACE, json=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), str(body)[:300]
    assert (await asker.post(PLACE, json=question(workspace, dataset_id), params={"wait": 61})).status_code == 422
    token = TokenCodec(settings).issue_access(workspace.viewer, await log_in(database, workspace.viewer))
    viewer = {"Authorization": f"Bearer {token}"}
    refused = await asker.post(PLACE, json=question(workspace, dataset_id), headers=viewer)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    async with database.transaction() as session:
        assert await session.fetch_value("SELECT count(*) FROM analysis_tasks") == 0
        assert await session.fetch_value("SELECT count(*) FROM conversations") == 0


async def test_a_question_that_takes_longer(
    asker: AsyncClient, make_dataset: DatasetMaker, workspace: Workspace
) -> None:
    body = question(workspace, await make_dataset({"a": [1]}), question="  Wie viele\u202e\u200b? \U0001f600\ud7ff ")
    answer = await asker.post(PLACE, json=body, params={"wait": 0})
    assert answer.status_code == 202
    task = answer.json()
    assert (task["kind"], task["status"], task["params"]["question"]) == (
        "ask",
        "queued",
        "Wie viele? \U0001f600\ud7ff",
    )
    assert answer.headers["location"].endswith(f"/analysis/{task['id']}")
    early = await asker.get(f"/analysis/{task['id']}/result")
    assert (early.status_code, early.json()["code"]) == (409, "not_finished")
    cancelled = await asker.post(f"/analysis/{task['id']}/cancel")
    assert cancelled.json()["status"] == "cancelled"


async def test_an_idempotent_question_is_asked_once(
    asker: AsyncClient, make_dataset: DatasetMaker, workspace: Workspace
) -> None:
    body = question(workspace, await make_dataset({"a": [1]}))
    options: dict[str, Any] = {"params": {"wait": 0}, "headers": {"Idempotency-Key": "once"}}
    first, second = [await asker.post(PLACE, json=body, **options) for _ in range(2)]
    assert first.json()["id"] == second.json()["id"]
    assert second.headers["Idempotency-Replayed"] == "true"


async def test_a_worker_answers(
    asker: AsyncClient,
    make_dataset: DatasetMaker,
    workspace: Workspace,
    llm: ScriptedLlm,
    make_worker: MakeWorker,
) -> None:
    make_worker(**llm.environment(), LLM_CACHE_SECONDS="0", LLM_ATTEMPTS="1", LLM_WAIT_SECONDS="0")
    dataset_id = await make_dataset({"region": ["north", "south", "south"], "price": [1.5, 2.5, 3.5]})
    plan = PLAN.format(dataset_id)
    llm.say(plan, Answer("There are {{t1[0].n}}, not 4.", piece=2))
    answer = await asker.post(PLACE, json=question(workspace, dataset_id))
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert list(found) == [
        "task_id",
        "conversation_id",
        "answer",
        "sql",
        "tables",
        "charts",
        "claims",
        "warnings",
        "usage",
    ]
    assert found["answer"] == "There are 3, not [unverified]."
    assert found["tables"] == [{"name": "t1", "columns": ["n"], "rows": [[3]]}]
    assert [claim["status"] for claim in found["claims"]] == ["grounded", "struck"]
    kept = (await asker.get(f"/analysis/{found['task_id']}/result")).json()
    assert (kept["type"], kept["summary"]["answer"], kept["tables"]) == ("ask", found["answer"], found["tables"])
    assert kept["manifest"]["ask"]["datasets"] == [
        {"dataset_id": str(dataset_id), "name": str(dataset_id), "version": 1, "sha256": kept["manifest"]["sha256"]}
    ]
    llm.say(*['{"sql": "SELECT nothing"}'] * 3)
    failed = await asker.post(PLACE, json=question(workspace, dataset_id, question="And what failed?"))
    assert (failed.status_code, failed.json()["code"]) == (422, "ask_failed")
    assert "no_data" in failed.json()["detail"] or "unknown_column" in failed.json()["detail"]


async def test_a_question_that_is_called_off(
    asker: AsyncClient, make_dataset: DatasetMaker, workspace: Workspace, llm: ScriptedLlm, make_worker: MakeWorker
) -> None:
    make_worker(**llm.environment())
    dataset_id = await make_dataset({"a": [1]})
    llm.say(PLAN.format(dataset_id), Answer("word " * 50, hangs_after=5))
    asked = asyncio.create_task(asker.post(PLACE, json=question(workspace, dataset_id)))
    for _ in range(600):
        if len(llm.received) == 2 and llm.received[1].sent > 4:
            break
        await asyncio.sleep(0.1)
    (task,) = (await asker.get("/tasks", params={"kind": "ask"})).json()["items"]
    assert (await asker.post(f"/tasks/{task['id']}/cancel")).status_code == 200
    answer = await asked
    assert (answer.status_code, answer.json()["code"]) == (409, "cancelled")
    for _ in range(100):
        if llm.received[1].disconnected:
            break
        await asyncio.sleep(0.1)
    assert llm.received[1].disconnected
