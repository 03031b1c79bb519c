"""Planned samples: published tables, R's and G*Power's examples, simulation, and what cannot be planned."""

from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import stats
from statsmodels.stats import power as peer

from shared.compute import ComputeError

from ..app.engines.power_functions import Design, power_of, rows_needed, smallest_effect
from ..app.schemas.power_parameters import PowerParameters
from .support import Analyse

METHODS: tuple[Any, ...] = (
    "one_sample_t", "two_sample_t", "paired_t", "two_proportions", "anova", "chi_square", "correlation",
)  # fmt: skip
NOTHING = {"x": [1.0]}


class TestPublished:
    @pytest.mark.parametrize(
        ("method", "more", "effects", "expected"),
        [
            # Cohen (1992), "A power primer", Psychological Bulletin 112, table 2: alpha 0.05, power 0.80.
            ("two_sample_t", {}, (0.2, 0.5, 0.8), (393, 64, 26)),
            # The primer's own figure for f = 0.10 and two groups is 393, by d = 2 f the first row.
            ("anova", {"k": 2}, (0.1, 0.25, 0.4), (393, 64, 26)),
            ("anova", {"k": 3}, (0.1, 0.25, 0.4), (322, 52, 21)),
            ("anova", {"k": 4}, (0.1, 0.25, 0.4), (274, 45, 18)),
            ("anova", {"k": 5}, (0.1, 0.25, 0.4), (240, 39, 16)),
            ("anova", {"k": 6}, (0.1, 0.25, 0.4), (215, 35, 14)),
            ("chi_square", {"df": 1}, (0.1, 0.3, 0.5), (785, 87, 31)),
            ("chi_square", {"df": 2}, (0.1, 0.3, 0.5), (964, 107, 39)),
            ("chi_square", {"df": 4}, (0.1, 0.3, 0.5), (1194, 133, 48)),
            ("correlation", {}, (0.1, 0.3, 0.5), (783, 85, 28)),
            ("two_proportions", {}, (0.2, 0.5, 0.8), (392, 63, 25)),
        ],
    )
    def test_power_primer(self, method: Any, more: dict[str, Any], effects: tuple[float, ...], expected: Any) -> None:
        design = Design(method, 0.05, **more)
        found = [rows_needed(design, effect, 0.8) for effect in effects]
        # Cohen rounds to the nearest as often as up, and takes Fisher's z for correlations.
        tolerance = 1.5 if method == "correlation" else 1
        assert found == pytest.approx(expected, abs=tolerance)

    def test_documentation_of_r(self) -> None:
        # ?power.t.test, which leaves out the far tail that counts 3e-7 here.
        both, one = (Design("two_sample_t", 0.05, side) for side in ("two-sided", "greater"))
        assert power_of(both, 20, 1) == pytest.approx(0.8689528, abs=5e-7)
        assert rows_needed(both, 1, 0.9) == pytest.approx(22.02110, abs=5e-5)
        assert rows_needed(one, 1, 0.9) == pytest.approx(17.84713, abs=1e-5)

    @pytest.mark.parametrize(
        ("parameters", "member", "expected"),
        [
            # Examples of R's power.prop.test: n = 50, p1 = .50, p2 = .75, and power = .90 and .80 instead of n.
            ({"n": 50}, "power", 0.740),
            ({"power": 0.9}, "n_exact", 76.7),
            ({"power": 0.8}, "n_exact", 57.7),
        ],
    )
    def test_proportions_of_r(
        self, analyse_columns: Analyse, parameters: dict[str, Any], member: str, expected: float
    ) -> None:
        asked = {"method": "two_proportions", "baseline": 0.5, "difference": 0.25, **parameters}
        summary = analyse_columns("power", NOTHING, asked)["summary"]
        assert summary[member] == pytest.approx(expected, abs=0.05 if member == "n_exact" else 5e-4)
        assert summary["difference"] == pytest.approx(0.25)

    def test_exact_correlations_of_gpower(self) -> None:
        # Faul, Erdfelder, Buchner and Lang (2009), Behavior Research Methods 41: the exact bivariate normal model.
        design = Design("correlation", 0.05)
        assert [np.ceil(rows_needed(design, rho, 0.8)) for rho in (0.1, 0.3, 0.5)] == [782, 84, 29]


class TestAgainstOthers:
    @pytest.mark.parametrize("alternative", ["two-sided", "greater"])
    def test_statsmodels(self, alternative: Any) -> None:
        name = {"two-sided": "two-sided", "greater": "larger"}[alternative]
        design = Design("two_sample_t", 0.03, alternative, ratio=2)
        expected = peer.TTestIndPower().power(0.4, 30, 0.03, 2, alternative=name)
        assert power_of(design, 30, 0.4) == pytest.approx(expected, rel=1e-9)
        expected = peer.TTestPower().power(0.4, 30, 0.03, alternative=name)
        assert power_of(Design("one_sample_t", 0.03, alternative), 30, 0.4) == pytest.approx(expected, rel=1e-9)
        expected = peer.FTestAnovaPower().power(0.3, 90, 0.03, k_groups=3)
        assert power_of(Design("anova", 0.03, k=3), 30, 0.3) == pytest.approx(expected, rel=1e-9)
        # statsmodels' own gives none for these.
        expected = stats.ncx2.sf(stats.chi2.isf(0.03, 3), 3, 90 * 0.3**2)
        assert power_of(Design("chi_square", 0.03, df=3), 90, 0.3) == pytest.approx(expected, rel=1e-9)

    def test_a_correlation_by_simulation(self) -> None:
        rng, n, rho = np.random.default_rng(3), 12, 0.6
        x = rng.normal(size=(40_000, n))
        y = rho * x + np.sqrt(1 - rho**2) * rng.normal(size=x.shape)
        x, y = (v - v.mean(axis=1, keepdims=True) for v in (x, y))
        r = (x * y).sum(axis=1) / np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
        critical = stats.t.isf(0.025, n - 2)
        found = np.mean(np.abs(r) * np.sqrt((n - 2) / (1 - r * r)) > critical)
        assert power_of(Design("correlation", 0.05), n, rho) == pytest.approx(found, abs=4 * 0.5 / np.sqrt(40_000))


class TestInvariances:
    @settings(max_examples=40, deadline=None)
    @given(st.sampled_from(METHODS), st.floats(0.15, 0.7), st.floats(0.3, 0.95))
    def test_the_three_agree(self, method: Any, effect: float, power: float) -> None:
        design = Design(method, 0.05)
        n = rows_needed(design, effect, power)
        if n > design.least:
            assert power_of(design, n, effect) == pytest.approx(power, abs=1e-8)
            assert smallest_effect(design, n, power) == pytest.approx(effect, rel=1e-6)

    @settings(max_examples=30, deadline=None)
    @given(st.sampled_from(METHODS), st.floats(0.05, 0.7), st.integers(4, 500))
    def test_more_rows_or_effect_never_cost_power(self, method: Any, effect: float, n: int) -> None:
        design = Design(method, 0.05)
        power = power_of(design, n, effect)
        assert 0.05 - 1e-9 <= power <= power_of(design, n + 1, effect) + 1e-12
        assert power <= power_of(design, n, 1.1 * effect) + 1e-12

    def test_direction(self) -> None:
        up, down = (Design("two_sample_t", 0.05, side) for side in ("greater", "less"))
        assert power_of(up, 30, 0.5) == power_of(down, 30, -0.5)
        assert power_of(up, 30, -0.5) < 0.001
        assert smallest_effect(down, 30, 0.8) == -smallest_effect(up, 30, 0.8)


class TestColumns:
    DATA: ClassVar[dict[str, list[Any]]] = {
        "x": [3.0, 5, 4, 6, 2, 8, 7, 9, 6, None],
        "g": ["a"] * 5 + ["b"] * 5,
        "y": [1.0, 3, 2, 5, 1, 4, 6, 9, 4, 2],
    }

    def test_observed_d_and_its_warning(self, analyse_columns: Analyse) -> None:
        asked = {"method": "two_sample_t", "effect": "observed", "power": 0.8, "column": "x", "group": "g"}
        result = analyse_columns("power", self.DATA, asked)
        a, b = np.array([3.0, 5, 4, 6, 2]), np.array([8.0, 7, 9, 6])
        sd = np.sqrt((4 * a.var(ddof=1) + 3 * b.var(ddof=1)) / 7)
        assert result["summary"]["effect_size"]["value"] == pytest.approx((a.mean() - b.mean()) / sd)
        assert result["summary"]["difference"] == pytest.approx(a.mean() - b.mean())
        assert [warning["code"] for warning in result["warnings"]] == ["missing_values", "observed_effect"]

    def test_smallest_difference_in_the_columns_unit(self, analyse_columns: Analyse) -> None:
        asked = {"method": "paired_t", "n": 20, "power": 0.9, "column": "x", "column2": "y"}
        summary = analyse_columns("power", self.DATA, asked)["summary"]
        spread = np.std(np.array(self.DATA["x"][:9]) - np.array(self.DATA["y"][:9]), ddof=1)
        assert summary["difference"] == pytest.approx(summary["effect_size"]["value"] * spread)
        assert power_of(Design("paired_t", 0.05), 20, summary["effect_size"]["value"]) == pytest.approx(0.9)

    @pytest.mark.parametrize(
        ("parameters", "expected"),
        [
            ({"method": "one_sample_t", "mu": 4}, 14 / 9 / np.std([3, 5, 4, 6, 2, 8, 7, 9, 6], ddof=1)),
            ({"method": "correlation", "column2": "y"}, stats.pearsonr([3, 5, 4, 6, 2, 8, 7, 9, 6],
                                                                       [1, 3, 2, 5, 1, 4, 6, 9, 4])[0]),
            ({"method": "anova", "group": "g"}, np.sqrt(((4 - 50 / 9) ** 2 * 5 + (7.5 - 50 / 9) ** 2 * 4) / 15)),
        ],
    )  # fmt: skip
    def test_observed_effects(self, analyse_columns: Analyse, parameters: dict[str, Any], expected: float) -> None:
        result = analyse_columns("power", self.DATA, {"effect": "observed", "n": 9, "column": "x", **parameters})
        assert result["summary"]["effect_size"]["value"] == pytest.approx(expected, rel=1e-5)

    def test_observed_counts(self, analyse_columns: Analyse) -> None:
        columns = {"bought": ["no"] * 8 + ["yes"] * 2 + ["no"] * 5 + ["yes"] * 5, "g": ["a"] * 10 + ["b"] * 10}
        asked = {"effect": "observed", "power": 0.8, "column": "bought"}
        result = analyse_columns("power", columns, {**asked, "method": "two_proportions", "group": "g"})
        assert (result["summary"]["baseline"], result["summary"]["difference"]) == pytest.approx((0.2, 0.3))
        # The formula of R's power.prop.test, solved by SciPy's brentq: n = 38.48004.
        assert result["summary"]["n_exact"] == pytest.approx(38.48, abs=0.01)
        result = analyse_columns("power", columns, {**asked, "method": "chi_square", "column2": "g"})
        assert result["summary"]["effect_size"]["value"] == pytest.approx(np.sqrt(1.978022 / 20), rel=1e-6)


def test_result_says_what_a_person_needs(analyse_columns: Analyse) -> None:
    result = analyse_columns("power", NOTHING, {"method": "two_sample_t", "effect": 0.5, "power": 0.8, "ratio": 1.5})
    summary = result["summary"]
    assert (summary["n"], summary["n_second"], summary["n_total"]) == (54, 81, 135)
    assert summary["power"] >= 0.8 == summary["power_asked"]
    assert "54 and 81 rows in two groups (135 rows in all)" in summary["conclusion"]
    assert result["tables"][0]["columns"] == ["effect", "n", "power"]
    assert len(result["charts"]) == 1


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"method": "two_sample_t", "effect": 1e-6, "power": 0.8}, "unreachable_power"),
        ({"method": "paired_t", "effect": -0.5, "power": 0.8, "alternative": "greater"}, "unreachable_power"),
        ({"method": "two_proportions", "baseline": 0.5, "n": 2, "power": 0.9}, "unreachable_power"),
        ({"method": "correlation", "effect": 0.5, "n": 3}, "too_few_rows"),
        ({"method": "two_sample_t", "effect": 0.5, "n": 10, "ratio": 0.1}, "too_few_rows"),
        ({"method": "one_sample_t", "effect": "observed", "n": 10, "column": "same"}, "constant_column"),
        ({"method": "one_sample_t", "effect": "observed", "n": 10, "column": "none"}, "too_few_rows"),
        ({"method": "one_sample_t", "effect": "observed", "n": 10, "column": "text"}, "not_numeric"),
        ({"method": "two_sample_t", "effect": "observed", "n": 9, "column": "x", "group": "text"}, "wrong_groups"),
        ({"method": "correlation", "effect": "observed", "n": 9, "column": "x", "column2": "twice"}, "singular_design"),
    ],
)
def test_faults(analyse_columns: Analyse, parameters: dict[str, Any], code: str) -> None:
    columns = {"x": [1.0, 2.0, 4.0], "twice": [2.0, 4.0, 8.0], "same": [1.0] * 3, "text": list("abc")}
    with pytest.raises(ComputeError) as caught:
        analyse_columns("power", {**columns, "none": [float("inf"), float("nan"), None]}, parameters)
    assert caught.value.code == code


@pytest.mark.parametrize("method", METHODS)
def test_a_stored_order_is_the_same_order(method: Any) -> None:
    parameters = PowerParameters(method=method, effect=0.5, n=10)
    assert PowerParameters.model_validate(parameters.model_dump()) == parameters


@pytest.mark.parametrize(
    "parameters",
    [
        {"method": "anova", "effect": 0.5},
        {"method": "anova", "effect": 0.5, "n": 10, "power": 0.8},
        {"method": "anova", "effect": -0.5, "n": 10},
        {"method": "anova", "effect": 0.5, "n": 10, "alternative": "less"},
        {"method": "anova", "effect": 0.5, "n": 10, "ratio": 2},
        {"method": "one_sample_t", "effect": 0, "n": 10},
        {"method": "one_sample_t", "effect": float("nan"), "n": 10},
        {"method": "one_sample_t", "effect": 0.5, "power": 0.05},
        {"method": "one_sample_t", "difference": 2, "n": 10},
        {"method": "one_sample_t", "effect": "observed", "n": 10},
        {"method": "two_sample_t", "effect": "observed", "n": 10, "column": "x"},
        {"method": "one_sample_t", "effect": "observed", "n": 10, "column": "x", "group": "g"},
        {"method": "two_proportions", "difference": 0.6, "baseline": 0.5, "n": 10},
        {"method": "correlation", "effect": 1, "n": 10},
        {"method": "correlation", "effect": 0.5, "n": 10**12},
    ],
)
def test_orders_that_make_no_sense(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PowerParameters.model_validate(parameters)
