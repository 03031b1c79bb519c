"""Correlation: agreement with SciPy, pairwise deletion, and columns that correlate with nothing."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from shared.compute import ComputeError

from .support import Analyse


def matrix(result: dict[str, Any], name: str) -> dict[str, dict[str, Any]]:
    found = next(table for table in result["tables"] if table["name"] == name)
    assert found["columns"][0] == "column"
    return {row[0]: dict(zip(found["columns"][1:], row[1:], strict=True)) for row in found["rows"]}


RANDOM = np.random.default_rng(2)
X = RANDOM.normal(size=50)
COLUMNS = {"x": X, "y": X + RANDOM.normal(size=50), "z": np.round(RANDOM.normal(size=50), 1), "label": ["a", "b"] * 25}


class TestMethods:
    def test_anscombe(self, analyse_columns: Analyse) -> None:
        # Anscombe (1973), first set: the correlation is 0.81642051634484.
        x = [10.0, 8.0, 13.0, 9.0, 11.0, 14.0, 6.0, 4.0, 12.0, 7.0, 5.0]
        y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68]
        result = analyse_columns("correlation", {"x": x, "y": y}, {})
        assert matrix(result, "coefficients")["x"]["y"] == pytest.approx(0.81642051634484, rel=1e-12)
        assert matrix(result, "p_values")["x"]["y"] == pytest.approx(0.00216962887307879, rel=1e-9)

    @pytest.mark.parametrize(
        ("method", "test"), [("pearson", stats.pearsonr), ("spearman", stats.spearmanr), ("kendall", stats.kendalltau)]
    )
    def test_agree_with_scipy(self, analyse_columns: Analyse, method: str, test: Any) -> None:
        result = analyse_columns("correlation", COLUMNS, {"method": method})
        expected, p_value = test(COLUMNS["x"], COLUMNS["z"])
        assert matrix(result, "coefficients")["z"]["x"] == pytest.approx(expected)
        assert matrix(result, "p_values")["x"]["z"] == pytest.approx(p_value)
        assert matrix(result, "coefficients")["y"]["y"] == 1.0
        assert list(matrix(result, "coefficients")) == ["x", "y", "z"]
        assert result["summary"]["strongest"]["columns"] == ["x", "y"]


def test_missing_values_are_dropped_pair_by_pair(analyse_columns: Analyse) -> None:
    columns = {
        "a": [1.0, 2.0, 3.0, 4.0, None, 6.0],
        "b": [2.0, 1.0, 4.0, 3.0, 5.0, 6.0],
        "c": [1.0, 1.0, None, 2.0, 3.0, 5.0],
    }
    result = analyse_columns("correlation", columns, {})
    counts = matrix(result, "counts")
    assert (counts["a"]["b"], counts["a"]["c"], counts["b"]["c"], counts["b"]["b"]) == (5, 4, 5, 6)
    assert matrix(result, "coefficients")["a"]["b"] == pytest.approx(
        stats.pearsonr([1, 2, 3, 4, 6], [2, 1, 4, 3, 6])[0]
    )
    assert result["summary"]["missing"] == {"a": 1, "b": 0, "c": 1}
    assert [warning["code"] for warning in result["warnings"]] == ["missing_values", "tiny_sample"]


def test_a_constant_column_has_no_coefficient(analyse_columns: Analyse) -> None:
    result = analyse_columns("correlation", {"a": [1.0, 2.0, 3.0], "b": [5.0, 5.0, 5.0]}, {})
    assert matrix(result, "coefficients")["a"]["b"] is None
    assert matrix(result, "p_values")["b"]["b"] is None
    assert result["summary"]["strongest"] is None
    assert [warning["code"] for warning in result["warnings"]] == ["constant_column", "tiny_sample"]


def test_two_rows_say_nothing(analyse_columns: Analyse) -> None:
    result = analyse_columns("correlation", {"a": [1.0, 2.0], "b": [5.0, 7.0]}, {})
    assert matrix(result, "coefficients")["a"]["b"] is None


def test_heat_map_is_bounded(analyse_columns: Analyse) -> None:
    columns = {f"c{i}": RANDOM.normal(size=5) for i in range(60)}
    result = analyse_columns("correlation", columns, {})
    assert len(result["charts"][0]["spec"]["data"]["values"]) == 2500
    assert result["charts"][0]["spec"]["title"]["subtitle"] == "The first 50 of 60 columns."


@pytest.mark.parametrize(
    ("columns", "parameters", "code"),
    [
        ({"a": [1.0], "b": ["x"]}, {}, "too_few_columns"),
        ({f"c{i}": [1.0] for i in range(101)}, {}, "too_many_columns"),
        ({"a": [1.0], "b": ["x"]}, {"columns": ["a", "b"]}, "not_numeric"),
        ({"a": [1.0], "b": [2.0]}, {"columns": ["a", "c"]}, "column_not_found"),
    ],
)
def test_faults(
    analyse_columns: Analyse, columns: dict[str, list[object]], parameters: dict[str, Any], code: str
) -> None:
    with pytest.raises(ComputeError) as caught:
        analyse_columns("correlation", columns, parameters)
    assert caught.value.code == code
