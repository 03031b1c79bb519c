"""Steps that change values, case by case; expected values are written out or computed in plain Python."""

import hashlib
import statistics
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from .pipeline_runs import Runs, day, moment


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


@pytest.mark.parametrize(
    ("step", "values"),
    [
        ({"method": "mean"}, [8 / 3, 1.0, 8 / 3, 4.0, 3.0, 8 / 3]),
        ({"method": "median"}, [3.0, 1.0, 3.0, 4.0, 3.0, 3.0]),
        ({"method": "mode"}, [1, 1, 1, 4, 3, 1]),
        ({"method": "constant", "value": 9}, [9, 1, 9, 4, 3, 9]),
        ({"method": "constant", "value": 0.5}, [0.5, 1.0, 0.5, 4.0, 3.0, 0.5]),
        ({"method": "forward"}, [None, 1, 1, 4, 3, 3]),
        ({"method": "backward"}, [1, 1, 4, 4, 3, None]),
        ({"method": "interpolate"}, [None, 1.0, 2.5, 4.0, 3.0, None]),
        ({"method": "interpolate", "order_by": ["t"]}, [None, 1.0, 3.0, 4.0, 3.0, None]),
        ({"method": "forward", "by": ["g"]}, [None, 1, None, 4, 3, 4]),
    ],
)
def test_fill_missing(runs: Runs, step: dict[str, Any], values: list[Any]) -> None:
    table = {"v": [None, 1, None, 4, 3, None], "t": [0.0, 1.0, 3.0, 4.0, 5.0, 6.0], "g": list("abcbab")}
    table["g"] = ["a", "b", "c", "b", "a", "b"]
    assert runs.columns(table, {"op": "fill_missing", "columns": ["v"], **step})["v"] == pytest.approx(values)


def test_the_mode_of_texts_and_of_nothing(runs: Runs) -> None:
    table = {"s": ["b", "a", "b", "a", None], "x": [None, None, None, None, None]}
    assert runs.columns(table, {"op": "fill_missing", "columns": ["s"], "method": "mode"})["s"][-1] == "a"
    empty = pa.table({"x": pa.array([None, None], pa.float64())})
    answer = runs.answer(empty, {"op": "fill_missing", "columns": ["x"], "method": "median"})
    assert answer["table"]["x"] == [None, None]
    assert answer["warnings"][0]["code"] == "nothing_to_fill_with"


def test_a_moment_before_the_first_year_is_refused(runs: Runs) -> None:
    early = {"op": "fill_missing", "columns": ["d"], "method": "constant", "value": "0001-01-01T00:00:00+23:59"}
    error = runs.refusal({"d": [day("2024-01-01"), None]}, early)
    assert (error.code, "must be written like" in error.detail) == ("invalid_step", True)


def test_replace(runs: Runs) -> None:
    table = {"n": [1, 2, None], "b": [True, False, None], "d": [day("2024-01-01"), None, day("2024-01-02")]}
    found = runs.columns(
        table,
        {"op": "replace", "column": "n", "mapping": {"1": 1.5, "2": None}},
        {"op": "replace", "column": "b", "mapping": {"false": True}},
        {"op": "replace", "column": "d", "mapping": {"2024-01-02": "2025-01-02"}},
    )
    assert found == {
        "n": [1.5, None, None],
        "b": [True, True, None],
        "d": [day("2024-01-01"), None, day("2025-01-02")],
    }


@pytest.mark.parametrize(
    ("step", "text", "value"),
    [
        ({"function": "trim"}, " \ta ", "a"),
        ({"function": "lower"}, "ÄB", "äb"),
        ({"function": "title"}, "the o'neill  house-party", "The O'neill  House-party"),
        ({"function": "length"}, "é🎉", 2),
        ({"function": "strip_accents"}, "é", "e"),
        ({"function": "collapse_spaces"}, " a \n b ", "a b"),
        ({"function": "extract", "pattern": "[0-9]+"}, "ab12c", "12"),
        ({"function": "extract", "pattern": "([a-z])[0-9]"}, "ab12c", "b"),
        ({"function": "extract", "pattern": "[(]x(?:y)"}, "(xy", "(xy"),
        ({"function": "extract", "pattern": "z"}, "ab", None),
        ({"function": "replace", "find": ".", "replacement": "'"}, "a.b", "a'b"),
        ({"function": "replace", "pattern": "(.)b", "replacement": "\\1"}, "ab ab", "a a"),
        ({"function": "split", "separator": "-", "part": 2}, "a-b", "b"),
        ({"function": "split", "separator": "-", "part": 3}, "a-b", None),
        ({"function": "upper"}, None, None),
    ],
)
def test_text(runs: Runs, step: dict[str, Any], text: str | None, value: object) -> None:
    found = runs.columns({"s": [text, "x"]}, {"op": "text", "column": "s", "as": "new", **step})
    assert found["new"][0] == value


def test_clip_outliers(runs: Runs) -> None:
    values = [1.0, 2.0, 3.0, 4.0, 100.0, None]
    low, high = 2.0 - 1.5 * 2.0, 4.0 + 1.5 * 2.0
    step = {"op": "clip_outliers", "columns": ["x"], "method": "iqr"}
    answer = runs.answer({"x": values}, step)
    assert answer["table"]["x"] == [1.0, 2.0, 3.0, 4.0, high, None]
    assert answer["steps"][0]["learned"] == {"x": {"low": low, "high": high}}
    assert runs.columns({"x": values}, {**step, "action": "null"})["x"] == [1.0, 2.0, 3.0, 4.0, None, None]
    assert runs.columns({"x": values}, {**step, "action": "drop"})["x"] == [1.0, 2.0, 3.0, 4.0, None]
    numbers = [value for value in values if value is not None]
    top = statistics.mean(numbers) + 1.0 * statistics.stdev(numbers)
    zscore = runs.columns({"x": values}, {**step, "method": "zscore", "factor": 1.0})
    assert zscore["x"][4] == pytest.approx(top)
    quantile = runs.columns({"x": values}, {**step, "method": "quantile", "low": 0.25, "high": 0.75})
    assert quantile["x"] == [2.0, 2.0, 3.0, 4.0, 4.0, None]


def test_scale(runs: Runs) -> None:
    values = [1, 2, 4, None, 9]
    numbers = [value for value in values if value is not None]

    def scaled(method: str) -> list[Any]:
        found: list[Any] = runs.columns({"x": values}, {"op": "scale", "columns": ["x"], "method": method})["x"]
        return found

    mean, std = statistics.mean(numbers), statistics.pstdev(numbers)
    assert scaled("standard") == pytest.approx([None if v is None else (v - mean) / std for v in values])
    assert scaled("robust") == pytest.approx([None if v is None else (v - 3.0) / 3.5 for v in values])
    assert scaled("maxabs") == pytest.approx([None if v is None else v / 9 for v in values])
    assert runs.columns({"x": [5, 5]}, {"op": "scale", "columns": ["x"], "method": "standard"})["x"] == [0.0, 0.0]


def test_bin(runs: Runs) -> None:
    table = {"x": [0.0, 5.0, 10.0, 11.0, None, float("inf")]}
    step = {"op": "bin", "column": "x", "edges": [0, 5, 10], "as": "b"}
    assert runs.columns(table, step)["b"] == ["[0, 5)", "[5, 10]", "[5, 10]", None, None, None]
    assert runs.columns(table, {**step, "labels": ["low", "it's"]})["b"][:2] == ["low", "it's"]
    table = {"x": [1.0, 2.0, 3.0, 100.0]}
    width = runs.columns(table, {"op": "bin", "column": "x", "n": 2, "as": "b"})["b"]
    assert width == ["[1, 50.5)"] * 3 + ["[50.5, 100]"]
    equal = runs.columns(table, {"op": "bin", "column": "x", "n": 2, "method": "quantile", "as": "b"})["b"]
    assert Counter(equal) == {"[1, 2.5)": 2, "[2.5, 100]": 2}


def test_encode(runs: Runs) -> None:
    table = {"c": ["b", "a", None, "b"], "i": [10, 20, 10, None], "y": [1.0, 0.0, 1.0, 0.0]}

    def encoded(**members: Any) -> dict[str, Any]:
        return runs.columns(table, {"op": "encode", "columns": ["c", "i"], **members})

    hot = encoded(method="one_hot")
    assert list(hot) == ["c_a", "c_b", "i_10", "i_20", "y"]
    assert (hot["c_b"], hot["i_10"]) == ([1, 0, 0, 1], [1, 0, 1, 0])
    assert list(encoded(method="one_hot", drop_first=True)) == ["c_b", "i_20", "y"]
    assert encoded(method="ordinal")["c"] == [1, 0, None, 1]
    assert encoded(method="frequency")["c"] == [0.5, 0.25, 0.25, 0.5]


def test_target_encoding_never_sees_its_own_row(runs: Runs) -> None:
    categories = ["a", "b", "a", "a", "b", "a", None, "b", "a", "b"]
    target = [1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, None, 1.0, 1.0]
    step = {"op": "encode", "columns": ["c"], "method": "target", "target": "y", "folds": 3, "smoothing": 2, "seed": 5}
    found = runs.columns({"c": categories, "y": target}, step)["c"]

    def fold(row: int) -> int:
        digest = hashlib.md5(f"5:{row}".encode(), usedforsecurity=False).digest()
        return int((int.from_bytes(digest[8:], "little") >> 11) / 2**53 * 3)

    for row, category in enumerate(categories):
        others = [(c, y) for i, (c, y) in enumerate(zip(categories, target, strict=True)) if fold(i) != fold(row)]
        present = [y for _, y in others if y is not None]
        prior = sum(present) / len(present)
        same = [y for c, y in others if c == category and y is not None]
        assert found[row] == pytest.approx((sum(same) + 2 * prior) / (len(same) + 2))


def test_date_parts(runs: Runs) -> None:
    parts = ["quarter", "week", "day", "day_of_year", "weekday", "hour", "is_weekend", "month_name", "weekday_name"]
    at = moment("2024-12-29T23:59:58")
    found = runs.columns({"at": [at, None]}, {"op": "date_parts", "column": "at", "parts": parts})
    expected = [4, at.isocalendar().week, 29, at.timetuple().tm_yday, 7, 23, True, "December", "Sunday"]
    assert [found[f"at_{part}"] for part in parts] == [[value, None] for value in expected]
