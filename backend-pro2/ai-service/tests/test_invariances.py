"""What must not matter to an analysis: units and origins, the order of rows, the names of groups."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from .support import Analyse

few = settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SEEDS = st.integers(0, 10**6)
# Powers of two, so that the numbers themselves stay exact.
UNITS = st.sampled_from([0.25, 4.0, 1024.0])
SHIFTS = st.sampled_from([-64.0, 0.0, 1024.0])
ROWS = 40


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with threadpool_limits(limits=1):
        yield


def data(seed: int) -> dict[str, Any]:
    """Two numbers that depend on each other and on a group, of few binary digits."""
    random = np.random.default_rng(seed)
    g = np.resize(["red", "green", "blue"], ROWS)
    x = np.round(random.normal(size=ROWS) * 256) / 256
    y = np.round((2 * x + (g == "red") + random.normal(size=ROWS)) * 256) / 256
    return {"x": x, "y": y, "g": g}


def rows_of(result: dict[str, Any], name: str) -> list[dict[str, Any]]:
    table = next(table for table in result["tables"] if table["name"] == name)
    return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]


def permuted(columns: dict[str, Any], seed: int) -> dict[str, Any]:
    order = np.random.default_rng(seed).permutation(ROWS)
    return {name: np.asarray(values)[order] for name, values in columns.items()}


def moved(columns: dict[str, Any], unit: float, shift: float, *names: str) -> dict[str, Any]:
    return columns | {name: columns[name] * unit + shift for name in names}


def renamed(columns: dict[str, Any]) -> dict[str, Any]:
    names = {"red": "zinc", "green": "amber", "blue": "ochre"}
    return columns | {"g": [names[level] for level in columns["g"]]}


@few
@given(SEEDS, UNITS, SHIFTS)
def test_describe(analyse_columns: Analyse, seed: int, unit: float, shift: float) -> None:
    plain, other = (
        rows_of(analyse_columns("describe", columns, {"columns": ["x"]}), "columns")[0]
        for columns in (data(seed), permuted(moved(data(seed), unit, shift, "x"), seed))
    )
    assert other["mean"] == pytest.approx(plain["mean"] * unit + shift, rel=1e-12, abs=1e-12 * unit)
    assert other["std"] == pytest.approx(plain["std"] * unit, rel=1e-10)
    for name, value in plain["quantiles"].items():
        assert other["quantiles"][name] == pytest.approx(value * unit + shift, rel=1e-12, abs=1e-12 * unit)
    assert other["skewness"] == pytest.approx(plain["skewness"], rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("method", ["pearson", "spearman", "kendall"])
@few
@given(seed=SEEDS, unit=UNITS, shift=SHIFTS)
def test_correlation(analyse_columns: Analyse, method: str, seed: int, unit: float, shift: float) -> None:
    order = {"columns": ["x", "y"], "method": method}
    found = [
        analyse_columns("correlation", columns, order)["summary"]["strongest"]
        for columns in (data(seed), permuted(moved(data(seed), unit, shift, "x"), seed))
    ]
    assert found[1]["coefficient"] == pytest.approx(found[0]["coefficient"], rel=1e-9)
    assert found[1]["p_value"] == pytest.approx(found[0]["p_value"], rel=1e-7)


@pytest.mark.parametrize("method", ["one_way", "kruskal"])
@few
@given(seed=SEEDS, unit=UNITS, shift=SHIFTS)
def test_anova(analyse_columns: Analyse, method: str, seed: int, unit: float, shift: float) -> None:
    order = {"method": method, "column": "y", "group": "g"}
    changed = renamed(permuted(moved(data(seed), unit, shift, "y"), seed))
    one, other = (analyse_columns("anova", columns, order)["summary"] for columns in (data(seed), changed))
    assert other["statistic"] == pytest.approx(one["statistic"], rel=1e-8)
    assert other["p_value"] == pytest.approx(one["p_value"], rel=1e-7)
    assert other["effect_size"]["value"] == pytest.approx(one["effect_size"]["value"], rel=1e-8)


def coefficients(analyse: Callable[..., dict[str, Any]], columns: dict[str, Any], **more: Any) -> dict[str, Any]:
    order = {"target": "y", "features": ["x", "g"], **more}
    result = analyse("regression", columns, order)
    return {**result["summary"], **{row["term"]: row for row in rows_of(result, "coefficients")}}


@few
@given(SEEDS, UNITS, SHIFTS)
def test_least_squares(analyse_columns: Analyse, seed: int, unit: float, shift: float) -> None:
    one = coefficients(analyse_columns, data(seed))
    other = coefficients(analyse_columns, permuted(moved(data(seed), unit, shift, "x"), seed))
    assert other["x"]["estimate"] * unit == pytest.approx(one["x"]["estimate"], rel=1e-9)
    assert other["x"]["p_value"] == pytest.approx(one["x"]["p_value"], rel=1e-7)
    assert other["r2"] == pytest.approx(one["r2"], rel=1e-9)
    # Another target's unit goes through to all coefficients; the names of groups to none that is not theirs.
    other = coefficients(analyse_columns, renamed(moved(data(seed), unit, 0, "y")))
    assert other["x"]["estimate"] == pytest.approx(one["x"]["estimate"] * unit, rel=1e-9)
    assert other["r2"] == pytest.approx(one["r2"], rel=1e-9)


SERIES = {"column": "v", "time": "at"}


def series(seed: int) -> dict[str, Any]:
    random, n = np.random.default_rng(seed), np.arange(ROWS)
    values = np.round((5 + n / 8 + 2 * np.sin(n * np.pi / 2) + random.normal(size=ROWS)) * 256) / 256
    return {"v": values, "at": np.datetime64("2020-01-01", "us") + np.array(n, dtype="timedelta64[D]")}


@pytest.mark.parametrize("method", ["stationarity", "acf"])
@few
@given(seed=SEEDS, unit=UNITS, shift=SHIFTS)
def test_timeseries(analyse_columns: Analyse, method: str, seed: int, unit: float, shift: float) -> None:
    changed = permuted(moved(series(seed), unit, shift, "v"), seed)
    order = SERIES | {"method": method}
    one, other = (analyse_columns("timeseries", columns, order)["summary"] for columns in (series(seed), changed))
    assert other["statistic"] == pytest.approx(one["statistic"], rel=1e-7)
    assert other["p_value"] == pytest.approx(one["p_value"], rel=1e-5, abs=1e-12)


@few
@given(SEEDS, UNITS, SHIFTS)
def test_forecast(analyse_columns: Analyse, seed: int, unit: float, shift: float) -> None:
    order = SERIES | {"horizon": 3, "season": 4, "method": "seasonal_naive"}
    changed = permuted(moved(series(seed), unit, shift, "v"), seed)
    one, other = (rows_of(analyse_columns("forecast", each, order), "forecast") for each in (series(seed), changed))
    for name in ("mean", "lower", "upper"):
        expected = [row[name] * unit + shift for row in one]
        assert [row[name] for row in other] == pytest.approx(expected, rel=1e-9, abs=1e-9 * unit)


@few
@given(SEEDS, UNITS, SHIFTS)
def test_cluster(analyse_columns: Analyse, seed: int, unit: float, shift: float) -> None:
    columns = data(seed)
    # Two groups that are far apart, so that there is one answer.
    columns["x"] = columns["x"] + np.where(np.arange(ROWS) < 15, 64.0, 0.0)
    order = {"columns": ["x", "y"], "k": 2, "stability": False}
    changed = permuted(moved(columns, unit, shift, "x", "y"), seed)
    one, other = (analyse_columns("cluster", each, order)["summary"] for each in (columns, changed))
    assert sorted(other["sizes"]) == sorted(one["sizes"]) == [15, 25]
    assert other["silhouette"] == pytest.approx(one["silhouette"], rel=1e-9)


@few
@given(SEEDS)
def test_texts(analyse_columns: Analyse, seed: int) -> None:
    random = np.random.default_rng(seed)
    words = np.array(["good", "bad", "red", "green", "house", "garden", "it", "was"])
    texts = {"t": np.array([" ".join(random.choice(words, 6)) for _ in range(ROWS)])}
    for method, tables in (("keywords", ["keywords"]), ("sentiment", ["tones", "words"])):
        order = {"column": "t", "method": method, "stop_words": "none"}
        one, other = (analyse_columns("text", each, order) for each in (texts, permuted(texts, seed)))
        for name in tables:
            assert [row[0] for row in _cells(other, name)] == [row[0] for row in _cells(one, name)]
            assert np.concatenate(_numbers(other, name)) == pytest.approx(np.concatenate(_numbers(one, name)), rel=1e-9)


def _cells(result: dict[str, Any], name: str) -> list[list[Any]]:
    found: list[list[Any]] = next(table["rows"] for table in result["tables"] if table["name"] == name)
    return found


def _numbers(result: dict[str, Any], name: str) -> list[Any]:
    return [np.array([cell for cell in row if isinstance(cell, float)]) for row in _cells(result, name)]
