"""Cramér's V, partial correlation and intervals, against published values and independent formulas."""

import numpy as np
import pytest
from scipy import stats
from scipy.stats import contingency
from statsmodels.regression.linear_model import OLS

from shared.compute import ComputeError

from .nist import LONGLEY
from .support import Analyse
from .test_correlation import matrix

RANDOM = np.random.default_rng(5)
# R's HairEyeColor (Snee 1974), both sexes: hair black, brown, red, blond by eyes brown, blue, hazel, green.
HAIR_EYES = np.array([[68, 20, 15, 5], [119, 84, 54, 29], [26, 17, 14, 14], [7, 94, 10, 16]])


def unfolded(counts: np.ndarray[tuple[int, int], np.dtype[np.int64]]) -> dict[str, list[str]]:
    cells = [(i, j) for i, j in np.ndindex(*counts.shape) for _ in range(counts[i, j])]
    return {"first": [f"r{i}" for i, _ in cells], "second": [f"c{j}" for _, j in cells]}


class TestCramersV:
    def test_hair_and_eyes(self, analyse_columns: Analyse) -> None:
        # By SciPy's chi2_contingency: 138.28984 with 9 degrees of freedom, so V = sqrt(138.28984 / (3 * 592)) = 0.279.
        result = analyse_columns("correlation", unfolded(HAIR_EYES), {"method": "cramers_v"})
        table = next(table for table in result["tables"] if table["name"] == "intervals")
        row = dict(zip(table["columns"], table["rows"][0], strict=True))
        assert (row["chi_square"], row["df"], row["n"]) == (pytest.approx(138.29, abs=5e-3), 9, 592)
        assert row["coefficient"] == pytest.approx(0.279, abs=5e-4)
        assert row["ci_low"] < row["bias_corrected"] < row["coefficient"] < row["ci_high"]
        assert row["p_value"] == pytest.approx(stats.chi2.sf(row["chi_square"], 9), rel=1e-10)
        assert matrix(result, "coefficients")["second"]["first"] == row["coefficient"]
        assert matrix(result, "coefficients")["first"]["first"] == 1.0
        assert matrix(result, "p_values")["first"]["second"] == row["p_value"]

    def test_correction_takes_the_bias(self, analyse_columns: Analyse) -> None:
        data = {"a": RANDOM.integers(0, 8, 60), "b": RANDOM.integers(0, 8, 60)}
        result = analyse_columns("correlation", data, {"method": "cramers_v", "columns": ["a", "b"]})
        plain = contingency.association(contingency.crosstab(data["a"], data["b"]).count, method="cramer")
        assert matrix(result, "coefficients")["a"]["b"] == pytest.approx(plain)
        # Bergsma (2013), by his formulas.
        phi2 = max(plain**2 * 7 - 49 / 59, 0.0)
        assert matrix(result, "bias_corrected")["a"]["b"] == pytest.approx(np.sqrt(phi2 / (8 - 49 / 59 - 1)))
        assert "small_counts" in [warning["code"] for warning in result["warnings"]]

    def test_one_level_and_missing_values(self, analyse_columns: Analyse) -> None:
        data = {"a": ["x"] * 6, "b": ["u", "v", None, "u", "v", "v"], "c": [True, False] * 3}
        result = analyse_columns("correlation", data, {"method": "cramers_v"})
        assert matrix(result, "coefficients")["a"]["b"] is None
        assert matrix(result, "counts")["b"]["c"] == 5
        assert [warning["code"] for warning in result["warnings"]][:2] == ["missing_values", "constant_column"]

    def test_a_million_classes(self, analyse_columns: Analyse) -> None:
        with pytest.raises(ComputeError, match="at most 1000"):
            analyse_columns("correlation", {"a": [f"{i}" for i in range(2000)], "b": ["x", "y"] * 1000},
                            {"method": "cramers_v"})  # fmt: skip


class TestPartial:
    def test_residuals_of_a_regression(self, analyse_columns: Analyse) -> None:
        parameters = {"method": "partial", "columns": ["employed", "gnp", "forces"], "controls": ["year", "population"]}
        result = analyse_columns("correlation", LONGLEY, parameters)
        # The t statistic of gnp in a regression on it and the controls has the same degrees of freedom and p-value.
        features = ["gnp", "year", "population"]
        design = np.column_stack([np.ones(16), *(LONGLEY[name] for name in features)])
        fit = OLS(LONGLEY["employed"], design).fit()
        t = fit.tvalues[1]
        expected = t / np.sqrt(t**2 + fit.df_resid)
        assert matrix(result, "coefficients")["employed"]["gnp"] == pytest.approx(expected, rel=1e-7)
        assert matrix(result, "p_values")["employed"]["gnp"] == pytest.approx(fit.pvalues[1], rel=1e-6)

    def test_nothing_is_left_of_what_is_held_fixed(self, analyse_columns: Analyse) -> None:
        x = RANDOM.normal(size=30)
        data = {"a": RANDOM.normal(size=30), "b": 3 * x + 1, "x": x}
        result = analyse_columns("correlation", data, {"method": "partial", "controls": ["x"]})
        assert matrix(result, "coefficients")["a"]["b"] is None
        assert matrix(result, "p_values")["a"]["b"] is None

    @pytest.mark.parametrize(
        ("rows", "control", "code"), [(3, [1.0, 2, 4], "too_few_rows"), (6, [2.0] * 6, "singular_design")]
    )
    def test_faults(self, analyse_columns: Analyse, rows: int, control: list[float], code: str) -> None:
        data = {"a": RANDOM.normal(size=rows), "b": RANDOM.normal(size=rows), "x": control}
        with pytest.raises(ComputeError) as caught:
            analyse_columns("correlation", data, {"method": "partial", "controls": ["x"]})
        assert caught.value.code == code


def test_interval_of_pearson_is_scipys(analyse_columns: Analyse) -> None:
    x = RANDOM.normal(size=40)
    y = x + RANDOM.normal(size=40)
    result = analyse_columns("correlation", {"x": x, "y": y}, {"alpha": 0.1})
    table = next(table for table in result["tables"] if table["name"] == "intervals")
    expected = stats.pearsonr(x, y).confidence_interval(0.9)
    assert table["rows"][0][3:] == pytest.approx([expected.low, expected.high])
