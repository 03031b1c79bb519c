"""Rules against small tables whose outcomes can be counted by eye."""

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import TypeAdapter, ValidationError

from shared.tabular.duck import connect

from ..app.engines.quality import checks
from ..app.engines.quality.checks import run
from ..app.engines.quality.suggest import suggest
from ..app.schemas.quality import Rule
from .conftest import IngestText, quiet

PARENT = "01890a5d-b3a1-7c52-8a6f-3f0f6f1f2d11"
TODAY = dt.datetime.now(dt.UTC).date()


@pytest.fixture
def check(tmp_path: Path) -> Any:
    def judge(columns: dict[str, Any], *rules: dict[str, Any], severity: str = "error") -> dict[str, Any]:
        pq.write_table(pa.table(columns), tmp_path / "data")
        pq.write_table(pa.table({"id": [1, 2, 3]}), tmp_path / "parent")
        stored = [{"id": str(number), "rule": rule, "severity": severity} for number, rule in enumerate(rules)]
        job = {"path": str(tmp_path / "data"), "scratch": str(tmp_path), "rules": stored}
        return run({**job, "parents": {PARENT: str(tmp_path / "parent")}, "memory_mb": 512, "threads": 1}, quiet)

    return judge


@pytest.mark.parametrize(
    ("values", "rule", "checked", "violations", "samples"),
    [
        ([1, None, 3], {"kind": "not_null", "column": "x"}, 3, 1, [None]),
        ([1, 1, 2, None, None], {"kind": "unique", "columns": ["x"]}, 3, 1, [1]),
        ([1, 5, -2, None], {"kind": "range", "column": "x", "min": 0, "max": 4}, 3, 2, [5, -2]),
        (["2024-01-01", "2025-01-01"], {"kind": "range", "column": "d", "max": "2024-06-30"}, 2, 1, ["2025-01-01"]),
        (["a", "b", None, "it's"], {"kind": "set", "column": "s", "values": ["a", "it's"]}, 3, 1, ["b"]),
        ([1, 2, 3], {"kind": "set", "column": "x", "values": [1, 2.0]}, 3, 1, [3]),
        ([True, False], {"kind": "set", "column": "x", "values": [True]}, 2, 1, [False]),
        (["ab", "abc", None], {"kind": "pattern", "column": "s", "pattern": "[a-z]{2}"}, 2, 1, ["abc"]),
        ([1, 2], {"kind": "row_count", "min": 3}, 2, 2, []),
        (
            [1, 4, None],
            {"kind": "foreign_key", "column": "x", "parent_dataset_id": PARENT, "parent_column": "id"},
            2,
            1,
            [4],
        ),
        ([1, -1, None], {"kind": "expression", "expression": "x > 0"}, 3, 1, [-1]),
    ],
)
def test_broken_rules(
    check: Any, values: list[Any], rule: dict[str, Any], checked: int, violations: int, samples: list[Any]
) -> None:
    name = rule.get("column", "x")
    column = pa.array(values).cast(pa.date32()) if name == "d" else pa.array(values)
    result = check({name: column}, rule)["results"][0]
    assert (result["checked"], result["violations"], result["samples"]) == (checked, violations, samples)
    assert not result["passed"]


def test_satisfied_rules(check: Any) -> None:
    answer = check(
        {"x": [1, 2, 3], "d": [TODAY] * 3},
        {"kind": "not_null", "column": "x"},
        {"kind": "unique", "columns": ["x", "d"]},
        {"kind": "row_count", "min": 3, "max": 3},
        {"kind": "freshness", "column": "d", "max_age_hours": 30},
    )
    assert (answer["status"], [result["violations"] for result in answer["results"]]) == ("passed", [0, 0, 0, 0])


def test_stale_data(check: Any) -> None:
    old = check({"d": [dt.date(2020, 1, 1)]}, {"kind": "freshness", "column": "d", "max_age_hours": 24})
    assert (old["status"], "2020-01-01" in old["results"][0]["message"]) == ("failed", True)


def test_a_share_may_break_it(check: Any) -> None:
    rule = {"kind": "not_null", "column": "x", "max_share": 0.25}
    assert check({"x": [1, 2, 3, None]}, rule)["status"] == "passed"
    assert check({"x": [1, 2, None, None]}, rule)["status"] == "failed"


def test_warnings_do_not_fail(check: Any) -> None:
    assert check({"x": [None, 1]}, {"kind": "not_null", "column": "x"}, severity="warning")["status"] == "warned"


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"kind": "not_null", "column": "y"}, "no column 'y'"),
        ({"kind": "range", "column": "s", "min": 1}, "needs numbers"),
        ({"kind": "pattern", "column": "s", "pattern": "("}, "cannot be checked"),
        ({"kind": "range", "column": "x", "min": "soon"}, "must be numbers"),
        ({"kind": "foreign_key", "column": "x", "parent_dataset_id": "other", "parent_column": "id"}, "no version"),
        (
            {"kind": "foreign_key", "column": "x", "parent_dataset_id": PARENT, "parent_column": "no"},
            "cannot be checked",
        ),
        ({"kind": "expression", "expression": "x >"}, "cannot be checked"),
        ({"kind": "expression", "expression": "x + 1"}, "true or false"),
    ],
)
def test_what_cannot_be_checked_is_broken_and_stops_no_other(check: Any, rule: dict[str, Any], says: str) -> None:
    answer = check({"x": [1], "s": ["a"]}, rule, {"kind": "not_null", "column": "x"})
    assert says in answer["results"][0]["message"]
    assert [result["passed"] for result in answer["results"]] == [False, True]


def test_hostile_names_and_values_stay_values(check: Any) -> None:
    name, value = 'a"; DROP VIEW x; --', "' OR true --"
    answer = check({name: [value]}, {"kind": "set", "column": name, "values": ["'"]})
    assert answer["results"][0]["samples"] == [value]


def test_suggestions_hold_for_what_they_come_from(ingest_text: IngestText, check: Any, tmp_path: Path) -> None:
    lines = [f"{number},{'ab'[number % 2]},{number * 0.5},2024-01-{number % 28 + 1:02}" for number in range(60)]
    answer = ingest_text("id,kind,price,day\n" + "\n".join(lines) + "\n")
    rules = [entry["rule"] for entry in suggest(answer["profile"])]
    kinds = {(rule["kind"], rule.get("column")) for rule in rules}
    assert {("set", "kind"), ("range", "price"), ("range", "day"), ("unique", None), ("row_count", None)} <= kinds
    table = pq.read_table(tmp_path / "data.parquet")
    assert check(dict(zip(table.column_names, table.columns, strict=True)), *rules)["status"] == "passed"
    assert all(TypeAdapter(Rule).validate_python(rule) for rule in rules)


@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "range", "column": "x"},
        {"kind": "row_count"},
        {"kind": "nothing"},
        {"kind": "set", "column": "x", "values": []},
        {"kind": "not_null", "column": "x", "max_share": 2},
        {"kind": "not_null", "column": "x", "sql": "1"},
    ],
)
def test_malformed_rules(rule: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Rule).validate_python(rule)


def test_a_file_that_is_gone_is_not_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [1]}), tmp_path / "data")
    rule = {"kind": "foreign_key", "column": "x", "parent_dataset_id": PARENT, "parent_column": "id"}
    stored = [{"id": "1", "rule": rule, "severity": "error"}]
    job = {"path": str(tmp_path / "data"), "scratch": str(tmp_path), "rules": stored}
    answer = run({**job, "parents": {PARENT: str(tmp_path / "gone")}, "memory_mb": 512, "threads": 1}, quiet)
    message = answer["results"][0]["message"]
    assert ("not on this machine" in message, str(tmp_path) in message) == (True, False)


def test_rules_reach_the_files_that_they_are_about_alone(tmp_path: Path) -> None:
    for name in ("data", "other"):
        pq.write_table(pa.table({"x": [1]}), tmp_path / name)
    with connect(memory_mb=64, threads=1) as connection:
        checks.check(connection, tmp_path / "data", [], {})
        with pytest.raises(duckdb.PermissionException):
            connection.execute("SELECT * FROM read_parquet(?)", [str(tmp_path / "other")])


def test_samples_are_short(check: Any) -> None:
    table = {"s": ["x" * 100_000], **{f"c{number}": [1] for number in range(30)}}
    many = " + ".join(f"c{number}" for number in range(30))
    answer = check(
        table, {"kind": "set", "column": "s", "values": ["a"]}, {"kind": "expression", "expression": f"{many} = 0"}
    )
    (text,), (row,) = (result["samples"] for result in answer["results"])
    assert (len(text), len(row)) == (201, 20)
