"""Suggested questions: by rules, the same each time, about columns that may be named."""

from typing import Any

import pytest
from httpx import AsyncClient

from shared.database import Database
from shared.ids import new_id
from shared.resources import Resources
from shared.testing.project import Workspace

from ..app.repositories.profiled_versions import ProfiledVersion
from ..app.services.mentions import mentions
from ..app.services.personal_columns import personal_columns
from ..app.services.suggestions import MOST, suggest
from .ask_bench import AskBench, column, profile
from .support import DatasetMaker

PLACE = "/analysis/ask/suggestions"
COLUMNS = [
    column("order_id", "integer", 100),
    column("region", "string", 4),
    column("email", "string", 90),
    column("units", "integer", 40),
    column("price", "number", 80, nulls=7),
    column("sold", "date", 60, time={"range_seconds": 200 * 86400}),
    column("gift", "boolean", 2),
]
RELATED = {"columns": ["units", "price"], "matrix": [[1.0, -0.8], [-0.8, 1.0]]}
EMAIL = "Column 'email' looks like e-mail addresses (98% of 100 values looked at)."


def version(columns: list[dict[str, Any]], notes: dict[str, Any] | None = None, *warnings: str) -> ProfiledVersion:
    schema = [{"name": one["name"], "type": one["type"]} for one in columns]
    found = profile(columns, warnings, RELATED)
    return ProfiledVersion(new_id(), "sales", 1, 100, "key", "sha", schema, found, notes or {})


def asked(*arguments: Any) -> list[str]:
    return [one.question for one in suggest(version(*arguments))]


def test_a_table_of_sales() -> None:
    assert asked(COLUMNS, None, EMAIL) == [
        "What is the average of units by region in sales?",
        "How does units develop by month in sales?",
        "How many rows are there for each region in sales?",
        "Which region has the highest total of units in sales?",
        "How are price and units related in sales?",
        "What are the smallest, the median and the largest price in sales?",
        "What is the average of price by gift in sales?",
        "In how many rows is price missing in sales?",
    ]


def test_metrics_come_first_and_all_are_bounded() -> None:
    found = suggest(version(COLUMNS), ["margin", "churn", "third"])
    assert [one.question for one in found[:2]] == [
        "What is margin by region in sales?",
        "What is churn by region in sales?",
    ]
    assert (len(found), found[2].kind) == (MOST, "average")


@pytest.mark.parametrize(
    ("days", "step"), [(1, "hour"), (3, "day"), (91, "day"), (92, "month"), (1095, "year"), (9000, "year")]
)
def test_steps_fit_the_range(days: int, step: str) -> None:
    columns = [column("units", "number"), column("at", "datetime", time={"range_seconds": days * 86400})]
    assert f"How does units develop by {step} in sales?" in asked(columns)


@pytest.mark.parametrize(
    ("notes", "is_named"),
    [({}, False), ({"region": {"personal": False}}, True), ({"units": {"personal": True}}, False)],
)
def test_personal_columns_are_not_named(notes: dict[str, Any], is_named: bool) -> None:
    warning = "Column 'region' looks like names of persons (100% of 100 values looked at)."
    questions = " ".join(asked(COLUMNS, notes, warning))
    assert ("region" in questions) is is_named
    assert ("units" in questions) is (notes.get("units") is None)


def test_columns_that_say_nothing_are_left_out() -> None:
    odd = [
        column("id", "integer", 50),
        column("number", "integer", 100),
        column("constant", "number", 1),
        column("free text", "string", 80),
        column("unique", "string", 100),
        column("evil\u2028name", "string", 3),
        column("x" * 61, "string", 3),
        column("nothing", "string", 0, count=0, nulls=100),
    ]
    assert asked(odd) == []


def test_without_a_profile_there_is_nothing_to_suggest() -> None:
    bare = ProfiledVersion(new_id(), "sales", 1, 0, "key", "sha", [], None, {})
    assert suggest(bare) == []


SCHEMA = [{"name": name, "type": kind} for name, kind in (("a", "string"), ("b", "integer"), ("c", "number"))]


def test_beyond_what_a_profile_names_any_text_may_be_personal() -> None:
    more = profile(
        [], ["Column 'a' looks like IBANs (90% of 9 values looked at).", "There are 7 more warnings of this kind."]
    )
    assert personal_columns(SCHEMA, more, {}) == {"a", "b"}
    assert personal_columns(SCHEMA, more, {"b": {"personal": False}, "c": {"personal": True}}) == {"a", "c"}
    assert personal_columns(SCHEMA, None, {"b": {"description": "x"}}) == set()


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("SELECT Salary", True),
        ("salary_2", False),
        ("the salary.", True),
        ('"salary"', True),
        ("a.b", True),
        (None, False),
    ],
)
def test_mentions(text: str | None, is_one: bool) -> None:
    assert mentions(["salary", "a.b", "(x"], text) is is_one
    assert mentions([], text) is False


@pytest.mark.integration
class TestOverHttp:
    async def test_of_one_dataset_and_of_the_newest(
        self,
        clients: dict[str, AsyncClient],
        make_dataset: DatasetMaker,
        resources: Resources,
        workspace: Workspace,
        database: Database,
    ) -> None:
        bench, viewer = AskBench(resources, workspace), clients["viewer"]
        datasets = [await make_dataset({"region": ["a", "b"], "units": [1, 2]}) for _ in range(2)]
        for dataset_id, name in zip(datasets, ("first", "second"), strict=True):
            found = profile([column("region", "string"), column("units", "number")])
            await bench.describe(dataset_id, name, found)
        metric = {
            "dataset_id": str(datasets[0]),
            "name": "turnover",
            "definition": "All of it.",
            "expression": "sum(units)",
        }
        made = await clients["owner"].post(
            "/analysis/glossary", json={"project_id": str(workspace.project_id), **metric}
        )
        assert made.status_code == 201, made.text
        of_one = {"project_id": str(workspace.project_id), "dataset_id": str(datasets[0])}
        answer = await viewer.get(PLACE, params=of_one)
        assert answer.json()["items"][0] == {
            "question": "What is turnover by region in first?",
            "kind": "metric",
            "dataset_id": str(datasets[0]),
            "columns": ["region"],
        }
        again = await viewer.get(PLACE, params=of_one, headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304
        mixed = (await viewer.get(PLACE, params={"project_id": str(workspace.project_id)})).json()["items"]
        assert [one["dataset_id"] for one in mixed[:3]] == [str(datasets[1]), str(datasets[0]), str(datasets[1])]
        for person, params in (("stranger", of_one), ("owner", {**of_one, "dataset_id": str(new_id())})):
            assert (await clients[person].get(PLACE, params=params)).status_code == 404
