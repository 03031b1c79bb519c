"""Steps on columns and rows, case by case; expected values are written out or computed in plain Python."""

import hashlib
import hmac
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ..app.engines.pipelines import pipeline
from .conftest import quiet
from .pipeline_runs import Runs, day, moment


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


def test_select_in_order_and_without(runs: Runs) -> None:
    table = {"a": [1], "b": [2], "c": [3]}
    assert list(runs.columns(table, {"op": "select", "columns": ["c", "a"]})) == ["c", "a"]
    assert list(runs.columns(table, {"op": "select", "columns": ["b"], "exclude": True})) == ["a", "c"]


def test_names_can_be_swapped(runs: Runs) -> None:
    found = runs.columns({"a": [1], "b": [2]}, {"op": "rename", "columns": {"a": "b", "b": "a"}})
    assert found == {"b": [1], "a": [2]}


def test_cast_counts_what_is_lost(runs: Runs) -> None:
    table = {"s": ["1", "2.5", "x", None, " 7 ", "8.0"], "x": [1.5, -2.5, 3.0, None, 1e30, float("nan")]}
    answer = runs.answer(table, {"op": "cast", "columns": {"s": "integer", "x": "integer"}})
    assert answer["table"] == {"s": [1, None, None, None, 7, 8], "x": [2, -3, 3, None, None, None]}
    assert answer["warnings"] == [
        {"code": "cast_failed", "message": "Step 1 (cast): 2 values of 's' are no integer; they became null."},
        {"code": "cast_failed", "message": "Step 1 (cast): 2 values of 'x' are no integer; they became null."},
        {"code": "cast_rounded", "message": "Step 1 (cast): 2 values of 'x' were rounded to integers."},
    ]


def test_cast_of_dates(runs: Runs) -> None:
    table = {"d": ["31.01.2024", "2024"], "z": ["2024-01-31T01:00:00+02:00", "2024-01-31"]}
    answer = runs.answer(
        table,
        {"op": "cast", "columns": {"d": "date"}, "format": "%d.%m.%Y"},
        {"op": "cast", "columns": {"z": "datetime"}},
        {"op": "derive", "name": "t", "expression": "d"},
        {"op": "cast", "columns": {"t": "string"}, "format": "%Y/%m"},
    )
    assert answer["table"] == {
        "d": [day("2024-01-31"), None],
        "z": [moment("2024-01-30T23:00:00"), moment("2024-01-31T00:00:00")],
        "t": ["2024/01", None],
    }


def test_derive_replaces_in_place(runs: Runs) -> None:
    found = runs.columns({"a": [2, None], "b": [0, 1]}, {"op": "derive", "name": "a", "expression": "a / b"})
    assert found == {"a": [None, None], "b": [0, 1]}


def test_sort_keeps_equal_rows_in_order_and_nulls_last(runs: Runs) -> None:
    table = {"k": [2, 1, None, 2, 1], "id": [0, 1, 2, 3, 4]}
    assert runs.columns(table, {"op": "sort", "by": ["k"]})["id"] == [1, 4, 0, 3, 2]
    assert runs.columns(table, {"op": "sort", "by": [{"column": "k", "descending": True}]})["id"] == [0, 3, 1, 4, 2]


def test_order_survives_later_steps(runs: Runs) -> None:
    table = {"k": [3, 1, 2], "g": ["x", "y", "x"]}
    steps: list[dict[str, Any]] = [
        {"op": "sort", "by": ["k"]},
        {"op": "window", "by": ["g"], "function": "row_number", "as": "n"},
        {"op": "select", "columns": ["g", "n"]},
        {"op": "drop_duplicates"},
    ]
    assert runs.columns(table, *steps) == {"g": ["y", "x", "x"], "n": [1, 1, 2]}


def test_limit_and_offset_follow_the_order(runs: Runs) -> None:
    table = {"k": [3, 1, 2, 5]}
    assert runs.columns(table, {"op": "limit", "n": 2, "offset": 1}) == {"k": [1, 2]}
    assert runs.columns(table, {"op": "sort", "by": ["k"]}, {"op": "limit", "n": 2, "offset": 1}) == {"k": [2, 3]}


def test_samples_repeat_whatever_the_threads(runs: Runs) -> None:
    table = {"id": list(range(5000))}
    for step in ({"op": "sample", "n": 100, "seed": 3}, {"op": "sample", "fraction": 0.1, "seed": 3}):
        found = []
        for threads in (1, 2, 4):
            job = runs.job(table, step) | {"threads": threads, "limit": 5000, "sample_rows": 5000}
            found.append([row[0] for row in pipeline.preview(job, quiet)["rows"]])
        assert found[0] == found[1] == found[2] == sorted(found[0])
        assert 80 <= len(set(found[0])) <= 600
        other = runs.columns(table, {**step, "seed": 4})["id"]
        assert other != found[0]
    assert len(runs.columns(table, {"op": "sample", "n": 100})["id"]) == 100
    assert len(runs.columns(table, {"op": "sample", "n": 9999})["id"]) == 5000


def test_the_lots_of_a_sample_are_md5(runs: Runs) -> None:
    """So that a sample can be drawn again elsewhere."""

    def lot(row: int) -> float:
        digest = hashlib.md5(f"7:{row}".encode(), usedforsecurity=False).digest()
        return (int.from_bytes(digest[8:], "little") >> 11) / 2**53

    expected = [row for row in range(200) if lot(row) < 0.25]
    found = runs.columns({"id": list(range(200))}, {"op": "sample", "fraction": 0.25, "seed": 7})["id"]
    assert found == expected


def test_drop_missing(runs: Runs) -> None:
    table = {"a": [1, None, None], "b": [None, None, 3]}
    assert runs.columns(table, {"op": "drop_missing", "columns": ["b"]}) == {"a": [None], "b": [3]}
    assert runs.columns(table, {"op": "drop_missing", "how": "all"})["a"] == [1, None]


def test_split(runs: Runs) -> None:
    table = {"g": ["a"] * 10 + ["b"] * 5 + [None] * 2, "id": list(range(17))}
    step = {"op": "train_test_split", "fraction": 0.3, "seed": 1, "as": "part"}
    found = runs.columns(table, step)
    assert Counter(found["part"]) == {"test": 5, "train": 12}
    assert found["id"] == list(range(17))
    assert runs.columns(table, step) == found
    stratified = runs.columns(table, {**step, "stratify": "g"})
    counts = Counter(zip(stratified["g"], stratified["part"], strict=True))
    assert (counts["a", "test"], counts["b", "test"], counts[None, "test"]) == (3, 2, 1)


def test_pseudonyms_are_hmac(runs: Runs) -> None:
    texts = ["Ann", None, "Zoë's"]
    table = {"s": texts, "n": [1, 2, None]}
    found = runs.columns(table, {"op": "anonymise", "columns": ["s", "n"], "method": "hash"})
    key = bytes.fromhex("5a" * 32)

    def pseudonym(text: str | None) -> str | None:
        return None if text is None else hmac.new(key, text.encode(), "sha256").hexdigest()[:32]

    assert found == {"s": [pseudonym(text) for text in texts], "n": [pseudonym("1"), pseudonym("2"), None]}


def test_masks_and_generalisations(runs: Runs) -> None:
    table = {"s": ["abcdef", "ab", "", None], "n": [17, -3, None, 20], "d": [day("2024-08-17"), None, None, None]}
    mask = {"op": "anonymise", "columns": ["s"], "method": "mask", "keep_start": 1, "keep_end": 1}
    assert runs.columns(table, mask)["s"] == ["a****f", "**", "", None]
    general = {"op": "anonymise", "columns": ["n", "d", "s"], "method": "generalise"}
    found = runs.columns(table, {**general, "step": 10, "unit": "quarter", "letters": 2})
    assert found["n"] == [10, -10, None, 20]
    assert found["d"][0] == day("2024-07-01")
    assert found["s"][0] == "ab"
    assert list(runs.columns(table, {"op": "anonymise", "columns": ["s", "d"], "method": "drop"})) == ["n"]
