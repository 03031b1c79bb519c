"""`/analysis/insights`, `/explain` and `/describe-columns` over HTTP: who may order what, and answers of a worker."""

import json
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
from shared.resources import Resources
from shared.testing.llm_server import ScriptedLlm
from shared.testing.project import Workspace

from ..app.main import create_app
from .ask_bench import AskBench, column, profile
from .support import DatasetMaker, MakeWorker, log_in

pytestmark = pytest.mark.integration

NAMES = ((0, "price"), (2, "area"), (5, "phone"))
PLACES = ("/analysis/insights", "/analysis/explain", "/analysis/describe-columns")
FINDINGS = '{"findings": [{"title": "Few", "text": "There are {{f1}} rows, not 4.", "facts": ["f1"]}]}'
COLUMNS = '{"columns": [{"name": "price", "description": "What was paid.", "unit": "CHF"}]}'
_FAILED = "UPDATE analysis_tasks SET status = 'failed', error_code = 'timeout', error_detail = 'x', finished_at = now()"


@pytest.fixture
async def people(
    settings: Settings, database: Database, workspace: Workspace, llm: ScriptedLlm
) -> AsyncIterator[dict[str, AsyncClient]]:
    """Clients of an application that has an LLM."""
    app = create_app(settings.model_copy(update=llm.settings()))
    async with LifespanManager(app) as manager:
        made = {}
        for name in ("owner", "editor", "viewer", "stranger"):
            user_id: UUID = getattr(workspace, name)
            token = TokenCodec(settings).issue_access(user_id, await log_in(database, user_id))
            transport, headers = ASGITransport(manager.app), {"Authorization": f"Bearer {token}"}
            made[name] = AsyncClient(transport=transport, base_url="http://ai", headers=headers, timeout=120)
        yield made
        for client in made.values():
            await client.aclose()


@pytest.fixture
async def dataset_id(make_dataset: DatasetMaker, resources: Resources, workspace: Workspace) -> UUID:
    made = await make_dataset({"price": [1.5, 2.5, 3.5]})
    found = {**profile([column("price", "number", 3, min=1.5, max=3.5, mean=2.5)]), "duplicates": 0}
    await AskBench(resources, workspace).describe(made, "sales", found)
    return made


def order(workspace: Workspace, **more: Any) -> dict[str, Any]:
    return {"project_id": str(workspace.project_id), **{name: str(value) for name, value in more.items()}}


async def failed_task(client: AsyncClient, database: Database, workspace: Workspace, dataset_id: UUID) -> str:
    body = {**order(workspace, dataset_id=dataset_id), "type": "describe", "params": {}}
    task_id = str((await client.post("/analysis", json=body)).json()["id"])
    async with database.transaction() as session:
        await session.execute(_FAILED)
    return task_id


async def test_without_a_key_nothing_else_is_asked(clients: dict[str, AsyncClient], workspace: Workspace) -> None:
    for place in PLACES:
        named = {"task_id": new_id()} if place == "/analysis/explain" else {"dataset_id": new_id()}
        for person, status in (("nobody", 401), ("stranger", 503), ("viewer", 503), ("owner", 503)):
            answer = await clients[person].post(place, json=order(workspace, **named))
            assert answer.status_code == status, (place, person)
        assert answer.json()["code"] == "llm_not_configured"
        assert answer.headers["retry-after"]
        assert (await clients["owner"].post(place, json={})).status_code == 422


async def test_roles(
    people: dict[str, AsyncClient], workspace: Workspace, dataset_id: UUID, database: Database
) -> None:
    task_id = await failed_task(people["owner"], database, workspace, dataset_id)
    for place in PLACES:
        named = {"task_id": task_id} if place == "/analysis/explain" else {"dataset_id": dataset_id}
        for person, status in (("stranger", 404), ("viewer", 403), ("editor", 202), ("owner", 202)):
            answer = await people[person].post(place, json=order(workspace, **named), params={"wait": 0})
            assert answer.status_code == status, (place, person)
        assert answer.headers["location"].endswith(f"/analysis/{answer.json()['id']}")


async def test_what_may_be_ordered(
    people: dict[str, AsyncClient],
    workspace: Workspace,
    dataset_id: UUID,
    make_dataset: DatasetMaker,
    database: Database,
) -> None:
    coming, unprofiled = await make_dataset({"a": [1]}, "ingesting"), await make_dataset({"a": [1]})
    other = await make_dataset({"a": [1]})
    failed = await failed_task(people["owner"], database, workspace, dataset_id)
    running = (
        await people["owner"].post(
            "/analysis", json={**order(workspace, dataset_id=other), "type": "describe", "params": {}}
        )
    ).json()["id"]
    insights, explain, describe = PLACES
    expected: list[tuple[str, dict[str, Any], int, str]] = [
        (insights, {"dataset_id": new_id()}, 404, "not_found"),
        (describe, {"dataset_id": new_id()}, 404, "not_found"),
        (insights, {"dataset_id": dataset_id, "version": 7}, 404, "not_found"),
        (insights, {"dataset_id": coming}, 409, "dataset_not_ready"),
        (describe, {"dataset_id": unprofiled}, 409, "dataset_not_ready"),
        (insights, {"dataset_id": dataset_id, "task_id": new_id()}, 404, "not_found"),
        (insights, {"dataset_id": dataset_id, "task_id": running}, 409, "not_finished"),
        (insights, {"dataset_id": dataset_id, "task_id": failed}, 422, "no_result"),
        (explain, {"task_id": new_id()}, 404, "not_found"),
        (explain, {"task_id": running}, 409, "not_finished"),
        (explain, {"task_id": failed, "dataset_id": dataset_id}, 422, "validation_failed"),
        (insights, {"dataset_id": dataset_id, "focus": "\u200b"}, 422, "validation_failed"),
        (insights, {"dataset_id": dataset_id, "focus": "x" * 1001}, 422, "validation_failed"),
        (insights, {"dataset_id": dataset_id, "max_findings": 0}, 422, "validation_failed"),
        (insights, {"dataset_id": dataset_id, "max_findings": 21}, 422, "validation_failed"),
    ]
    for place, named, status, code in expected:
        answer = await people["editor"].post(place, json=order(workspace, **named), params={"wait": 0})
        assert (answer.status_code, answer.json()["code"]) == (status, code), (place, named)
    async with database.transaction() as session:
        assert await session.fetch_value("SELECT count(*) FROM analysis_tasks WHERE queue = 'llm'") == 0


async def test_an_idempotent_order_is_done_once(
    people: dict[str, AsyncClient], workspace: Workspace, dataset_id: UUID
) -> None:
    options: dict[str, Any] = {"params": {"wait": 0}, "headers": {"Idempotency-Key": "once"}}
    body = order(workspace, dataset_id=dataset_id)
    first, second = [await people["editor"].post(PLACES[0], json=body, **options) for _ in range(2)]
    assert (first.json()["id"], first.json()["kind"]) == (second.json()["id"], "insights")
    assert second.headers["Idempotency-Replayed"] == "true"


async def test_a_worker_answers(
    people: dict[str, AsyncClient],
    workspace: Workspace,
    dataset_id: UUID,
    database: Database,
    llm: ScriptedLlm,
    make_worker: MakeWorker,
) -> None:
    failed = await failed_task(people["owner"], database, workspace, dataset_id)
    make_worker(**llm.environment(), LLM_CACHE_SECONDS="0", LLM_ATTEMPTS="1", LLM_WAIT_SECONDS="0")
    editor = people["editor"]
    llm.say(FINDINGS, "It took too long.", COLUMNS, *["nothing"] * 3)
    answer = await editor.post(PLACES[0], json=order(workspace, dataset_id=dataset_id))
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert list(found) == ["task_id", "findings", "warnings", "usage"]
    assert found["findings"][0]["text"] == "There are 100 rows, not [unverified]."
    assert found["findings"][0]["facts"] == [{"id": "f1", "name": "rows", "value": 100}]
    kept = (await editor.get(f"/analysis/{found['task_id']}/result")).json()
    assert (kept["type"], kept["summary"]["findings"]) == ("insights", found["findings"])
    assert kept["manifest"]["llm"]["model"] == "scripted"
    explained = (await editor.post(PLACES[1], json=order(workspace, task_id=failed))).json()
    assert list(explained) == ["task_id", "explanation", "facts", "claims", "warnings", "usage"]
    assert explained["explanation"] == "It took too long."
    described = (await editor.post(PLACES[2], json=order(workspace, dataset_id=dataset_id))).json()
    assert list(described) == ["task_id", "columns", "warnings", "usage"]
    assert described["columns"] == [{"name": "price", "description": "What was paid.", "unit": "CHF"}]
    spoilt = await editor.post(PLACES[2], json=order(workspace, dataset_id=dataset_id))
    assert (spoilt.status_code, spoilt.json()["code"]) == (422, "unreadable_reply")


async def test_a_real_analysis_is_explained(
    people: dict[str, AsyncClient],
    workspace: Workspace,
    make_dataset: DatasetMaker,
    resources: Resources,
    llm: ScriptedLlm,
    make_worker: MakeWorker,
) -> None:
    make_worker(**llm.environment(), LLM_CACHE_SECONDS="0", LLM_ATTEMPTS="1", LLM_WAIT_SECONDS="0")
    editor, columns = people["editor"], {name: [float(n * n % 7) for n in range(at, at + 30)] for at, name in NAMES}
    made = await make_dataset(columns)
    found = profile([column(name, "number") for name in columns], ["Column 'phone' looks like phone numbers."])
    await AskBench(resources, workspace).describe(made, "sales", found)
    body = {**order(workspace, dataset_id=made), "type": "correlation", "params": {}}
    task = (await editor.post("/analysis", json=body, params={"wait": 60})).json()
    assert task["status"] == "succeeded"
    llm.script(lambda messages: f"They go together: {{{{{_fact(messages)}|2}}}}, not 0.123.")
    answer = await editor.post(PLACES[1], json=order(workspace, task_id=task["id"]))
    assert answer.status_code == 200, answer.text
    (fact,) = answer.json()["facts"]
    assert isinstance(fact["value"], float)
    assert answer.json()["explanation"].endswith(", not [unverified].")
    assert b"phone" not in llm.received[0].body
    body = {**order(workspace, dataset_id=made), "type": "correlation", "params": {"columns": ["price", "phone"]}}
    named = (await editor.post("/analysis", json=body, params={"wait": 60})).json()
    refused = await editor.post(PLACES[1], json=order(workspace, task_id=named["id"]))
    assert (refused.status_code, refused.json()["code"]) == (409, "personal_columns")


def _fact(messages: list[dict[str, Any]]) -> str:
    block = messages[1]["content"].split("<data>")[1].split("</data>")[0]
    facts: dict[str, dict[str, Any]] = json.loads(block)["facts"]
    return next(name for name, fact in facts.items() if fact["name"] == "coefficients: area of price")
