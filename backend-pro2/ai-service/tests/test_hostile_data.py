"""Each type and method of analysis on data that are wrong for it: a documented refusal, or a sound result."""

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from threadpoolctl import threadpool_limits

from shared.compute import ComputeError

from ..app.schemas.types import ANALYSIS_TYPES
from .hostile_data import DATA, ORDERS, changed, usual
from .support import Analyse

ERRORS = Path(__file__).resolve().parents[3] / "docs" / "errors.md"
_NAMED = "".join(re.findall(r"^\|([^|]*)\|", ERRORS.read_text(encoding="utf-8"), re.MULTILINE))
DOCUMENTED = frozenset(re.findall(r"`([a-z_]+)`", _NAMED))
# Of the summary: what a reader takes for the answer.
ANSWERS = ("statistic", "p_value", "estimate", "mean")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with threadpool_limits(limits=1):
        yield


def numbers_in(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from numbers_in(item)
    elif isinstance(value, float):
        yield value


def check_result(result: dict[str, Any]) -> None:
    """Plain JSON, finite, and silent about nothing."""
    assert all(math.isfinite(number) for number in numbers_in(result))
    json.dumps(result, allow_nan=False)
    summary, said = result["summary"], result["warnings"]
    missing = [name for name in ANSWERS if name in summary and summary[name] is None]
    doubtful = [one for one in summary.get("assumptions") or () if one["holds"] is False]
    assert not missing or said or doubtful, (missing, summary)
    assert all(one["code"] and one["message"].strip() for one in said)
    assert all(chart["title"] and chart["spec"].get("$schema") for chart in result["charts"])


def test_all_types_are_here() -> None:
    assert {kind for kind, _ in ORDERS} == set(ANALYSIS_TYPES)
    for kind, parameters in ORDERS:
        ANALYSIS_TYPES[kind].parameters.model_validate(parameters)


def concerned() -> list[tuple[str, str, list[dict[str, Any]]]]:
    """Data, type, and the orders that use a column which is not as usual."""
    cases = []
    for name, columns in DATA.items():
        for kind, entry in ANALYSIS_TYPES.items():
            orders = [parameters for other, parameters in ORDERS if other == kind]
            uses = [{use.name for use in entry.parameters.model_validate(order).uses()} for order in orders]
            orders = [order for order, used in zip(orders, uses, strict=True) if not used or used & changed(columns)]
            cases += [(name, kind, orders)] if orders and name != "usual" else []
    return cases


@pytest.mark.parametrize(("name", "kind", "orders"), concerned())
def test_hostile_data(analyse_columns: Analyse, name: str, kind: str, orders: list[dict[str, Any]]) -> None:
    for parameters in orders:
        try:
            result = analyse_columns(kind, DATA[name], parameters)
        except ComputeError as refusal:
            wrong = refusal.code not in DOCUMENTED or len(refusal.detail) < 20
        else:
            wrong = False
            check_result(result)
        assert not wrong, parameters


def test_usual_data_are_refused_by_few(analyse_columns: Analyse) -> None:
    refused = []
    for kind, parameters in ORDERS:
        try:
            check_result(analyse_columns(kind, usual(), parameters))
        except ComputeError as refusal:
            refused.append((parameters.get("method"), refusal.code))
    # It takes forty values.
    assert refused == [("boosting", "too_few_rows")]


NAMES = [f"c{i}" for i in range(40)]


@pytest.mark.parametrize(
    ("kind", "parameters", "code"),
    [
        ("regression", {"method": "ols", "target": "y", "features": NAMES}, "too_few_rows"),
        ("regression", {"method": "lasso", "target": "y", "features": NAMES}, None),
        ("cluster", {"columns": NAMES, "k": 2}, None),
        ("reduce", {"columns": NAMES, "method": "pca"}, None),
        ("anomaly", {"columns": NAMES, "method": "lof"}, "too_few_rows"),
        ("correlation", {}, None),
        ("auto", {}, "too_few_rows"),
    ],
)
def test_more_columns_than_rows(
    analyse_columns: Analyse, kind: str, parameters: dict[str, Any], code: str | None
) -> None:
    columns: dict[str, Any] = {name: [(i * 7 + j * j) % 11 / 2 for j in range(6)] for i, name in enumerate(NAMES)}
    columns["y"] = [*range(6)]
    try:
        result = analyse_columns(kind, columns, parameters)
    except ComputeError as refusal:
        found: str | None = refusal.code
    else:
        found = None
        check_result(result)
    assert found == code
