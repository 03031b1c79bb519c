"""Insights, explanations and descriptions of columns, from facts to what is kept; with models that lie and harm."""

import json
from typing import Any
from uuid import UUID

import pytest

from shared.errors import Conflict, NotFound
from shared.ids import new_id
from shared.resources import Resources
from shared.tasks import NewTask, Task
from shared.testing.llm_server import Answer, ScriptedLlm, tool_call
from shared.testing.project import Workspace

from ..app.repositories import results
from ..app.repositories.results import Result
from ..app.services.analyses import Analyses
from .ask_runner import CANARY, SECRET, AskRunner
from .support import DatasetMaker

pytestmark = pytest.mark.integration

LEVELS = ("schema", "aggregates", "rows")
_ENDED = "UPDATE analysis_tasks SET status = $2, error_code = $3, error_detail = $4, finished_at = now() WHERE id = $1"
GOOD = {
    "title": "Prices are spread",
    "text": "The mean of price is {{%(mean)s}}, and its largest value 19.",
    "facts": ["%(mean)s", "%(max)s", "f999"],
}


@pytest.fixture
def runner(resources: Resources, workspace: Workspace, make_dataset: DatasetMaker, llm: ScriptedLlm) -> AskRunner:
    return AskRunner(resources, workspace, make_dataset, llm)


def told_facts(messages: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The facts in a request."""
    block = messages[1]["content"].split("<data>")[1].split("</data>")[0]
    found: dict[str, dict[str, Any]] = json.loads(block)["facts"]
    return found


def knowing(*findings: dict[str, Any], more: str = "") -> Any:
    """A model that says this, with ids of facts for their names."""

    def script(messages: list[dict[str, Any]]) -> Answer:
        called = {fact["name"]: name for name, fact in told_facts(messages).items()}
        ids = {"mean": called["mean of price"], "max": called["largest value of price"]}
        return Answer(more + json.dumps({"findings": list(findings)}) % ids)

    return script


async def ended(runner: AskRunner, dataset_id: UUID, status: str, *error: str, kind: str = "regression") -> Task:
    """An analysis that has ended so."""
    params = {"type": kind, "params": {}, "seed": 0}
    new = NewTask("analysis", "analysis", runner.workspace.project_id, runner.workspace.owner, params, dataset_id, 1)
    async with runner.resources.database.transaction() as session:
        task = await runner.resources.ledger.submit(session, new)
        await session.execute(_ENDED, task.id, status, *(error or (None, None)))
    return task


async def analysed(
    runner: AskRunner, dataset_id: UUID, kind: str, summary: dict[str, Any], *tables: dict[str, Any], **params: Any
) -> Task:
    """An analysis with this result."""
    task = await ended(runner, dataset_id, "succeeded", kind=kind)
    manifest = {"dataset_id": str(dataset_id), "version": 1, "sha256": "0" * 64, "params": params}
    async with runner.resources.database.transaction() as session:
        await results.insert(session, Result(task.id, kind, summary, list(tables), [], [], [], manifest))
    return task


async def test_findings_that_facts_bear_out(runner: AskRunner, llm: ScriptedLlm) -> None:
    dataset_id = await runner.dataset(notes={"price": {"unit": "CHF"}})
    llm.script(knowing(GOOD, more="Here you are:\n```json\n"))
    found = await runner.found(runner.insights(dataset_id, focus="Prices?"))
    (finding,) = found["findings"]
    assert (finding["title"], finding["text"]) == (
        "Prices are spread",
        "The mean of price is 9.5, and its largest value 19.",
    )
    assert [(fact["name"], fact["value"]) for fact in finding["facts"]] == [
        ("mean of price", 9.5),
        ("largest value of price", 19.0),
    ]
    assert [(claim["text"], claim["fact"], claim["status"]) for claim in finding["claims"]] == [
        ("9.5", finding["facts"][0]["id"], "grounded"),
        ("19", finding["facts"][1]["id"], "grounded"),
    ]
    assert found["warnings"] == []
    assert found["usage"]["tokens_in"] > 0
    sent = llm.received[0].messages[1]["content"]
    assert '"unit":"CHF"' in sent
    assert '<question>"Prices?"</question>' in sent


async def test_what_is_kept(runner: AskRunner, llm: ScriptedLlm, workspace: Workspace) -> None:
    dataset_id = await runner.dataset()
    llm.script(knowing(GOOD))
    task = await runner.insights(dataset_id)
    assert (task.kind, task.queue, task.dataset_id, task.version) == ("insights", "llm", dataset_id, 1)
    kept = await Analyses(runner.resources).result(workspace.viewer, task.id)
    assert kept.type == "insights"
    assert (kept.tables[0]["name"], kept.tables[0]["rows"][0]) == ("facts", ["f1", "rows", 20])
    assert kept.manifest["dataset_id"] == str(dataset_id)
    assert kept.manifest["llm"] == {"model": "scripted", "policy": "aggregates", "replies": 1}
    assert set(kept.manifest["hashes"]) == {"summary", "tables", "charts", "warnings"}


async def test_a_model_that_lies(runner: AskRunner, llm: ScriptedLlm) -> None:
    dataset_id = await runner.dataset()
    lie = "The mean of price is 12.5, forty-two or {{f998}}; 19 <b>at</b> most. [See](https://evil.example)"
    told: list[dict[str, Any]] = [
        {**GOOD, "title": "77 reasons", "text": lie},
        {"title": "Nothing", "text": "There are 20 rows.", "facts": ["f999", 5]},
        {"title": "Nothing", "text": "There are 20 rows.", "facts": "f1"},
        {"text": 5, "facts": ["f1"]},
        GOOD,
        GOOD,
    ]
    llm.script(knowing(*told))
    found = await runner.found(runner.insights(dataset_id, max_findings=2))
    first, second = found["findings"]
    assert first["title"] == "[unverified] reasons"
    assert first["text"] == "The mean of price is [unverified], [unverified] or [unverified]; 19 at most. See"
    assert [claim["status"] for claim in first["claims"]] == ["struck"] * 4 + ["grounded"]
    assert second["text"] == "The mean of price is 9.5, and its largest value 19."
    assert [warning["code"] for warning in found["warnings"]] == [
        "findings_dropped",
        "findings_cut",
        "unverified_numbers",
    ]
    assert "4 numbers" in found["warnings"][2]["message"]


HARMFUL = {
    "html": "<html><script>alert(1)</script></html>",
    "wrong JSON": '{"findings": [{"title": "x"',
    "another JSON": '{"tool": "shell", "findings": "all"}',
    "a list of something": '["findings"]',
    "nothing": "",
    "nested beyond reason": '{"findings":' * 5000,
    "a megabyte": "x" * 1_000_000,
}


@pytest.mark.parametrize("name", HARMFUL)
async def test_what_cannot_be_read(name: str, runner: AskRunner, llm: ScriptedLlm) -> None:
    dataset_id = await runner.dataset()
    llm.say(*[HARMFUL[name]] * 3)
    task = await runner.insights(dataset_id)
    assert (task.status, task.error_code, len(llm.received)) == ("failed", "unreadable_reply", 3)
    assert "<" not in str(task.error_detail)
    assert all(len(received.body) < 80_000 for received in llm.received)


async def test_a_reply_is_mended(runner: AskRunner, llm: ScriptedLlm) -> None:
    dataset_id = await runner.dataset()
    llm.say("I am not sure.", '{"findings": []}')
    found = await runner.found(runner.insights(dataset_id))
    assert found["findings"] == []
    assert [warning["code"] for warning in found["warnings"]] == ["no_findings"]
    assert "no JSON object with a list findings" in llm.received[1].messages[-1]["content"]


@pytest.mark.parametrize("answer", [Answer("x" * 10_000_000), tool_call("run_shell")], ids=["ten megabytes", "a tool"])
async def test_answers_that_are_none(answer: Answer, runner: AskRunner, llm: ScriptedLlm) -> None:
    dataset_id = await runner.dataset()
    llm.say(*[answer] * 3)
    task = await runner.insights(dataset_id)
    assert task.status == "failed"
    assert task.error_code in {"llm_answer_too_large", "unreadable_reply", "llm_unavailable"}


COEFFICIENTS = {
    "name": "coefficients",
    "columns": ["term", "estimate"],
    "rows": [["price", 2.25], [f"customer={CANARY}", 7.125], [SECRET, 8.5]],
}


@pytest.mark.parametrize("level", LEVELS)
async def test_nothing_personal_and_no_cells_leave(level: str, runner: AskRunner, llm: ScriptedLlm) -> None:
    dataset_id = await runner.dataset(notes={"price": {"description": f"Not that of {SECRET}."}})
    await runner.policy(level)
    task = await analysed(runner, dataset_id, "regression", {"r2": 0.5, "target": CANARY}, COEFFICIENTS)
    failed = await ended(runner, dataset_id, "failed", "invalid_value", f"Column '{SECRET}' holds {CANARY}.")
    llm.script(lambda _: Answer('{"findings": [], "columns": []}'))
    await runner.found(runner.insights(dataset_id))
    await runner.found(runner.insights(dataset_id, task_id=task.id))
    await runner.found(runner.describe(dataset_id))
    await runner.found(runner.explain(task.id))
    await runner.found(runner.explain(failed.id))
    assert len(llm.received) == 5
    assert CANARY not in runner.sent
    assert SECRET not in runner.sent
    assert "8.5" not in runner.sent
    assert ("9.5" in runner.sent) == (level != "schema")
    assert ("2.25" in runner.sent) == (level != "schema")


async def test_findings_of_a_result(runner: AskRunner, llm: ScriptedLlm) -> None:
    dataset_id = await runner.dataset()
    task = await analysed(runner, dataset_id, "regression", {"r2": 0.5}, COEFFICIENTS, features=["price"])
    say = {
        "title": "Price counts",
        "text": "The estimate of price is {{f2|1}}, R2 0.5 and not 3.",
        "facts": ["f1", "f2"],
    }
    llm.say(json.dumps({"findings": [say]}))
    found = await runner.found(runner.insights(dataset_id, task_id=task.id))
    (finding,) = found["findings"]
    assert finding["facts"] == [
        {"id": "f1", "name": "r2", "value": 0.5},
        {"id": "f2", "name": "coefficients: estimate of price", "value": 2.25},
    ]
    assert [claim["status"] for claim in finding["claims"]][-1] == "struck"
    assert '"features":["price"]' in llm.received[0].messages[1]["content"]
    with pytest.raises(Conflict, match="personal"):
        named = await analysed(runner, dataset_id, "regression", {}, target=SECRET)
        await runner.insights(dataset_id, task_id=named.id)


async def test_an_explanation(runner: AskRunner, llm: ScriptedLlm) -> None:
    dataset_id = await runner.dataset()
    task = await analysed(runner, dataset_id, "regression", {"r2": 0.5}, COEFFICIENTS)
    llm.say("The model explains {{f1|0%}} of the variation, <i>not</i> 90%.")
    found = await runner.found(runner.explain(task.id))
    assert found["explanation"] == "The model explains 50% of the variation, not [unverified]."
    assert found["facts"] == [{"id": "f1", "name": "r2", "value": 0.5}]
    assert [claim["fact"] for claim in found["claims"]] == ["f1", None]
    assert [warning["code"] for warning in found["warnings"]] == ["unverified_numbers"]


async def test_an_error_is_explained(runner: AskRunner, llm: ScriptedLlm) -> None:
    dataset_id = await runner.dataset()
    plain = await ended(runner, dataset_id, "failed", "too_few_rows", "3 rows; the analysis needs 20.")
    with_values = await ended(runner, dataset_id, "failed", "invalid_value", "Column 'price' holds -7.")
    llm.script(lambda _: Answer("It needs more rows; you have 3."))
    found = await runner.found(runner.explain(plain.id))
    assert found["explanation"] == "It needs more rows; you have [unverified]."
    await runner.found(runner.explain(with_values.id))
    await runner.policy("rows")
    await runner.found(runner.explain(with_values.id))
    first, second, third = [received.messages[1]["content"] for received in llm.received]
    assert "3 rows; the analysis needs 20." in first
    assert "Fewer complete rows than the analysis needs" in first
    assert '"detail":"withheld"' in second
    assert "holds -7." in third


async def test_proposals_for_columns(runner: AskRunner, llm: ScriptedLlm) -> None:
    dataset_id = await runner.dataset()
    told = [
        {"name": "price", "description": "What was <b>paid</b>, 77 at most.", "unit": "CHF<script>"},
        {"name": "region", "description": "Where it was sold.", "unit": None},
        {"name": "region", "description": "Again."},
        {"name": SECRET, "description": "The address."},
        {"name": "nothing", "description": "What is not there."},
        {"name": ["customer"], "description": 5},
    ]
    llm.say(json.dumps({"columns": told}))
    found = await runner.found(runner.describe(dataset_id))
    assert found["columns"] == [
        {"name": "region", "description": "Where it was sold.", "unit": None},
        {"name": "price", "description": "What was paid, [unverified] at most.", "unit": "CHF"},
    ]
    assert [warning["code"] for warning in found["warnings"]] == ["columns_left_out", "unverified_numbers"]
    async with runner.resources.database.transaction() as session:
        assert await session.fetch_value("SELECT column_notes FROM datasets WHERE id = $1", dataset_id) == {}


async def test_the_same_again_is_free(runner: AskRunner, llm: ScriptedLlm) -> None:
    changes = {"llm_cache_seconds": 600}
    runner.resources.settings = runner.resources.settings.model_copy(update=changes)
    dataset_id = await runner.dataset()
    llm.say('{"findings": []}')
    first = await runner.found(runner.insights(dataset_id))
    second = await runner.found(runner.insights(dataset_id))
    assert (first["findings"], len(llm.received)) == (second["findings"], 1)
    assert first["usage"]["tokens_in"] > 0
    assert second["usage"] == {"tokens_in": 0, "tokens_out": 0, "cost": 0.0}


async def test_a_dataset_that_goes_before_its_turn(runner: AskRunner) -> None:
    with pytest.raises(NotFound):
        await runner.describe(new_id())
    with pytest.raises(NotFound):
        await runner.explain(new_id())
