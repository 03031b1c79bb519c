"""Questions through the gateway: answers as they come, conversations, and what is kept for later ones."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from .api import FINAL, Api
from .llm import Rules, scripted

pytestmark = pytest.mark.e2e

CSV = b"region,units,email\nNorth,4,a@example.org\nSouth,3,b@example.org\nNorth,5,c@example.org\n"
SQL = "SELECT region, sum(units) AS units FROM {table} GROUP BY region ORDER BY units DESC"
PLAN = {"text": json.dumps({"sql": SQL.format(table='"sales"')})}
# Ten seconds and more, in which a stream that is held back somewhere would show nothing.
SLOWLY = {"text": "North sells {{t1[0].units}} units. " + "It is the best of all regions here. " * 3, "pause": 0.6}
RULES: Rules = {
    "(stream)": [PLAN, SLOWLY],
    "(leave)": [PLAN, SLOWLY],
    "(first)": [PLAN, {"text": "North sells 9 units, South 4242."}],
    "(second)": [PLAN, {"text": "South sells {{t1[1].units}} units."}],
}


@pytest.fixture(scope="module", autouse=True)
def _model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with scripted(RULES, tmp_path_factory.mktemp("model")):
        yield


@pytest.fixture
def sales(api: Api) -> dict[str, Any]:
    dataset = api.upload(api.project(), CSV, "sales.csv")
    assert (dataset["status"], dataset["name"]) == ("ready", "sales"), dataset
    return dataset


def question(dataset: dict[str, Any], text: str, **more: Any) -> dict[str, Any]:
    return {"project_id": dataset["project_id"], "dataset_ids": [dataset["id"]], "question": text, **more}


def events_of(answer: httpx.Response) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and data of each event, as soon as it is there."""
    fields: dict[str, str] = {}
    for line in answer.iter_lines():
        name, _, value = line.partition(": ")
        if not line and fields:
            yield fields["event"], json.loads(fields["data"])
            fields = {}
        elif name in ("event", "data"):
            fields[name] = value


def finished(api: Api, place: str) -> dict[str, Any]:
    task: dict[str, Any] = api.ok("GET", place, params={"wait": 60})
    while task["status"] not in FINAL:
        task = api.ok("GET", place, params={"wait": 60})
    return task


def test_an_answer_is_told_while_it_is_made(api: Api, sales: dict[str, Any]) -> None:
    body = question(sales, "Which region sells most? (stream)")
    with api.client.stream("POST", "/analysis/ask/stream", json=body) as answer:
        assert (answer.status_code, answer.headers["content-type"][:17]) == (200, "text/event-stream")
        place = answer.headers["location"].removeprefix("/api/v1")
        events = events_of(answer)
        seen = []
        for event in events:
            seen.append(event)
            if event[0] == "delta":
                break
        assert api.ok("GET", place)["status"] == "running", "the stream was held back until its end"
        seen += events
    names = [name for name, _ in seen]
    assert names.index("sql") < names.index("table") < names.index("delta")
    assert names[-1] == "answer", seen[-1]
    told = "".join(data["text"] for name, data in seen if name == "delta")
    final = seen[-1][1]
    assert told == final["answer"]
    assert told.startswith("North sells 9 units.")
    assert names.count("delta") > 3
    assert [claim["status"] for claim in final["claims"]] == ["grounded"]
    with api.client.stream("GET", f"/analysis/ask/{final['task_id']}/stream") as again:
        assert "".join(data["text"] for name, data in events_of(again) if name == "delta") == told


def test_who_leaves_finds_the_answer_later(api: Api, sales: dict[str, Any]) -> None:
    body = question(sales, "Which region sells most? (leave)")
    with api.client.stream("POST", "/analysis/ask/stream", json=body) as answer:
        place = answer.headers["location"].removeprefix("/api/v1")
        assert next(events_of(answer))[0] == "state"
    assert finished(api, place)["status"] == "succeeded"
    assert api.ok("GET", f"{place}/result")["summary"]["answer"].startswith("North sells 9 units.")


def test_a_conversation_and_what_is_kept_of_it(api: Api, stranger: Api, sales: dict[str, Any]) -> None:
    project = sales["project_id"]
    metric = {"dataset_id": sales["id"], "name": "turnover", "definition": "All units.", "expression": "sum(units)"}
    api.ok("POST", "/analysis/glossary", json={"project_id": project, **metric})
    hidden = {**metric, "name": "addresses", "expression": "count(email)"}
    api.refused(422, "unknown_column", "POST", "/analysis/glossary", json={"project_id": project, **hidden})

    first = api.ok("POST", "/analysis/ask", json=question(sales, "Which region sells most? (first)"))
    assert first["answer"] == "North sells 9 units, South [unverified]."
    assert [claim["status"] for claim in first["claims"]] == ["grounded", "struck"]
    given = {"rating": "up", "comment": "Right.", "accept": True}
    kept = api.ok("POST", f"/analysis/ask/{first['task_id']}/feedback", json=given)["verified_query_id"]

    more = question(sales, "Which region sells least? (second)", conversation_id=first["conversation_id"])
    second = api.ok("POST", "/analysis/ask", json=more)
    assert (second["answer"], second["conversation_id"]) == ("South sells 3 units.", first["conversation_id"])
    place = f"/analysis/conversations/{first['conversation_id']}"
    turns = api.ok("GET", place)["turns"]
    assert [(turn["answer"], turn["rating"]) for turn in turns] == [(first["answer"], "up"), (second["answer"], None)]
    assert api.ok("GET", f"/analysis/verified-queries/{kept}")["uses"] == 1
    stranger.refused(404, "not_found", "GET", place)
    api.ok("DELETE", place)
    api.refused(404, "not_found", "GET", place)

    asked = api.ok("GET", "/analysis/ask/suggestions", params={"project_id": project, "dataset_id": sales["id"]})
    assert asked["items"][0]["question"] == "What is turnover by region in sales?"
    assert "email" not in json.dumps(asked)
