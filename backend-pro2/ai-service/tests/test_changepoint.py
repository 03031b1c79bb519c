"""Changes of level: the Nile, the optimum by exhaustive search, invariances, and what is no series."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.datasets import nile

from shared.compute import ComputeError

from ..app.engines import changepoint
from ..app.engines.changepoint import Sums, binary_segmentation, pelt
from .support import Analyse

RANDOM = np.random.default_rng(3)
STEPS = np.concatenate([np.zeros(40), np.full(30, 6.0), np.full(50, 2.0)]) + RANDOM.normal(size=120)


def segments(result: dict[str, Any]) -> list[dict[str, Any]]:
    table = result["tables"][0]
    assert table["name"] == "segments"
    return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]


def optimum(values: Any, penalty: float, min_size: int) -> float:
    """Least cost by trying every end of the last segment: quadratic, without pruning."""
    n = len(values)
    best = np.full(n + 1, np.inf)
    best[0] = -penalty
    for end in range(min_size, n + 1):
        best[end] = min(
            best[start] + float(np.sum((values[start:end] - values[start:end].mean()) ** 2)) + penalty
            for start in range(end - min_size + 1)
        )
    return float(best[n])


def cost(values: Any, ends: list[int], penalty: float) -> float:
    parts = np.split(values, ends[:-1])
    return float(sum(np.sum((part - part.mean()) ** 2) for part in parts)) + penalty * (len(parts) - 1)


def test_nile(analyse_columns: Analyse) -> None:
    # Cobb (1978, Biometrika 65, 243-251) dates the change to 1898; the means are those of the years before and after.
    data = nile.load_pandas().data
    columns = {"flow": data.volume.tolist(), "year": data.year.astype(int).tolist()}
    result = analyse_columns("changepoint", columns, {"column": "flow", "time": "year"})
    first, second = segments(result)
    assert (first["start"], first["end"], first["n"]) == (1871, 1898, 28)
    assert (second["start"], second["end"], second["n"]) == (1899, 1970, 72)
    assert first["mean"] == 1097.75
    assert second["mean"] == pytest.approx(849.9722222222222, rel=1e-12)
    assert result["summary"]["change_points"] == [1899]
    assert result["summary"]["conclusion"] == "The level of flow has 1 change; the largest, from 1098 to 850."


@settings(max_examples=40, deadline=None)
@given(
    values=st.lists(st.integers(-5, 5), min_size=12, max_size=40),
    penalty=st.sampled_from([0.5, 2.0, 7.0]),
    min_size=st.integers(1, 6),
)
def test_pelt_finds_the_optimum(values: list[int], penalty: float, min_size: int) -> None:
    array = np.array(values, dtype=np.float64)
    ends = pelt(Sums.of(array), penalty, min_size)
    assert cost(array, ends, penalty) == pytest.approx(optimum(array, penalty, min_size), abs=1e-9)
    assert min(np.diff([0, *ends])) >= min_size


def test_both_methods_find_clear_steps(analyse_columns: Analyse) -> None:
    for method in ("pelt", "binary_segmentation"):
        result = analyse_columns("changepoint", {"x": STEPS}, {"column": "x", "method": method})
        assert result["summary"]["change_points"] == [40, 70]
        assert result["summary"]["method"] == method


@settings(max_examples=15, deadline=None)
@given(scale=st.sampled_from([-1e6, -1.0, 1e-6, 3.0]), shift=st.sampled_from([-1e4, 0.0, 7.0]))
def test_unit_and_origin_do_not_matter(scale: float, shift: float) -> None:
    def ends(values: Any) -> list[int]:
        scaled = (values - np.median(values)) / changepoint._sigma(values)
        return pelt(Sums.of(scaled), 2 * np.log(len(values)), 5)

    assert ends((STEPS + shift) * scale) == ends(STEPS)
    assert ends(STEPS[::-1]) == [50, 80, 120]


def test_order_of_rows_does_not_matter_but_time_does(analyse_columns: Analyse) -> None:
    shuffled = RANDOM.permutation(120)
    columns = {"x": STEPS[shuffled], "t": shuffled}
    found = analyse_columns("changepoint", columns, {"column": "x", "time": "t"})
    sorted_ones = analyse_columns("changepoint", {"x": STEPS, "t": np.arange(120)}, {"column": "x", "time": "t"})
    assert found["tables"] == sorted_ones["tables"]
    assert found["charts"] == sorted_ones["charts"]


def test_no_change_in_noise_and_exact_levels(analyse_columns: Analyse) -> None:
    assert analyse_columns("changepoint", {"x": RANDOM.normal(size=300)}, {"column": "x"})["summary"]["changes"] == 0
    levels = [0.0] * 20 + [5.0] * 20
    result = analyse_columns("changepoint", {"x": levels}, {"column": "x"})
    assert [(row["n"], row["mean"]) for row in segments(result)] == [(20, 0.0), (20, 5.0)]
    assert result["summary"]["assumptions"][0]["holds"] is None


def test_missing_values_and_drift_are_told(analyse_columns: Analyse) -> None:
    walk = np.cumsum(RANDOM.normal(size=200)).tolist()
    result = analyse_columns("changepoint", {"x": [*walk, None, float("inf")]}, {"column": "x", "min_size": 50})
    assert result["summary"]["n"] == 200
    assert [warning["code"] for warning in result["warnings"]] == ["missing_values", "autocorrelated"]


def test_long_series_are_segmented_approximately(analyse_columns: Analyse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changepoint, "EXACT_AT_MOST", 100)
    monkeypatch.setattr(changepoint, "SEGMENTS_AT_MOST", 2)
    result = analyse_columns("changepoint", {"x": STEPS}, {"column": "x"})
    assert len(segments(result)) == 2
    assert [warning["code"] for warning in result["warnings"]][:2] == ["approximate", "segments_cut"]
    with pytest.raises(ComputeError) as caught:
        analyse_columns("changepoint", {"x": STEPS}, {"column": "x", "method": "pelt"})
    assert caught.value.code == "too_many_rows"


def test_binary_segmentation_respects_the_least_size() -> None:
    values = np.array([0.0, 9.0] * 10)
    assert min(np.diff([0, *binary_segmentation(Sums.of(values), 0.1, 4)])) >= 4


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ([1.0] * 20, "constant_column"),
        ([float("nan")] * 20, "too_few_rows"),
        ([1.0, 2.0] * 4, "too_few_rows"),
        (["a"] * 20, "not_numeric"),
        ([1e200, 2.0] * 10, "out_of_range"),
    ],
)
def test_faults(analyse_columns: Analyse, values: list[object], code: str) -> None:
    with pytest.raises(ComputeError) as caught:
        analyse_columns("changepoint", {"x": values}, {"column": "x"})
    assert caught.value.code == code
