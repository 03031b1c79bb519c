"""Questions from the first plan to the answer that is kept."""

import json
from typing import Any
from uuid import UUID

import pytest

from shared.resources import Resources
from shared.testing.llm_server import Answer, ScriptedLlm, failure
from shared.testing.project import Workspace

from ..app.services.analyses import Analyses
from .ask_runner import CANARY, SECRET, AskRunner
from .support import DatasetMaker

pytestmark = pytest.mark.integration

BY_REGION = 'SELECT "region", count(*) AS n, avg("price") AS mean FROM "sales" GROUP BY "region" ORDER BY n DESC'
PLAN = json.dumps({"sql": BY_REGION})
GOOD = "The south has {{t1[0].n}} sales with a mean of {{t1[0].mean}}, the north 8."


@pytest.fixture
def runner(resources: Resources, workspace: Workspace, make_dataset: DatasetMaker, llm: ScriptedLlm) -> AskRunner:
    return AskRunner(resources, workspace, make_dataset, llm)


async def test_a_question_and_its_answer(runner: AskRunner, llm: ScriptedLlm) -> None:
    dataset_id = await runner.dataset(notes={"price": {"description": "Paid.", "unit": "CHF"}})
    llm.say(
        Answer(PLAN, usage={"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}), Answer(GOOD, piece=3)
    )
    found = await runner.answered("Which region sells most?", dataset_id)
    assert found["answer"] == "The south has 9 sales with a mean of 12, the north 8."
    assert found["sql"] == [BY_REGION]
    (table,) = found["tables"]
    assert (table["name"], table["columns"]) == ("t1", ["region", "n", "mean"])
    assert table["rows"][0] == ["south", 9, 12.0]
    assert [claim["status"] for claim in found["claims"]] == ["grounded"] * 3
    assert found["claims"][0] == {
        "text": "9",
        "value": 9,
        "cell": {"table": "t1", "row": 0, "column": "n"},
        "status": "grounded",
    }
    assert [(chart["title"], chart["spec"]["mark"]["type"]) for chart in found["charts"]] == [("n by region", "bar")]
    assert found["warnings"] == []
    assert set(found["usage"]) == {"tokens_in", "tokens_out", "cost"}
    assert found["usage"]["tokens_in"] > 100
    plan, answer = llm.received
    assert [message["role"] for message in plan.messages] == ["system", "user"]
    assert '"unit":"CHF"' in plan.messages[1]["content"]
    assert "withheld" in answer.messages[1]["content"]


async def test_what_is_kept(runner: AskRunner, llm: ScriptedLlm, workspace: Workspace) -> None:
    dataset_id = await runner.dataset()
    llm.say(PLAN, "There are 9 in the south, and 77.")
    task = await runner.ask("How many?", dataset_id)
    assert (task.kind, task.dataset_id) == ("ask", dataset_id)
    result = await Analyses(runner.resources).result(workspace.viewer, task.id)
    assert (result.type, result.summary["answer"]) == ("ask", "There are 9 in the south, and [unverified].")
    assert [warning["code"] for warning in result.warnings] == ["unverified_numbers"]
    manifest = result.manifest
    assert (manifest["dataset_id"], manifest["version"]) == (str(dataset_id), 1)
    assert manifest["ask"]["datasets"][0]["sha256"] == manifest["sha256"]
    assert [each["sql"] for each in manifest["ask"]["sql"]] == [BY_REGION]
    assert (manifest["ask"]["model"], manifest["ask"]["policy"], manifest["ask"]["replies"]) == (
        "scripted",
        "aggregates",
        2,
    )
    assert set(manifest["hashes"]) == {"summary", "tables", "charts", "warnings"}


async def test_errors_go_back_and_are_mended(runner: AskRunner, llm: ScriptedLlm) -> None:
    dataset_id = await runner.dataset()
    llm.say(
        '{"sql": "SELECT regoin FROM sales"}',
        "Sorry: I cannot read that.",
        f"```sql\n{BY_REGION};\n```",
        "It is {{t1[1].n}}.",
    )
    found = await runner.answered("How many in the north?", dataset_id)
    assert found["answer"] == "It is 8."
    _, first, second, _ = llm.received
    told = first.messages[-1]["content"]
    assert "unknown_column" in told
    assert "Did you mean 'region'" in told
    assert [message["role"] for message in second.messages] == [
        "system",
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
    ]
    assert "unreadable_plan" in second.messages[-1]["content"]


async def test_a_question_that_cannot_be_answered_says_why(runner: AskRunner, llm: ScriptedLlm) -> None:
    dataset_id = await runner.dataset()
    llm.say(
        *[
            '{"sql": "SELECT <b>x</b> FROM sales"}',
            '{"sql": "DROP TABLE sales"}',
            '{"sql": "SELECT nonsense FROM sales"}',
        ]
    )
    task = await runner.ask("What?", dataset_id)
    assert (task.status, task.error_code) == ("failed", "ask_failed")
    assert "unknown_column" in str(task.error_detail)
    assert "'nonsense'" in str(task.error_detail)
    assert len(llm.received) == 3


@pytest.mark.parametrize(("member", "code"), [("clarify", "needs_clarification"), ("refuse", "refused")])
async def test_words_instead_of_results(runner: AskRunner, llm: ScriptedLlm, member: str, code: str) -> None:
    dataset_id = await runner.dataset()
    llm.say(json.dumps({member: "Do you mean <b>north</b> or [south](https://evil.example), 42?"}))
    found = await runner.answered("Hm?", dataset_id)
    assert found["answer"] == "Do you mean north or south, [unverified]?"
    assert (found["sql"], found["tables"], found["charts"]) == ([], [], [])
    assert [warning["code"] for warning in found["warnings"]] == [code, "unverified_numbers"]
    assert len(llm.received) == 1


async def test_several_datasets_and_several_queries(runner: AskRunner, llm: ScriptedLlm) -> None:
    sales = await runner.dataset()
    regions = await runner.dataset('Regions of "ours"', {"region": ["north", "south"], "head": ["Ann", "Bo"]}, ())
    tables = '"sales" s JOIN "Regions of ""ours""" r USING (region)'
    joined = f'SELECT r."head", count(*) AS n FROM {tables} GROUP BY 1 ORDER BY n DESC'  # noqa: S608 - the model's words
    llm.say(json.dumps({"sql": [joined, BY_REGION]}), "Bo has {{t1[0].n}}, and the north {{t2[1].n}}.")
    found = await runner.answered("Whose sales?", sales, regions)
    assert found["answer"] == "Bo has 9, and the north 8."
    assert [table["name"] for table in found["tables"]] == ["t1", "t2"]
    result = await Analyses(runner.resources).result(runner.workspace.editor, UUID(str(found["task_id"])))
    assert result.manifest["dataset_id"] is None
    assert len(result.manifest["ask"]["datasets"]) == 2


async def test_an_analysis_of_the_catalogue(runner: AskRunner, llm: ScriptedLlm) -> None:
    columns = {"x": [float(n) for n in range(30)], "y": [n * 2.0 + n % 3 for n in range(30)], SECRET: [CANARY] * 30}
    dataset_id = await runner.dataset("pairs", columns)
    plan = {"analysis": {"type": "correlation", "params": {"columns": ["x", "y"]}}}
    llm.say(json.dumps(plan), "The coefficient is {{coefficients[0].y|2}}.")
    found = await runner.answered("Do x and y go together?", dataset_id)
    assert found["answer"] == "The coefficient is 1.00."
    assert {"summary", "coefficients", "p_values"} <= {table["name"] for table in found["tables"]}
    assert found["charts"]
    assert CANARY not in json.dumps(found["tables"])
    assert CANARY not in runner.sent
    assert SECRET not in runner.sent
    async with runner.resources.database.transaction() as session:
        assert await session.fetch_value("SELECT count(*) FROM hypotheses WHERE dataset_id = $1", dataset_id) > 0


@pytest.mark.parametrize("params", [{"columns": ["x", SECRET]}, {"columns": ["x", "nothing"]}])
async def test_an_analysis_of_what_is_not_there(runner: AskRunner, llm: ScriptedLlm, params: dict[str, Any]) -> None:
    dataset_id = await runner.dataset("pairs", {"x": [1.0, 2.0, 3.0], "y": [2.0, 1.0, 3.0], SECRET: [1.0, 2.0, 3.0]})
    llm.say(*[json.dumps({"analysis": {"type": "correlation", "params": params}})] * 3)
    task = await runner.ask("Correlate.", dataset_id)
    assert task.error_code == "ask_failed"
    assert "column_not_found" in str(task.error_detail)
    hinted = llm.received[1].messages[-1]["content"].replace(f"No column '{SECRET}'", "")
    assert SECRET not in hinted


async def test_a_conversation_is_told_without_figures(runner: AskRunner, llm: ScriptedLlm) -> None:
    dataset_id = await runner.dataset()
    llm.say(PLAN, GOOD)
    first = await runner.answered("Which region sells most?", dataset_id)
    llm.say(PLAN, "It has {{t1[1].n}}.")
    second = await runner.answered("And the north?", dataset_id, conversation_id=UUID(str(first["conversation_id"])))
    assert second["conversation_id"] == first["conversation_id"]
    told = llm.received[2].messages[1]["content"]
    assert "Which region sells most?" in told
    assert "The … has … sales with a mean of …, the … …." in told


async def test_nothing_said_and_too_much_said(runner: AskRunner, llm: ScriptedLlm) -> None:
    dataset_id = await runner.dataset()
    llm.say(PLAN, "")
    found = await runner.answered("Which?", dataset_id)
    assert (found["answer"], found["warnings"][-1]["code"]) == ("The result is in the tables.", "no_answer")
    llm.say(PLAN, Answer("word " * 10_000, piece=4000))
    found = await runner.answered("Which then?", dataset_id)
    assert len(found["answer"]) == 20_000
    assert found["warnings"][-1]["code"] == "answer_cut"


async def test_an_llm_that_is_away(runner: AskRunner, llm: ScriptedLlm) -> None:
    dataset_id = await runner.dataset()
    llm.say(failure(500))
    task = await runner.ask("Which?", dataset_id)
    assert (task.status, task.error_code) == ("failed", "llm_unavailable")


async def test_the_same_question_is_the_same_bytes(runner: AskRunner, llm: ScriptedLlm) -> None:
    dataset_id = await runner.dataset()
    for _ in range(2):
        llm.say(PLAN, GOOD)
        await runner.answered("Which region sells most?", dataset_id)
    assert llm.received[0].body == llm.received[2].body
    assert llm.received[1].body == llm.received[3].body
