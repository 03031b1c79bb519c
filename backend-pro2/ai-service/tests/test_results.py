"""Results are plain JSON, and the same inputs give the same bytes."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

from ..app.engines.results import Outcome, Table, plain
from .support import Analyse

ORDERS: list[tuple[str, dict[str, Any]]] = [
    ("describe", {}),
    ("correlation", {"method": "kendall"}),
    ("regression", {"target": "target", "features": ["age", "sex", "bmi"]}),
    ("cluster", {"columns": ["bmi", "bp", "s1"]}),
]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), None),
        (np.float64("inf"), None),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.array([1.5, np.nan]), [1.5, None]),
        ({"a": (1, {2})}, {"a": [1, [2]]}),
        (Decimal("1.5"), 1.5),
        (Decimal("NaN"), None),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
        (date(2026, 1, 2), "2026-01-02"),
        (timedelta(minutes=1), 60.0),
        (Path("x"), "x"),
        (None, None),
    ],
)
def test_plain(value: object, expected: object) -> None:
    assert plain(value) == expected


def test_no_cell_is_not_a_number() -> None:
    outcome = Outcome({"r2": float("nan")}, [Table("t", ["a"], [[np.inf], [1]])]).as_json()
    assert (outcome["summary"], outcome["tables"][0]["rows"]) == ({"r2": None}, [[None], [1]])


@pytest.mark.parametrize(("kind", "parameters"), ORDERS)
def test_same_inputs_same_bytes(
    analyse_columns: Analyse, tmp_path: Path, kind: str, parameters: dict[str, Any]
) -> None:
    columns = load_diabetes(as_frame=True).frame.to_dict("list")
    answers, files = [], []
    for threads in (1, 3):
        answers.append(json.dumps(analyse_columns(kind, columns, parameters, threads=threads), allow_nan=False))
        files.append([path.read_bytes() for path in sorted(tmp_path.glob("*.csv"))])
    assert answers[0] == answers[1]
    assert files[0] == files[1]


@pytest.mark.parametrize(("kind", "parameters"), ORDERS)
def test_charts_are_bounded_vega_lite(analyse_columns: Analyse, kind: str, parameters: dict[str, Any]) -> None:
    columns = load_diabetes(as_frame=True).frame.to_dict("list")
    charts = analyse_columns(kind, columns, parameters)["charts"]
    assert charts
    for chart in charts:
        assert "vega-lite" in chart["spec"]["$schema"]
        assert len(json.dumps(chart["spec"])) < 300_000


def test_seed_changes_only_what_is_random(analyse_columns: Analyse) -> None:
    columns = load_diabetes(as_frame=True).frame.to_dict("list")
    order = ("regression", columns, {"target": "target", "features": ["bmi"]})
    assert analyse_columns(*order, seed=1) == analyse_columns(*order, seed=2)
