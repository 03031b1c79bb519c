"""Drift, against an independent computation."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import stats

from ..app.engines.quality.drift import chi_square, drift, jensen_shannon, overall, psi
from .conftest import quiet

Columns = dict[str, list[Any]]


@pytest.fixture
def compare(tmp_path: Path) -> Any:
    def run(before: Columns, after: Columns, *columns: str) -> dict[str, Any]:
        for side, values in (("before", before), ("after", after)):
            pq.write_table(pa.table(values), tmp_path / side)
        paths = {"reference": str(tmp_path / "before"), "other": str(tmp_path / "after")}
        return drift(
            {**paths, "columns": list(columns), "scratch": str(tmp_path), "memory_mb": 512, "threads": 1}, quiet
        )

    return run


def column(answer: dict[str, Any], name: str = "x") -> dict[str, Any]:
    found: dict[str, Any] = next(column for column in answer["columns"] if column["name"] == name)
    return found


def test_equal_versions_are_stable(compare: Any) -> None:
    values: Columns = {"x": list(range(100)), "s": ["a", "b"] * 50, "b": [True, None] * 50}
    answer = compare(values, values)
    assert (answer["verdict"], [entry["psi"] for entry in answer["columns"]]) == ("stable", [0.0, 0.0, 0.0])
    assert column(answer)["ks_statistic"] == 0
    assert column(answer)["p_value"] == 1


def test_numbers_as_scipy_has_them(compare: Any) -> None:
    random = np.random.default_rng(7)
    before, after = random.normal(0, 1, 1500), random.normal(0.4, 1.2, 900)
    found = column(compare({"x": before.tolist()}, {"x": after.tolist()}))
    expected = stats.ks_2samp(before, after, method="asymp")
    assert found["ks_statistic"] == pytest.approx(expected.statistic, abs=1e-12)
    assert found["p_value"] == pytest.approx(stats.kstwobign.sf(expected.statistic * np.sqrt(1500 * 900 / 2400)))
    assert sum(entry["from"] for entry in found["bins"]) == 1500
    assert found["verdict"] == "moderate" if found["psi"] < 0.25 else "major"


def test_ties_count_once(compare: Any) -> None:
    before, after = [1, 1, 1, 2, 3, 3], [1, 2, 2, 2, 2, 3]
    found = column(compare({"x": before}, {"x": after}))
    assert found["ks_statistic"] == pytest.approx(stats.ks_2samp(before, after).statistic)


def test_categories_as_scipy_has_them(compare: Any) -> None:
    before, after = ["a"] * 60 + ["b"] * 30 + ["c"] * 10, ["a"] * 30 + ["b"] * 30 + ["d"] * 40
    found = column(compare({"x": before}, {"x": after}))
    expected = stats.chi2_contingency([[60, 30, 10, 0], [30, 30, 0, 40]], correction=False)
    assert (found["chi_square"], found["p_value"]) == pytest.approx((expected.statistic, expected.pvalue))
    assert (found["bins"][-1], found["verdict"]) == ({"bin": "other values", "from": 0, "to": 40}, "major")


def test_measures_by_hand() -> None:
    assert psi([50, 50], [60, 40]) == pytest.approx(0.1 * np.log(1.2) - 0.1 * np.log(0.8))
    assert jensen_shannon([1, 0], [0, 1]) == pytest.approx(1)
    assert jensen_shannon([3, 7], [3, 7]) == pytest.approx(0)
    assert chi_square([5], [9]) is None
    assert overall(["stable", "moderate"]) == "moderate"


def test_missing_values_are_drift(compare: Any) -> None:
    found = column(compare({"x": [1, 2, 3, 4] * 10}, {"x": [1, 2, None, None] * 10}))
    assert (found["nulls_from"], found["nulls_to"], found["verdict"]) == (0, 0.5, "major")


def test_what_cannot_be_compared(compare: Any) -> None:
    answer = compare({"x": [1], "a": [1], "t": ["q"]}, {"x": ["1"], "t": ["q"], "n": [2.5]})
    assert (answer["columns_added"], answer["columns_removed"]) == (["n"], ["a"])
    assert (answer["columns_not_compared"], [entry["name"] for entry in answer["columns"]]) == (["x"], ["t"])


@pytest.mark.parametrize("empty", [[None, None], []])
def test_without_values(compare: Any, empty: list[None]) -> None:
    found = column(compare({"x": pa.array([1.5, 2.5])}, {"x": pa.array(empty, pa.float64())}))
    assert (found["psi"], found["ks_statistic"], found["p_value"]) == (None, None, None)


def test_names_that_need_quotes(compare: Any) -> None:
    name = "a \"b\" 'c'"
    assert column(compare({name: ["x"]}, {name: ["y"]}), name)["jensen_shannon"] == 1
