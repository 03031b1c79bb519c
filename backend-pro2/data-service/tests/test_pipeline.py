"""Pipelines as a whole: names, order, errors that name their step, previews, checks, and what a run keeps."""

import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared.compute.protocol import ComputeError

from ..app.engines.operations.registry import parse_steps
from ..app.engines.pipelines import pipeline
from .conftest import quiet
from .pipeline_runs import DATASET, Runs

AWKWARD = ['"', "a b", "c1", "r2", "v3", "file_row_number", "select", "ünï🎉", "'; DROP TABLE x; --", "{0}", "%s"]


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


def test_awkward_names_pass_through_every_kind_of_step(runs: Runs) -> None:
    table = {name: [n, n + 1, None] for n, name in enumerate(AWKWARD)}
    quoted = ['"' + name.replace('"', '""') + '"' for name in AWKWARD]
    steps: list[dict[str, Any]] = [
        {"op": "filter", "where": " or ".join(f"{name} is not null" for name in quoted)},
        {"op": "derive", "name": "sum of all", "expression": " + ".join(quoted)},
        {"op": "fill_missing", "columns": AWKWARD, "method": "forward"},
        {"op": "window", "by": AWKWARD[:1], "order_by": AWKWARD[1:], "function": "row_number", "as": "n'"},
        {"op": "scale", "columns": AWKWARD[2:4], "method": "minmax"},
        {"op": "sort", "by": [{"column": AWKWARD[0], "descending": True}]},
        {"op": "drop_duplicates", "columns": AWKWARD},
    ]
    found = runs.columns(table, *steps)
    assert list(found) == [*AWKWARD, "sum of all", "n'"]
    total = sum(range(len(AWKWARD)))
    assert found["sum of all"] == [total + len(AWKWARD), total]
    wide = runs.columns(
        {"k": ["'", '"', "{0}", ""], "v": [1, 2, 3, 4], "i": [1] * 4},
        {"op": "pivot", "index": "i", "columns": "k", "values": "v"},
    )
    assert wide == {"i": [1], "(empty)": [4], '"': [2], "'": [1], "{0}": [3]}


def test_a_column_called_like_the_readers_own_row_number(runs: Runs) -> None:
    table = {"file_row_number": [9, 8, 7]}
    found = runs.columns(table, {"op": "limit", "n": 2}, {"op": "fill_missing", "columns": ["file_row_number"],
                                                          "method": "forward"})  # fmt: skip
    assert found == {"file_row_number": [9, 8]}


@pytest.mark.parametrize(
    ("steps", "code", "detail"),
    [
        (
            [{"op": "select", "columns": ["prise"]}],
            "unknown_column",
            "Step 1 (select): There is no column 'prise'. Did",
        ),
        ([{"op": "limit", "n": 1}, {"op": "filter", "where": "prise > 1"}], "invalid_expression", "Step 2 (filter): T"),
        ([{"op": "filter", "where": "price"}], "invalid_step", "Step 1 (filter): The condition must be true or false"),
        ([{"op": "rename", "columns": {"price": "CITY"}}], "invalid_step", "two columns 'CITY'"),
        ([{"op": "rename", "columns": {"price": " "}}], "invalid_step", "cannot be a column's name"),
        ([{"op": "rename", "columns": {"price": "a\nb"}}], "invalid_step", "cannot be a column's name"),
        ([{"op": "select", "columns": ["city", "city"]}], "invalid_step", "named twice"),
        ([{"op": "select", "columns": ["city", "price", "n"], "exclude": True}], "invalid_step", "No column would be"),
        ([{"op": "scale", "columns": ["city"], "method": "minmax"}], "invalid_step", "must be a column of numbers"),
        ([{"op": "text", "column": "price", "function": "trim"}], "invalid_step", "must hold texts"),
        ([{"op": "date_parts", "column": "city", "parts": ["year"]}], "invalid_step", "must be a column of dates"),
        ([{"op": "replace", "column": "price", "mapping": {"x": 1}}], "invalid_step", "is no number"),
        ([{"op": "replace", "column": "price", "mapping": {"1": "x"}}], "invalid_step", "must be of the type number"),
        ([{"op": "cast", "columns": {"city": "blob"}}], "invalid_step", "Step 1 (cast): columns.city"),
        (
            [{"op": "encode", "columns": ["city"], "method": "one_hot", "max_categories": 1}],
            "invalid_step",
            "more than",
        ),
        ([{"op": "text", "column": "city", "function": "extract", "pattern": "("}], "invalid_step", "missing )"),
        ([{"op": "resample", "time": "city", "every": "1 day", "aggregations": []}], "invalid_step", "aggregations"),
        ([{"op": "join", "dataset_id": DATASET, "on": "city"}], "invalid_step", "is not at hand"),
        ([{"op": "join", "dataset_id": "x", "on": "city"}], "invalid_step", "dataset_id"),
        ([{"op": "join", "dataset_id": DATASET}], "invalid_step", "on is needed"),
        ([{"op": "sample"}], "invalid_step", "Step 1 (sample): give either n or fraction."),
        ([{"op": "limit", "n": -1}], "invalid_step", "greater than or equal to 0"),
        (
            [
                {"op": "derive", "name": "t", "expression": "lpad('', 1001, 'x')"},
                {"op": "encode", "columns": ["t"], "method": "one_hot"},
            ],
            "invalid_step",
            "Step 2 (encode): 't' has values of",
        ),
        ([{"op": "limit", "n": "1"}], "invalid_step", "Step 1 (limit): n:"),
        ([{"op": "limit", "n": 1, "m": 1}], "invalid_step", "Step 1 (limit): m:"),
        ([{"op": "fliter", "where": "true"}], "invalid_step", "Step 1: there is no operation 'fliter'. Did you mean"),
        ([{"where": "true"}], "invalid_step", "Step 1 must be an object"),
        (["limit"], "invalid_step", "Step 1 must be an object"),
        ([{"op": "limit", "n": 1}] * 101, "invalid_step", "at most 100 steps"),
    ],
)
def test_errors_name_the_step(runs: Runs, steps: list[Any], code: str, detail: str) -> None:
    error = runs.refusal({"city": ["a", "b"], "price": [1.0, 2.0], "n": [1, 2]}, *steps)
    assert (error.code, detail in error.detail) == (code, True), error.detail
    assert len(error.detail) < 600


@pytest.mark.parametrize(
    ("expression", "code", "detail"),
    [
        ("cast(s as integer)", "conversion_failed", "Step 2 (derive): Could not convert string 'x'"),
        ("i + 1", "out_of_range", "Step 2 (derive): Overflow"),
        ("i * 2", "out_of_range", "Step 2 (derive): Overflow"),
        ("cast(1e300 as integer)", "out_of_range", "Step 2 (derive)"),
        ("s like '!' escape '!'", "invalid_step", "Step 2 (derive): Like pattern"),
        ("regexp_matches(s, '(')", "invalid_step", "Step 2 (derive): Missing )"),
    ],
)
def test_values_that_cannot_be_computed_are_blamed_on_their_step(
    runs: Runs, expression: str, code: str, detail: str
) -> None:
    table = {"s": ["x", "1"], "i": [2**63 - 1, 1]}
    steps: list[dict[str, Any]] = [
        {"op": "sort", "by": ["s"]},
        {"op": "derive", "name": "d", "expression": expression},
        {"op": "drop_duplicates", "columns": ["d"]},
        {"op": "encode", "columns": ["d"], "method": "frequency"},
    ]
    error = runs.refusal(table, *steps)
    assert (error.code, error.detail.lower().startswith(detail.lower())) == (code, True), error.detail
    assert "c1" not in error.detail.split(":", 1)[1]


def test_a_step_that_learns_blames_an_earlier_one(runs: Runs) -> None:
    steps: list[dict[str, Any]] = [
        {"op": "derive", "name": "d", "expression": "cast(s as integer)"},
        {"op": "scale", "columns": ["d"], "method": "minmax"},
    ]
    error = runs.refusal({"s": ["x", "1"]}, *steps)
    assert error.detail.startswith("Step 1 (derive): Could not convert"), error.detail


def test_too_many_columns(runs: Runs) -> None:
    job = runs.job({"k": [str(n) for n in range(20)]}, {"op": "encode", "columns": ["k"], "method": "one_hot"})
    with pytest.raises(ComputeError) as caught:
        pipeline.write({**job, "max_columns": 10}, quiet)
    assert (caught.value.code, "20 columns; 10 are" in caught.value.detail) == ("too_many_columns", True)


def test_a_run_keeps_schema_profile_and_what_was_learned(runs: Runs) -> None:
    job = runs.job(
        {"x": [1.0, None, 3.0], "s": ["1", "b", None]},
        {"op": "fill_missing", "columns": ["x"], "method": "mean"},
        {"op": "cast", "columns": {"s": "integer"}},
    )
    Path(job["parquet"]).write_bytes(b"left behind by an attempt that died")
    answer = pipeline.run(job, quiet)
    assert answer["rows"] == 3
    assert answer["schema"] == [{"name": "x", "type": "number"}, {"name": "s", "type": "integer"}]
    assert answer["profile"]["columns"][0]["mean"] == 2.0
    assert answer["steps"][0] == {"op": "fill_missing", "columns": 2, "learned": {"x": 2.0}}
    assert [warning["code"] for warning in answer["warnings"]] == ["cast_failed"]
    assert pq.read_table(job["parquet"]).to_pydict() == {"x": [1.0, 2.0, 3.0], "s": [1, None, None]}


def test_no_rows_are_a_warning(runs: Runs) -> None:
    answer = pipeline.run(runs.job({"x": [1]}, {"op": "filter", "where": "x > 1"}), quiet)
    assert (answer["rows"], answer["warnings"][0]["code"]) == (0, "no_rows")


def test_no_steps_copy(runs: Runs) -> None:
    assert runs.columns({"x": [3, 1, None]}) == {"x": [3, 1, None]}


def test_a_preview_looks_at_the_first_rows_only(runs: Runs) -> None:
    step = {"op": "aggregate", "aggregations": [{"function": "count", "as": "n"}]}
    table = {"x": list(range(5000))}
    answer = runs.preview(table, step)
    assert (answer["rows"], answer["columns"]) == ([[1000]], [{"name": "n", "type": "integer"}])
    assert [warning["code"] for warning in answer["warnings"]] == ["sampled"]
    whole = runs.preview({"x": list(range(200))})
    assert (whole["row_count"], whole["truncated"], whole["warnings"]) == (100, True, [])
    assert whole["rows"][:2] == [[0], [1]]


def test_a_preview_shows_values_as_json(runs: Runs) -> None:
    answer = runs.preview({"x": [1.0, 0.0]}, {"op": "derive", "name": "y", "expression": "exp(x * 1000)"})
    assert answer["rows"] == [[1.0, None], [0.0, 1.0]]
    assert answer["warnings"][0]["code"] == "not_finite"


def test_a_preview_is_the_start_of_the_run(runs: Runs) -> None:
    table = {"g": ["b", "a", None] * 30, "x": list(range(90))}
    steps: list[dict[str, Any]] = [
        {"op": "sort", "by": ["g"]},
        {"op": "window", "by": ["g"], "function": "cumsum", "column": "x", "as": "c"},
        {"op": "encode", "columns": ["g"], "method": "one_hot"},
    ]
    ran = runs.columns(table, *steps)
    shown = runs.preview(table, *steps)
    assert [list(row) for row in zip(*ran.values(), strict=True)] == shown["rows"]


def test_a_check_reads_no_rows_where_it_need_not(runs: Runs) -> None:
    steps: list[dict[str, Any]] = [
        {"op": "derive", "name": "y", "expression": "x / 2"},
        {"op": "join", "dataset_id": DATASET, "on": "g"},
        {"op": "cast", "columns": {"g": "integer"}},
        {"op": "aggregate", "by": ["g"], "aggregations": [{"column": "y", "function": "median", "as": "m"}]},
    ]
    known = {
        "main": [{"name": "g", "type": "string"}, {"name": "x", "type": "integer"}, {"name": "j", "type": "json"}],
        DATASET: [{"name": "g", "type": "string"}, {"name": "z", "type": "date"}],
    }
    job = {"steps": steps, "inputs": known, "memory_mb": 256, "threads": 1}
    columns = [{"name": "g", "type": "integer"}, {"name": "m", "type": "number"}]
    assert pipeline.check(job, quiet) == {"columns": columns, "warnings": []}
    pivot = {"op": "pivot", "index": "g", "columns": "x", "values": "x"}
    with pytest.raises(ComputeError, match="depends on the data"):
        pipeline.check({**job, "steps": [pivot]}, quiet)
    over_file = runs.job({"g": ["a"], "x": [7]}, pivot)
    assert pipeline.check(over_file, quiet)["columns"][1] == {"name": "7", "type": "integer"}


def test_odd_types_of_a_file_become_the_contracts(runs: Runs) -> None:
    import datetime as dt

    table = pa.table(
        {
            "zoned": pa.array([dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC)], pa.timestamp("us", "Europe/Berlin")),
            "clock": pa.array([dt.time(10, 30)]),
            "bytes": pa.array([b"ab"]),
            "small": pa.array([250], pa.uint8()),
            "exact": pa.array([1.5]).cast(pa.decimal128(10, 2)),
            "nested": pa.array([{"a": [1]}]),
        }
    )
    found = runs.columns(
        table,
        {"op": "derive", "name": "sum", "expression": "small + small + exact"},
        {"op": "filter", "where": "zoned = '2024-01-01T12:00:00Z' and clock like '10:%' and nested is not null"},
        {"op": "text", "column": "bytes", "function": "upper"},
    )
    assert (found["sum"], found["bytes"], found["clock"]) == ([501.5], ["AB"], ["10:30:00"])
    assert found["zoned"][0].isoformat() == "2024-01-01T12:00:00"
    assert found["nested"] == [{"a": [1]}]


def test_a_vanished_file(runs: Runs) -> None:
    job = runs.job({"x": [1]})
    Path(job["inputs"]["main"]).unlink()
    with pytest.raises(ComputeError) as caught:
        pipeline.write(job, quiet)
    assert caught.value.code == "file_gone"


def test_steps_can_be_checked_without_duckdb_or_pandas() -> None:
    code = (
        "import importlib, sys; r = importlib.import_module('data-service.app.engines.operations.registry'); "
        "importlib.import_module('data-service.app.engines.expressions'); r.parse_steps([{'op': 'limit', 'n': 1}]); "
        "assert not {'duckdb', 'pandas', 'numpy', 'pyarrow'} & set(sys.modules), 'loaded'"
    )
    project = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], cwd=project, check=True, timeout=60)  # noqa: S603 - our own text


def test_steps_keep_their_numbers() -> None:
    steps = parse_steps([{"op": "limit", "n": 1}, {"op": "drop_duplicates"}])
    assert [step.label for step in steps] == ["Step 1 (limit)", "Step 2 (drop_duplicates)"]


def test_steps_over_a_wide_table_share_their_memory(runs: Runs) -> None:
    table = {f"x{n}": [1.0] for n in range(600)}
    steps = [{"op": "derive", "name": f"y{n}", "expression": f"x{n} + 1"} for n in range(20)]
    job = runs.job(table, *steps) | {"memory_mb": 128, "threads": 1}
    assert pipeline.write(job, quiet)[0] == 1


def test_a_result_that_grows_too_large(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    monkeypatch.setattr(pipeline, "MAX_FILE_BYTES", 200_000)
    numbers = {"n": list(range(1000))}
    steps = [
        {"op": "join", "dataset_id": DATASET, "how": "cross"},
        {"op": "derive", "name": "x", "expression": "sin(n * 1000 + n_right)"},
    ]
    try:
        error = runs.refusal(numbers, *steps, other=numbers)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (error.code, "too large" in error.detail) == ("query_too_large", True)
