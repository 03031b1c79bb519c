"""Steps over groups, neighbours and other datasets, against pandas and plain Python on small random tables."""

import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .pipeline_runs import DATASET, Runs, day, moment

FEW = settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", None]),
        st.one_of(st.none(), st.integers(-5, 5)),
        st.one_of(st.none(), st.floats(-100, 100).map(lambda x: round(x, 2))),
    ),
    min_size=1,
    max_size=30,
)
Rows = list[tuple[str | None, int | None, float | None]]


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


def _table(rows: Rows) -> pa.Table:
    kinds = {"g": pa.string(), "i": pa.int64(), "x": pa.float64()}
    columns = zip(*rows, strict=True)
    return pa.table({name: pa.array(values, kinds[name]) for name, values in zip(kinds, columns, strict=True)})


def _frame(rows: Rows) -> pd.DataFrame:
    frame: pd.DataFrame = _table(rows).to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    return frame


def _columns(rows: Rows, *steps: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        return Runs(Path(folder)).columns(_table(rows), *steps)


def _same(found: list[Any], expected: Any) -> None:
    wanted = [None if pd.isna(value) else value for value in expected]
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        assert one == (other if other is None or isinstance(other, str) else pytest.approx(float(other), abs=1e-9))


@FEW
@given(ROWS)
def test_aggregates_are_those_of_pandas(rows: Rows) -> None:
    functions = {
        "count": "count", "sum": "sum", "mean": "mean", "median": "median", "min": "min", "max": "max", "std": "std",
        "var": "var", "distinct": "nunique", "first": "first", "last": "last",
    }  # fmt: skip
    wanted: list[dict[str, Any]] = [{"column": "x", "function": name, "as": name} for name in functions]
    wanted.append({"column": "x", "function": "quantile", "q": 0.3, "as": "q"})
    wanted.append({"function": "count", "as": "rows"})
    found = _columns(rows, {"op": "aggregate", "by": ["g"], "aggregations": wanted})
    groups = _frame(rows).groupby("g", dropna=False, sort=True)
    _same(found["g"], groups.size().index)
    for ours, theirs in functions.items():
        expected = groups["x"].sum(min_count=1) if ours == "sum" else groups["x"].agg(theirs)
        _same(found[ours], expected)
    _same(found["q"], groups["x"].quantile(0.3))
    _same(found["rows"], groups.size())


@FEW
@given(ROWS)
def test_windows_are_those_of_pandas(rows: Rows) -> None:
    base = {"op": "window", "by": ["g"], "column": "x"}
    steps: list[dict[str, Any]] = [
        {**base, "function": "cumsum", "as": "cumsum"},
        {**base, "function": "lag", "as": "lag"},
        {**base, "function": "difference", "as": "diff"},
        {**base, "function": "mean", "frame": {"preceding": 2}, "as": "moving"},
        {"op": "window", "by": ["g"], "order_by": ["i"], "function": "dense_rank", "as": "rank"},
        {"op": "lag", "column": "x", "n": -1, "by": ["g"], "order_by": [], "as": "lead"},
    ]
    found = _columns(rows, *steps)
    frame = _frame(rows)
    groups = frame.groupby(frame["g"].fillna("(null)"))["x"]
    _same(found["lag"], groups.shift(1))
    _same(found["lead"], groups.shift(-1))
    _same(found["diff"], groups.diff())
    sums = frame["x"].fillna(0).groupby(frame["g"].fillna("(null)")).cumsum()
    seen = frame["x"].notna().groupby(frame["g"].fillna("(null)")).cummax()
    _same(found["cumsum"], sums.where(seen))
    moving = groups.rolling(3, min_periods=1).mean().droplevel(0).sort_index()
    _same(found["moving"], moving)
    ranks = frame["i"].astype("Float64").fillna(99).groupby(frame["g"].fillna("(null)")).rank("dense")
    _same(found["rank"], ranks)


@FEW
@given(ROWS)
def test_duplicates_are_those_of_pandas(rows: Rows) -> None:
    found = _columns(rows, {"op": "drop_duplicates", "columns": ["g", "i"]})
    expected = _frame(rows).drop_duplicates(["g", "i"])
    for name in ("g", "i", "x"):
        _same(found[name], expected[name])


@FEW
@given(ROWS)
def test_filling_forward_and_interpolating_are_those_of_pandas(rows: Rows) -> None:
    frame = _frame(rows)
    _same(_columns(rows, {"op": "fill_missing", "columns": ["x"], "method": "forward"})["x"], frame["x"].ffill())
    between = _columns(rows, {"op": "fill_missing", "columns": ["x"], "method": "interpolate"})["x"]
    _same(between, frame["x"].interpolate(limit_area="inside"))


@settings(FEW, max_examples=2)
@given(ROWS, ROWS)
def test_joins_are_nested_loops(left: Rows, right: Rows) -> None:
    for how in ("inner", "left", "right", "full", "semi", "anti"):
        step = {"op": "join", "dataset_id": DATASET, "on": {"g": "g"}, "how": how}
        with tempfile.TemporaryDirectory() as folder:
            found = Runs(Path(folder)).columns(_table(left), step, other=_table(right))
        assert list(zip(*found.values(), strict=True)) == _joined(left, right, how)


def test_each_kind_of_join(runs: Runs) -> None:
    left: Rows = [("a", 1, None), ("b", 2, None), (None, 3, None), ("a", 4, None)]
    right: Rows = [("a", 5, None), ("c", 6, None), ("a", 7, None), (None, 8, None)]
    for how in ("inner", "left", "right", "full", "semi", "anti"):
        step = {"op": "join", "dataset_id": DATASET, "on": "g", "how": how}
        found = runs.columns(_table(left), step, other=_table(right))
        assert list(zip(*found.values(), strict=True)) == _joined(left, right, how)


def _joined(left: Rows, right: Rows, how: str) -> list[tuple[Any, ...]]:
    def partners(row: tuple[Any, ...], others: Rows) -> list[tuple[Any, ...]]:
        return [other for other in others if row[0] is not None and other[0] == row[0]]

    if how == "semi":
        return [row for row in left if partners(row, right)]
    if how == "anti":
        return [row for row in left if not partners(row, right)]
    pairs = [(*row, *other[1:]) for row in left for other in partners(row, right)]
    if how in {"left", "full"}:
        pairs = [
            pair
            for row in left
            for pair in ([(*row, *other[1:]) for other in partners(row, right)] or [(*row, None, None)])
        ]
    if how in {"right", "full"}:
        pairs += [(row[0], None, None, *row[1:]) for row in right if not partners(row, left)]
    return pairs


def test_a_union_goes_by_name(runs: Runs) -> None:
    answer = runs.answer(
        {"a": [1], "b": ["x"]}, {"op": "union", "dataset_id": DATASET}, other={"B": ["y"], "c": [True], "a": [2.5]}
    )
    assert answer["table"] == {"a": [1.0, 2.5], "b": ["x", "y"], "c": [None, True]}
    assert "'c'" in answer["warnings"][0]["message"]


def test_a_cross_join(runs: Runs) -> None:
    found = runs.columns(
        {"a": [1, 2]}, {"op": "join", "dataset_id": DATASET, "how": "cross"}, other={"a": [3, 4], "b": [5, 6]}
    )
    assert found == {"a": [1, 1, 2, 2], "a_right": [3, 4, 3, 4], "b": [5, 6, 5, 6]}


def test_resample_fills_the_empty_spans(runs: Runs) -> None:
    times = ["2024-01-01T10:05", "2024-01-01T10:20", "2024-01-01T11:10", None]
    table = {"t": [t and moment(t) for t in times], "x": [1, 2, 4, 8]}
    figures = [{"column": "x", "function": "sum", "as": "s"}, {"function": "count", "as": "n"}]
    step = {"op": "resample", "time": "t", "every": "15 minutes", "aggregations": figures}
    answer = runs.answer(table, step)
    assert [t.isoformat()[11:16] for t in answer["table"]["t"]] == ["10:00", "10:15", "10:30", "10:45", "11:00"]
    assert (answer["table"]["s"], answer["table"]["n"]) == ([1, 2, None, None, 4], [1, 1, 0, 0, 1])
    assert answer["warnings"][0]["code"] == "rows_without_time"
    assert runs.columns(table, {**step, "fill": "zero"})["s"] == [1, 2, 0, 0, 4]
    assert runs.columns(table, {**step, "fill": "forward"})["s"] == [1, 2, 2, 2, 4]
    assert runs.columns(table, {**step, "fill": "none"})["s"] == [1, 2, 4]


def test_resample_by_group_and_week(runs: Runs) -> None:
    days = ["2024-01-03", "2024-01-08", "2024-01-17", "2024-02-01"]
    table = {"g": ["b", "a", "b", None], "d": [day(text) for text in days], "x": [1, 2, 3, 4]}
    step = {"op": "resample", "time": "d", "every": "1 week", "by": ["g"]}
    found = runs.columns(table, {**step, "aggregations": [{"column": "x", "function": "max", "as": "m"}]})
    assert found["g"] == ["a", "b", "b", "b", None]
    weeks = ["2024-01-08", "2024-01-01", "2024-01-08", "2024-01-15", "2024-01-29"]
    assert found["d"] == [day(text) for text in weeks]
    assert found["m"] == [2, 1, None, 3, 4]


def test_pivot_and_back(runs: Runs) -> None:
    table = {"i": [1, 1, 2, 2], "k": ["x", None, "x", "x"], "v": [1, 2, 3, 4]}
    step = {"op": "pivot", "index": "i", "columns": "k", "values": "v", "function": "sum"}
    wide = runs.columns(table, step)
    assert wide == {"i": [1, 2], "x": [1, 7], "(missing)": [2, None]}
    assert runs.columns(table, {**step, "function": "count"})["(missing)"] == [1, 0]
    assert runs.columns(table, {**step, "function": "median"})["x"] == [1.0, 3.5]
    long = runs.columns(table, step, {"op": "unpivot", "columns": ["x", "(missing)"], "name": "k", "value": "v"})
    assert long == {"i": [1, 1, 2, 2], "k": ["x", "(missing)"] * 2, "v": [1, 2, 7, None]}


def test_ranks_and_parts(runs: Runs) -> None:
    table = {"x": [10, 30, 20, 30]}
    base = {"op": "window", "order_by": [{"column": "x", "descending": True}]}
    found = runs.columns(
        table,
        {**base, "function": "rank", "as": "rank"},
        {**base, "function": "percent_rank", "as": "share"},
        {**base, "function": "ntile", "n": 2, "as": "half"},
        {"op": "window", "function": "percent_change", "column": "x", "as": "change"},
        {"op": "window", "function": "count", "as": "n"},
    )
    assert found["rank"] == [4, 1, 3, 1]
    assert found["share"] == pytest.approx([1.0, 0.0, 2 / 3, 0.0])
    assert found["half"] == [2, 1, 2, 1]
    assert found["change"] == pytest.approx([None, 2.0, -1 / 3, 0.5])
    assert found["n"] == [4, 4, 4, 4]
