"""Hypothesis tests against published examples, their invariances, and what they refuse."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from shared.compute import ComputeError

from ..app.engines import intervals
from ..app.schemas.tests_parameters import HypothesisTestParameters
from .support import Analyse

# Student (1908), R's data set `sleep`; results as its examples of t.test print them (R, tests/Examples).
DRUG1 = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
DRUG2 = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
# Henderson and Velleman (1981), R's data set `mtcars`.
MPG = [
    21, 21, 22.8, 21.4, 18.7, 18.1, 14.3, 24.4, 22.8, 19.2, 17.8, 16.4, 17.3, 15.2, 10.4, 10.4, 14.7, 32.4, 30.4, 33.9,
    21.5, 15.5, 15.2, 13.3, 19.2, 27.3, 26, 30.4, 15.8, 19.7, 15, 21.4,
]  # fmt: skip
MANUAL = [1, 1, 1, *[0] * 14, 1, 1, 1, *[0] * 5, *[1] * 7]
CARS = {"mpg": MPG, "am": MANUAL}
# Hollander and Wolfe (1973), pages 29 and 69, the examples of R's wilcox.test.
DEPRESSION = {
    "before": [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30],
    "after": [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29],
}
PERMEABILITY: dict[str, list[Any]] = {
    "value": [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46, 1.15, 0.88, 0.90, 0.74, 1.21],
    "term": ["at"] * 10 + ["early"] * 5,
}


@pytest.fixture
def run(analyse_columns: Analyse) -> Any:
    def call(columns: Any, method: str, **parameters: Any) -> dict[str, Any]:
        summary: dict[str, Any] = analyse_columns("hypothesis-test", columns, {"method": method, **parameters})[
            "summary"
        ]
        return summary

    return call


class TestMeans:
    def test_sleep(self, run: Any) -> None:
        data = {"one": DRUG1, "two": DRUG2}
        welch = run(data, "welch_t", column="one", column2="two")
        assert welch["statistic"] == pytest.approx(-1.8608, abs=5e-5)
        assert welch["df"] == pytest.approx(17.776, abs=5e-4)
        assert welch["p_value"] == pytest.approx(0.07939, abs=5e-6)
        assert (welch["ci_low"], welch["ci_high"]) == pytest.approx((-3.3654832, 0.2054832), abs=5e-8)
        paired = run(data, "paired_t", column="one", column2="two")
        assert (paired["statistic"], paired["df"]) == pytest.approx((-4.0621, 9), abs=5e-5)
        assert paired["p_value"] == pytest.approx(0.002833, abs=5e-7)
        assert (paired["ci_low"], paired["ci_high"]) == pytest.approx((-2.4598858, -0.7001142), abs=5e-8)
        student = run(data, "two_sample_t", column="one", column2="two")
        assert (student["df"], student["p_value"]) == pytest.approx((18, 0.07919), abs=5e-6)

    def test_cars(self, run: Any) -> None:
        welch = run(CARS, "welch_t", column="mpg", group="am")
        # t.test(mpg ~ am, data = mtcars) in R's examples (tests/Examples/stats-Ex.Rout.save).
        assert (welch["statistic"], welch["df"]) == pytest.approx((-3.7671, 18.332), abs=5e-4)
        assert welch["p_value"] == pytest.approx(0.001374, abs=5e-7)
        assert (welch["ci_low"], welch["ci_high"]) == pytest.approx((-11.280194, -3.209684), abs=5e-7)
        # Ben-Shachar et al. (2020), effectsize: cohens_d(mpg ~ am, data = mtcars) is -1.48 [-2.27, -0.67].
        effect = run(CARS, "two_sample_t", column="mpg", group="am")["effect_size"]
        found = (effect["value"], effect["ci_low"], effect["ci_high"])
        assert found == pytest.approx((-1.48, -2.27, -0.67), abs=5e-3)

    @pytest.mark.parametrize("alternative", ["two-sided", "less", "greater"])
    def test_one_sample_as_scipy_has_it(self, run: Any, alternative: Any) -> None:
        found = run({"x": MPG}, "one_sample_t", column="x", mu=18, alternative=alternative)
        expected = stats.ttest_1samp(MPG, 18, alternative=alternative)
        assert found["statistic"] == pytest.approx(expected.statistic, rel=1e-12)
        assert found["p_value"] == pytest.approx(expected.pvalue, rel=1e-10)

    def test_effects_limits_are_quantiles_of_the_noncentral_t(self, run: Any) -> None:
        found = run({"x": MPG}, "one_sample_t", column="x", mu=18, alpha=0.1)
        effect, n = found["effect_size"], len(MPG)
        for limit, probability in ((effect["ci_low"], 0.95), (effect["ci_high"], 0.05)):
            assert stats.nct.cdf(found["statistic"], n - 1, limit * math.sqrt(n)) == pytest.approx(
                probability, abs=1e-9
            )

    def test_large_offsets_cost_no_digits(self, run: Any) -> None:
        small = np.array([0.25, 0.5, 1.0, 0.75, 0.125, 2.0])
        for method, more in (("one_sample_t", {"mu": 1e9}), ("welch_t", {"column2": "y"})):
            columns = {"x": small + 1e9, "y": small[::-1] * 2 + 1e9}
            near = {"x": small, "y": small[::-1] * 2}
            expected = run(near, method, column="x", **(more | ({"mu": 0} if "mu" in more else {})))
            assert run(columns, method, column="x", **more)["statistic"] == pytest.approx(
                expected["statistic"], rel=1e-13
            )

    def test_welch_is_student_where_variances_and_sizes_are_equal(self, run: Any) -> None:
        data = {"x": DRUG1, "y": [value + 3 for value in DRUG1]}
        welch, student = (run(data, method, column="x", column2="y") for method in ("welch_t", "two_sample_t"))
        for name in ("value", "ci_low", "ci_high"):
            assert welch["effect_size"][name] == pytest.approx(student["effect_size"][name], rel=1e-9)

    def test_hypothesised_difference(self, run: Any) -> None:
        data = {"one": DRUG1, "two": DRUG2}
        shifted = {"one": [value + 1.5 for value in DRUG1], "two": DRUG2}
        for method in ("welch_t", "two_sample_t", "paired_t", "wilcoxon", "mann_whitney"):
            plain = run(data, method, column="one", column2="two")
            moved = run(shifted, method, column="one", column2="two", mu=1.5)
            assert moved["p_value"] == pytest.approx(plain["p_value"], rel=1e-9), method


class TestRanks:
    def test_published(self, run: Any) -> None:
        signed = run(DEPRESSION, "wilcoxon", column="before", column2="after", alternative="greater")
        assert (signed["statistic"], signed["exact"]) == (40, True)
        assert signed["p_value"] == pytest.approx(0.01953, abs=5e-6)
        # With a tie, a zero and continuity correction, as SciPy's wilcoxon has it: p = 0.00909070.
        tied = run({"one": DRUG1, "two": DRUG2}, "wilcoxon", column="one", column2="two")
        assert (tied["statistic"], tied["exact"], tied["zero_differences"]) == (0, False, 1)
        assert tied["p_value"] == pytest.approx(0.009091, abs=5e-7)
        summed = run(PERMEABILITY, "mann_whitney", column="value", group="term", alternative="greater")
        assert (summed["statistic"], summed["exact"]) == (35, True)
        assert summed["p_value"] == pytest.approx(0.1272, abs=5e-5)
        assert summed["effect_size"]["value"] == pytest.approx(2 * 35 / 50 - 1)
        # With ties and continuity correction: wilcox.test(mpg ~ am, data = mtcars) at r-tutor.com, and SciPy.
        tied = run(CARS, "mann_whitney", column="mpg", group="am")
        assert (tied["statistic"], tied["exact"]) == (42, False)
        assert tied["p_value"] == pytest.approx(0.001871, abs=5e-7)

    def test_smirnov(self, run: Any) -> None:
        found = run(PERMEABILITY, "ks", column="value", group="term", alternative="greater")
        at, early = np.array(PERMEABILITY["value"][:10]), np.array(PERMEABILITY["value"][10:])
        # Values of the first sample are larger where its distribution function lies below.
        expected = max(float((early <= v).mean() - (at <= v).mean()) for v in (*at, *early))
        assert found["statistic"] == pytest.approx(expected)
        effect = found["effect_size"]
        assert 0 <= effect["ci_low"] <= effect["value"] <= effect["ci_high"] <= 1

    def test_separated_samples_keep_an_interval(self, run: Any) -> None:
        effect = run({"x": [1, 2, 3, 4, 5.0], "y": [6, 7, 8, 9, 10.0]}, "mann_whitney", column="x", column2="y")
        assert effect["effect_size"]["value"] == effect["effect_size"]["ci_low"] == -1
        assert -1 < effect["effect_size"]["ci_high"] < 0

    def test_interval_of_superiority_covers(self) -> None:
        rng, covered = np.random.default_rng(1), 0
        theta = float(stats.norm.cdf(0.8 / math.sqrt(2)))
        for _ in range(400):
            x, y = rng.normal(0.8, 1, (12, 1)), rng.normal(0, 1, 18)
            low, high = intervals.superiority(float((x > y).mean()), 12, 18, 0.05)
            covered += low <= theta <= high
        assert 0.92 <= covered / 400 <= 0.985


class TestDistributions:
    def test_shapiro(self, run: Any) -> None:
        # Shapiro and Wilk (1965), section 4: W is 0.79.
        weights = [148, 154, 158, 160, 161, 162, 166, 170, 182, 195, 236]
        found = run({"x": weights}, "shapiro", column="x")
        assert found["statistic"] == pytest.approx(0.79, abs=5e-3)
        assert found["p_value"] == pytest.approx(0.0067, abs=5e-5)
        assert "is not normally distributed" in found["conclusion"]

    def test_shapiro_of_many_rows_takes_a_sample(self, analyse_columns: Analyse) -> None:
        values = np.random.default_rng(0).normal(size=6000)
        result = analyse_columns("hypothesis-test", {"x": values}, {"method": "shapiro", "column": "x"})
        assert result["summary"]["n"] == 5000
        assert [warning["code"] for warning in result["warnings"]] == ["sampled"]

    def test_levene(self, run: Any) -> None:
        found = run(CARS, "levene", column="mpg", group="am")
        # Around medians (Brown and Forsythe 1974), as SciPy's levene has it; R was not run.
        assert found["df"] == [1, 30]
        assert found["statistic"] == pytest.approx(4.1876, abs=5e-5)
        assert found["p_value"] == pytest.approx(0.04957, abs=5e-6)


@settings(max_examples=15, deadline=None)
@given(st.floats(0, 60), st.integers(1, 200), st.floats(0.001, 0.5))
def test_limits_of_noncentral_t_enclose_and_mirror(t: float, df: int, alpha: float) -> None:
    low, high = intervals.noncentral_t(t, df, alpha)
    assert low < high
    assert stats.nct.cdf(t, df, low) == pytest.approx(1 - alpha / 2, abs=1e-6)
    assert intervals.noncentral_t(-t, df, alpha) == pytest.approx((-high, -low), abs=1e-9)


def test_limits_of_large_statistics_join_those_of_small_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = intervals.noncentral_t(95, 100, 0.05), intervals.noncentral_f(4e6, 2, 1000, 0.05)
    chi2 = intervals.noncentral_chi2(9e6, 4, 0.05)
    monkeypatch.setattr(intervals, "DIRECT_UP_TO", 0)
    monkeypatch.setattr(intervals, "LARGE", 0)
    assert intervals.noncentral_t(95, 100, 0.05) == pytest.approx(exact[0], rel=1e-6)
    assert intervals.noncentral_f(4e6, 2, 1000, 0.05) == pytest.approx(exact[1], rel=1e-4)
    assert intervals.noncentral_chi2(9e6, 4, 0.05) == pytest.approx(chi2, rel=1e-6)


@pytest.mark.parametrize("method", ["two_sample_t", "welch_t", "mann_whitney", "ks", "levene", "paired_t", "wilcoxon"])
def test_scale_shift_and_order_of_rows_change_nothing(run: Any, method: str) -> None:
    rng = np.random.default_rng(3)
    x, y = rng.integers(0, 64, 40).astype(float), rng.integers(5, 60, 40).astype(float)
    order = rng.permutation(40)
    first = run({"x": x, "y": y}, method, column="x", column2="y")
    second = run({"x": x[order] * 8 + 128, "y": y[order] * 8 + 128}, method, column="x", column2="y")
    for name in ("statistic", "p_value"):
        assert second[name] == pytest.approx(first[name], rel=1e-10)
    for name in ("value", "ci_low", "ci_high"):
        assert second["effect_size"][name] == pytest.approx(first["effect_size"][name], rel=1e-7)


def test_missing_and_infinite_values_are_dropped_and_told(analyse_columns: Analyse) -> None:
    columns = {"x": [*DRUG1, None, math.inf, math.nan], "y": [*DRUG2, 1.0, 2.0, 3.0]}
    result = analyse_columns("hypothesis-test", columns, {"method": "paired_t", "column": "x", "column2": "y"})
    assert (result["summary"]["n"], result["summary"]["dropped_rows"]) == (10, 3)
    assert result["warnings"][0]["code"] == "missing_values"
    assert result["tables"][0]["name"] == "groups"
    again = analyse_columns("hypothesis-test", columns, {"method": "paired_t", "column": "x", "column2": "y"})
    assert again == result


@pytest.mark.parametrize(
    ("columns", "parameters", "code"),
    [
        ({"x": [1.0] * 5}, {"method": "one_sample_t", "column": "x"}, "constant_column"),
        ({"x": [1.0]}, {"method": "one_sample_t", "column": "x"}, "too_few_rows"),
        ({"x": [math.inf, math.nan, None]}, {"method": "one_sample_t", "column": "x"}, "too_few_rows"),
        ({"x": [1e80, 2e80]}, {"method": "one_sample_t", "column": "x"}, "out_of_range"),
        ({"x": ["a", "b"]}, {"method": "one_sample_t", "column": "x"}, "not_numeric"),
        ({"x": [1.0, 2.0]}, {"method": "shapiro", "column": "x"}, "too_few_rows"),
        ({"x": [1, 2, 3], "y": [2, 3, 4]}, {"method": "paired_t", "column": "x", "column2": "y"}, "constant_column"),
        ({"x": [1, 2], "y": [1, 2]}, {"method": "wilcoxon", "column": "x", "column2": "y"}, "constant_column"),
        ({"x": [1, 1], "y": [1, 1]}, {"method": "mann_whitney", "column": "x", "column2": "y"}, "constant_column"),
        ({"x": [1, 2, 3], "g": ["a", "b", "c"]}, {"method": "welch_t", "column": "x", "group": "g"}, "wrong_groups"),
        ({"x": [1, 2], "g": ["a", "a"]}, {"method": "ks", "column": "x", "group": "g"}, "wrong_groups"),
        ({"x": [1, 2], "g": ["a", "a"]}, {"method": "levene", "column": "x", "group": "g"}, "constant_column"),
        (
            {"x": [1, 2], "g": ["a", "b"]},
            {"method": "welch_t", "column": "x", "group": "g", "groups": ["a", "z"]},
            "wrong_groups",
        ),
        (
            {"x": range(200), "y": range(200)},
            {"method": "chi_square", "column": "x", "column2": "y"},
            "too_many_levels",
        ),
        ({"x": [1, 1], "y": [1, 2]}, {"method": "chi_square", "column": "x", "column2": "y"}, "constant_column"),
        ({"x": [1, None], "y": [None, 2]}, {"method": "chi_square", "column": "x", "column2": "y"}, "too_few_rows"),
        ({"x": [1, 2, 3], "y": [1, 2, 1]}, {"method": "fisher", "column": "x", "column2": "y"}, "wrong_groups"),
        ({"x": ["a", "b", "c"]}, {"method": "proportion", "column": "x"}, "wrong_groups"),
        ({"x": ["a", "a"]}, {"method": "proportion", "column": "x"}, "constant_column"),
    ],
)
def test_refused(analyse_columns: Analyse, columns: Any, parameters: dict[str, Any], code: str) -> None:
    with pytest.raises(ComputeError) as caught:
        analyse_columns("hypothesis-test", columns, parameters)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"method": "welch_t"}, "needs column2 or group"),
        ({"method": "welch_t", "column2": "y", "group": "g"}, "not both"),
        ({"method": "paired_t"}, "needs column2"),
        ({"method": "shapiro", "group": "g"}, "takes no group"),
        ({"method": "shapiro", "column2": "y"}, "takes no column2"),
        ({"method": "welch_t", "column2": "x"}, "more than once"),
        ({"method": "welch_t", "group": "g", "groups": ["a", "a"]}, "more than once"),
        ({"method": "welch_t", "column2": "y", "groups": ["a", "b"]}, "groups are values of group"),
        ({"method": "chi_square", "column2": "y", "mu": 1}, "takes no mu"),
        ({"method": "proportion", "mu": 1}, "between 0 and 1"),
        ({"method": "welch_t", "group": "g", "success": "a"}, "proportion only"),
        ({"method": "levene", "group": "g", "alternative": "less"}, "no direction"),
        ({"method": "one_sample_t", "mu": math.inf}, "finite"),
    ],
)
def test_parameters_that_do_not_go_together(parameters: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        HypothesisTestParameters.model_validate({"column": "x", **parameters})
