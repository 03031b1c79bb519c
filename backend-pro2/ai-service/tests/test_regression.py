"""Least squares against certified values, coding of categories, and the faults of a design."""

import math
from typing import Any, ClassVar

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.outliers_influence import OLSInfluence, variance_inflation_factor

from shared.compute import ComputeError

from .nist import LONGLEY, LONGLEY_CERTIFIED, NORRIS
from .support import Analyse


def table(result: dict[str, Any], name: str) -> dict[str, dict[str, Any]]:
    """A result's table as records, keyed by their first cell."""
    found = next(table for table in result["tables"] if table["name"] == name)
    return {row[0]: dict(zip(found["columns"], row, strict=True)) for row in found["rows"]}


def digits(computed: float, certified: float) -> float:
    """Correct significant digits (log relative error), 15 at most."""
    error = abs(computed - certified) / abs(certified)
    return 15.0 if error == 0 else min(15.0, -math.log10(error))


def codes(result: dict[str, Any]) -> list[str]:
    return [warning["code"] for warning in result["warnings"]]


class TestCertifiedValues:
    def test_norris(self, analyse_columns: Analyse) -> None:
        result = analyse_columns("regression", NORRIS, {"target": "y", "features": ["x"]})
        coefficients = table(result, "coefficients")
        assert digits(coefficients["const"]["estimate"], -0.262323073774029) > 11
        assert digits(coefficients["x"]["estimate"], 1.00211681802045) > 13
        assert digits(coefficients["const"]["std_error"], 0.232818234301152) > 12
        assert digits(coefficients["x"]["std_error"], 0.429796848199937e-03) > 12
        assert digits(result["summary"]["r2"], 0.999993745883712) > 13
        assert digits(result["summary"]["residual_std_error"], 0.884796396144373) > 12
        assert digits(result["summary"]["f_statistic"], 5436385.54079785) > 9

    def test_longley(self, analyse_columns: Analyse) -> None:
        features = [name for name in LONGLEY if name != "employed"]
        result = analyse_columns("regression", LONGLEY, {"target": "employed", "features": features})
        for term, (estimate, error) in LONGLEY_CERTIFIED.items():
            row = table(result, "coefficients")[term]
            assert digits(row["estimate"], estimate) > 10, term
            assert digits(row["std_error"], error) > 11, term
        assert digits(result["summary"]["r2"], 0.995479004577296) > 13
        assert digits(result["summary"]["residual_std_error"], 304.854073561965) > 10
        assert digits(result["summary"]["f_statistic"], 330.285339234588) > 9

    def test_wampler_polynomial_of_fifth_degree(self, analyse_columns: Analyse) -> None:
        # NIST StRD "Wampler2": y is the polynomial with coefficients 1, 0.1, …, 1e-5, without error.
        x = np.arange(21.0)
        columns = {f"x{power}": x**power for power in range(1, 6)}
        y = sum((0.1**power * x**power for power in range(6)), np.zeros(21))
        result = analyse_columns("regression", columns | {"y": y}, {"target": "y", "features": list(columns)})
        for power, row in enumerate(table(result, "coefficients").values()):
            assert digits(row["estimate"], 0.1**power) > 11
        assert "perfect_fit" in codes(result)

    def test_diabetes(self, analyse_columns: Analyse) -> None:
        frame = load_diabetes(as_frame=True).frame
        features = [name for name in frame if name != "target"]
        result = analyse_columns("regression", frame.to_dict("list"), {"target": "target", "features": features})
        summary = result["summary"]
        assert (summary["n"], summary["df_model"], summary["df_residual"]) == (442, 10, 431)
        assert summary["r2"] == pytest.approx(0.517748, abs=5e-7)
        assert summary["adj_r2"] == pytest.approx(0.506559, abs=5e-7)
        assert summary["residual_std_error"] ** 2 * 431 / 442 == pytest.approx(2859.696, abs=5e-4)
        assert [chart["title"] for chart in result["charts"]] == [
            "Coefficients for target",
            "Residuals against fitted values",
            "Normal quantiles of the residuals",
        ]


class TestDiagnostics:
    def test_agree_with_statsmodels_own(self, analyse_columns: Analyse) -> None:
        frame = load_diabetes(as_frame=True, scaled=False).frame
        features = ["age", "bmi", "bp", "s5"]
        result = analyse_columns("regression", frame.to_dict("list"), {"target": "target", "features": features})
        diagnostics = table(result, "diagnostics")
        exog = np.column_stack([np.ones(len(frame)), frame[features]])
        fit = OLS(frame["target"].to_numpy(), exog).fit()
        cooks = OLSInfluence(fit).cooks_distance[0]
        factors = [variance_inflation_factor(exog, column) for column in range(1, 5)]
        assert diagnostics["max_cooks_distance"]["statistic"] == pytest.approx(cooks.max())
        assert f"row {cooks.argmax()} " in diagnostics["max_cooks_distance"]["conclusion"]
        assert diagnostics["max_vif"]["statistic"] == pytest.approx(max(factors))
        assert all(row["source"] and row["conclusion"].endswith(".") for row in diagnostics.values())

    def test_name_what_is_violated(self, analyse_columns: Analyse) -> None:
        random = np.random.default_rng(3)
        x = np.linspace(1, 100, 300)
        walk = np.cumsum(random.normal(size=300)) + x * random.exponential(size=300)
        result = analyse_columns("regression", {"x": x, "y": walk}, {"target": "y", "features": ["x"]})
        diagnostics = table(result, "diagnostics")
        assert diagnostics["jarque_bera"]["conclusion"] == "The residuals are not normal (p < 0.05)."
        assert diagnostics["breusch_pagan"]["p_value"] < 0.05
        assert diagnostics["durbin_watson"]["p_value"] is None


class TestCoding:
    COLUMNS: ClassVar[dict[str, list[Any]]] = {
        "y": [1.0, 2.0, 3.5, 4.0, 5.5, 6.0, 7.5, 9.0],
        "x": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 7.0],
        "group": ["b", "c", "a", "b", "c", "a", "b", "a"],
        "flag": [True, False, True, True, False, False, True, False],
    }

    def test_first_level_is_the_reference(self, analyse_columns: Analyse) -> None:
        result = analyse_columns("regression", self.COLUMNS, {"target": "y", "features": ["x", "group", "flag"]})
        assert list(table(result, "coefficients")) == ["const", "x", "group[b]", "group[c]", "flag"]
        assert "categorical_coded" in codes(result)
        assert "compares one level with 'a'" in result["warnings"][0]["message"]

    def test_missing_values_are_dropped_and_counted(self, analyse_columns: Analyse) -> None:
        columns = {
            "y": [*self.COLUMNS["y"], None, 1.0, float("inf")],
            "x": [*self.COLUMNS["x"], 1.0, float("nan"), 2.0],
            "group": [*self.COLUMNS["group"], "a", "b", "c"],
        }
        result = analyse_columns("regression", columns, {"target": "y", "features": ["x", "group"]})
        assert (result["summary"]["n"], result["summary"]["dropped_rows"]) == (8, 3)
        assert "rows_dropped" in codes(result)

    def test_without_intercept(self, analyse_columns: Analyse) -> None:
        result = analyse_columns("regression", self.COLUMNS, {"target": "y", "features": ["x"], "intercept": False})
        x, y = np.array(self.COLUMNS["x"]), np.array(self.COLUMNS["y"])
        slope = table(result, "coefficients")
        assert list(slope) == ["x"]
        assert slope["x"]["estimate"] == pytest.approx(float(x @ y) / float(x @ x))
        assert "uncentred_r2" in codes(result)

    def test_alpha_sets_the_width_of_intervals(self, analyse_columns: Analyse) -> None:
        parameters = {"target": "y", "features": ["x"]}
        wide = table(analyse_columns("regression", self.COLUMNS, parameters | {"alpha": 0.01}), "coefficients")["x"]
        narrow = table(analyse_columns("regression", self.COLUMNS, parameters | {"alpha": 0.2}), "coefficients")["x"]
        assert wide["ci_low"] < narrow["ci_low"] < narrow["estimate"] < narrow["ci_high"] < wide["ci_high"]


RANDOM = np.random.default_rng(1).normal(size=(20, 3))
FAULTS = [
    pytest.param({"y": RANDOM[:, 0], "x": [7.0] * 20}, ["x"], "constant_column", "'x'", id="constant feature"),
    pytest.param({"y": [7.0] * 20, "x": RANDOM[:, 0]}, ["x"], "constant_column", "'y'", id="constant target"),
    pytest.param({"y": RANDOM[:, 0], "x": ["a"] * 20}, ["x"], "constant_column", "'x'", id="one level"),
    pytest.param(
        {"y": RANDOM[:, 0], "a": RANDOM[:, 1], "b": RANDOM[:, 2], "c": RANDOM[:, 1] - 2 * RANDOM[:, 2]},
        ["a", "b", "c"],
        "singular_design",
        "'c' is an exact linear combination of 'a', 'b'",
        id="sum of others",
    ),
    pytest.param(
        {"y": RANDOM[:, 0], "celsius": RANDOM[:, 1], "fahrenheit": RANDOM[:, 1] * 1.8 + 32},
        ["celsius", "fahrenheit"],
        "singular_design",
        "'fahrenheit' is an exact linear combination of 'const', 'celsius'",
        id="other unit",
    ),
    pytest.param(
        {"y": [1.0, 2.0, 4.0], "a": [1.0, 3.0, 2.0], "b": [2.0, 1.0, 5.0]},
        ["a", "b"],
        "too_few_rows",
        "3 of 3 rows are complete, but this model needs at least 4 (it has 3 coefficients)",
        id="fewer rows than coefficients",
    ),
    pytest.param({"y": [None, 1.0], "x": [1.0, None]}, ["x"], "too_few_rows", "0 of 2 rows", id="no complete row"),
    pytest.param({"y": RANDOM[:, 0], "x": RANDOM[:, 1] * 1e200}, ["x"], "out_of_range", "'x' is", id="huge feature"),
    pytest.param({"y": RANDOM[:, 0] * 1e-90, "x": RANDOM[:, 1]}, ["x"], "out_of_range", "'y' is", id="tiny target"),
    pytest.param({"y": list("abcd"), "x": [1, 2, 3, 4]}, ["x"], "not_numeric", "'y' (target)", id="text as target"),
    pytest.param({"y": [1, 2], "price": [1, 2]}, ["prise"], "column_not_found", "Did you mean 'price'?", id="typo"),
    pytest.param(
        {"y": np.arange(200.0), "x": [f"level {i}" for i in range(200)]}, ["x"], "too_many_levels", "200", id="levels"
    ),
]


@pytest.mark.parametrize(("columns", "features", "code", "detail"), FAULTS)
def test_faults(
    analyse_columns: Analyse, columns: dict[str, list[object]], features: list[str], code: str, detail: str
) -> None:
    with pytest.raises(ComputeError) as caught:
        analyse_columns("regression", columns, {"target": "y", "features": features})
    assert caught.value.code == code
    assert detail in caught.value.detail


@pytest.mark.parametrize("intercept", [True, False])
def test_a_feature_called_as_the_intercept_is_one_like_any_other(analyse_columns: Analyse, intercept: bool) -> None:
    fits = [
        analyse_columns(
            "regression",
            {"y": RANDOM[:, 0], name: RANDOM[:, 1], "b": RANDOM[:, 2]},
            {"target": "y", "features": [name, "b"], "intercept": intercept},
        )
        for name in ("const", "a")
    ]
    assert fits[0]["summary"] == fits[1]["summary"]
    terms = [row[0] for row in fits[0]["tables"][0]["rows"]]
    assert terms == (["const", "const_2", "b"] if intercept else ["const", "b"])


def test_complementary_flags_without_intercept_are_no_fault(analyse_columns: Analyse) -> None:
    flags = np.arange(20) % 2 == 0
    columns = {"y": RANDOM[:, 0], "even": flags, "odd": ~flags}
    parameters = {"target": "y", "features": ["even", "odd"], "intercept": False}
    assert analyse_columns("regression", columns, parameters)["summary"]["n"] == 20
