"""The example of each operation runs, and gives what is written here."""

from pathlib import Path
from typing import Any

import pytest

from ..app.engines.operations.registry import OPERATIONS, other_inputs, parse_steps
from .pipeline_runs import DATASET, Runs, day

TABLE = {
    "id": [1, 2, 3, 4],
    "name": ["Anna", "Bo", None, "Dirk"],
    "city": ["Rome", "Oslo", "Rome", None],
    "kind": ["a", "b", "b", "a"],
    "day": [day("2024-01-05"), day("2024-01-20"), day("2024-03-01"), day("2024-01-06")],
    "price": [5.0, 20.0, None, 80.0],
    "quantity": [1, 2, 3, 4],
}
OTHER: dict[str, list[Any]] = {"city": ["Oslo", "Rome", "Rome", "Bonn"], "price": [1.5, 2.5, 3.5, 4.5]}

EXPECTED: dict[str, dict[str, list[Any]]] = {
    "select": {"id": [1, 2, 3, 4], "price": [5.0, 20.0, None, 80.0]},
    "rename": {"unit_price": [5.0, 20.0, None, 80.0]},
    "cast": {"price": [5, 20, None, 80]},
    "filter": {"id": [2]},
    "derive": {"total": [5.0, 40.0, None, 320.0]},
    "sort": {"id": [4, 2, 1, 3]},
    "limit": {"id": [1, 2, 3, 4]},
    "drop_duplicates": {"id": [1, 2, 4]},
    "drop_missing": {"id": [1, 2, 4]},
    "fill_missing": {"price": [5.0, 20.0, 35.0, 80.0]},
    "replace": {"city": ["Roma", "Oslo", "Roma", None]},
    "text": {"city": ["ROME", "OSLO", "ROME", None]},
    "clip_outliers": {"price": [5.0, 20.0, None, 80.0]},
    "scale": {"price": [0.0, 0.2, None, 1.0]},
    "bin": {"price_class": ["[0, 10)", "[10, 100]", None, "[10, 100]"]},
    "encode": {"city_Oslo": [0, 1, 0, 0], "city_Rome": [1, 0, 1, 0]},
    "date_parts": {"day_year": [2024, 2024, 2024, 2024], "day_month": [1, 1, 3, 1]},
    "aggregate": {"city": ["Oslo", "Rome", None], "mean_price": [20.0, 5.0, 80.0]},
    "window": {"so_far": [5.0, 20.0, 5.0, 80.0]},
    "lag": {"price_before": [None, 80.0, 20.0, 5.0]},
    "resample": {"day": [day("2024-01-01"), day("2024-02-01"), day("2024-03-01")], "sales": [105.0, None, None]},
    "pivot": {"city": ["Oslo", "Rome", None], "a": [None, 5.0, 80.0], "b": [20.0, None, None]},
    "unpivot": {
        "measure": ["price", "quantity"] * 4,
        "amount": [5.0, 1.0, 20.0, 2.0, None, 3.0, 80.0, 4.0],
    },
    "join": {
        "id": [1, 1, 2, 3, 3, 4],
        "price": [5.0, 5.0, 20.0, None, None, 80.0],
        "price_right": [2.5, 3.5, 1.5, 2.5, 3.5, None],
    },
    "union": {"city": ["Rome", "Oslo", "Rome", None, "Oslo", "Rome", "Rome", "Bonn"], "id": [1, 2, 3, 4, *[None] * 4]},
    "anonymise": {"name": ["A***", "B*", None, "D***"]},
}


@pytest.mark.parametrize("op", list(OPERATIONS))
def test_examples(tmp_path: Path, op: str) -> None:
    step = dict(OPERATIONS[op].example)
    other = OTHER if op in {"join", "union"} else None
    found = Runs(tmp_path).columns(TABLE, step, other=other)
    if op in {"sample", "train_test_split"}:
        return  # which rows, is for the tests of lots
    for name, values in EXPECTED[op].items():
        assert found[name] == values, name


def test_the_registry_is_what_the_contract_lists() -> None:
    assert set(OPERATIONS) == {*EXPECTED, "sample", "train_test_split"}


@pytest.mark.parametrize("op", list(OPERATIONS))
def test_documentation(op: str) -> None:
    operation = OPERATIONS[op]
    assert operation.title
    assert operation.description.endswith(".")
    assert operation.schema["properties"]["op"] == {"const": op, "title": "Op", "type": "string"}
    assert operation.schema["additionalProperties"] is False
    assert set(operation.example) <= set(operation.schema["properties"])
    assert parse_steps([operation.example])[0].op == op


def test_other_inputs() -> None:
    steps: list[dict[str, Any]] = [
        {"op": "join", "dataset_id": DATASET, "version": 3, "on": "city"},
        {"op": "limit", "n": 1},
        {"op": "union", "dataset_id": DATASET},
        {"op": "union", "dataset_id": DATASET.upper()},
    ]
    assert other_inputs(steps) == [(DATASET, 3), (DATASET, None)]
