"""Charts hold what altair would make of them, at a fraction of its work, and the same on each run."""

from collections.abc import Callable, Iterator
from typing import Any

import altair as alt
import numpy as np
import pytest
from altair.utils import schemapi

from ..app.engines import charts, sample_charts
from ..app.engines.results import Chart

X, Y = np.array([1.0, 2.0, np.nan]), np.array([0.5, -1.0, 1e300])
TERMS = [{"term": name, "low": -1.0, "estimate": 0.0, "high": np.inf} for name in ("a.b", "c[1]")]
MADE: dict[str, Callable[[], Chart]] = {
    "intervals": lambda: charts.intervals(TERMS, "Estimates", "A note."),
    "residuals": lambda: charts.residuals(X, Y, ""),
    "quantiles": lambda: charts.quantile_plot(X, Y, "A random sample."),
    "histogram": lambda: charts.histogram("a", np.array([0.0, 1.0, 2.0]), [3, 4]),
    "scatter": lambda: charts.scatter(np.column_stack([X, Y]), ["a", "b", "a"], ("x", "y"), "Groups", ""),
    "means": lambda: sample_charts.cell_means([{"x": "a", "mean": 1.0, "group": "b"}], "y", ("x", "g")),
}


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in production."""
    monkeypatch.setattr(charts, "_checks", False)
    schemapi.disable_debug_mode()
    yield
    schemapi.enable_debug_mode()


@pytest.mark.parametrize("name", MADE)
def test_without_checks_charts_are_the_same(name: str, request: pytest.FixtureRequest) -> None:
    checked = MADE[name]()
    request.getfixturevalue("unchecked")
    assert MADE[name]() == checked


@pytest.mark.parametrize("name", ["intervals", "residuals", "quantiles"])
def test_layers_are_what_altair_makes_of_them(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def by_altair(layers: tuple[alt.Chart, ...], heading: Any) -> dict[str, Any]:
        made: dict[str, Any] = alt.layer(*layers).properties(title=heading).to_dict()
        return made

    ours = MADE[name]()
    monkeypatch.setattr(charts, "_layered", by_altair)
    assert MADE[name]() == ours


def test_specifications_are_plain_json() -> None:
    (dots, zero) = MADE["residuals"]().spec["layer"]
    assert dots["data"]["values"] == [
        {"fitted": 1.0, "residual": 0.5},
        {"fitted": 2.0, "residual": -1.0},
        {"fitted": None, "residual": 1e300},
    ]
    assert zero["data"]["values"] == [{"zero": 0}]


def test_data_that_layers_share_is_there_once() -> None:
    spec = charts.finished(tuple(charts.drawn([{"x": 1}]).mark_point() for _ in range(2)), "Two").spec
    assert ["data" in layer for layer in spec["layer"]] == [True, True]
    base = charts.drawn([{"x": 1}])
    spec = charts.finished((base.mark_point(), base.mark_line()), "One").spec
    assert spec["data"]["values"] == [{"x": 1}]
    assert ["data" in layer for layer in spec["layer"]] == [False, False]


def test_layers_are_checked_as_a_whole_in_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[dict[str, Any]] = []
    monkeypatch.setattr(alt.LayerChart, "validate", checked.append)
    made = MADE["residuals"]().spec
    assert [spec["layer"] for spec in checked] == [made["layer"]]
