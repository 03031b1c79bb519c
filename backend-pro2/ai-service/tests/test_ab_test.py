"""Experiments: published examples, independent formulas, coverage under constant looking, and broken assignments."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import integrate, stats
from statsmodels.stats.proportion import confint_proportions_2indep

from shared.compute import ComputeError

from ..app.engines.ab_comparisons import always_valid, contrast_means, fieller, holm
from ..app.engines.experiment import Arm, sample_ratio
from ..app.schemas.ab_test_parameters import AbTestParameters
from .support import Analyse

RANDOM = np.random.default_rng(8)
COMMON = {"metric": "y", "group": "g", "control": "a"}


def counts(**groups: tuple[int, int]) -> dict[str, list[Any]]:
    """Columns of (successes, rows) by group."""
    names = [name for name, (_, n) in groups.items() for _ in range(n)]
    hits = [int(i < hits) for hits, n in groups.values() for i in range(n)]
    return {"g": names, "y": hits}


def rows(result: dict[str, Any], number: int = 0) -> list[dict[str, Any]]:
    table = result["tables"][number]
    return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]


def codes(result: dict[str, Any]) -> list[str]:
    return [warning["code"] for warning in result["warnings"]]


class TestPublished:
    def test_aspirin(self, analyse_columns: Analyse) -> None:
        # Agresti, Categorical Data Analysis, section 3.1: heart attacks under placebo and aspirin, Physicians' Health
        # Study: difference 0.0077 (0.005, 0.011), relative risk 1.82 (1.43, 2.30).
        result = analyse_columns(
            "ab-test", counts(aspirin=(104, 11037), placebo=(189, 11034)), COMMON | {"control": "aspirin"}
        )
        (found,) = rows(result)
        assert found["difference"] == pytest.approx(0.0077, abs=5e-5)
        assert (found["ci_low"], found["ci_high"]) == pytest.approx((0.005, 0.011), abs=5e-4)
        assert found["lift"] == pytest.approx(0.82, abs=5e-3)
        assert (found["lift_low"], found["lift_high"]) == pytest.approx((0.43, 1.30), abs=7e-3)
        assert result["summary"]["statistic"] ** 2 == pytest.approx(25.01, abs=5e-3)
        assert "lift of +81.78 %" in result["summary"]["conclusion"]

    def test_newcombe(self, analyse_columns: Analyse) -> None:
        # Newcombe (1998), Statistics in Medicine 17, table II, method 10 for 56/70 - 48/80: 0.0524 to 0.3339.
        (found,) = rows(analyse_columns("ab-test", counts(a=(48, 80), b=(56, 70)), COMMON))
        assert (found["ci_low"], found["ci_high"]) == pytest.approx((0.0524, 0.3339), abs=5e-5)

    def test_sleep(self, analyse_columns: Analyse) -> None:
        # Student (1908), R's data set `sleep`, as the examples of t.test print it (R 2.15, tests/Examples).
        one = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
        two = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
        result = analyse_columns("ab-test", {"y": one + two, "g": ["b"] * 10 + ["a"] * 10}, COMMON)
        assert result["summary"]["kind"] == "continuous"
        assert (result["summary"]["statistic"], result["summary"]["df"]) == pytest.approx((-1.8608, 17.776), abs=5e-4)
        assert result["summary"]["p_value"] == pytest.approx(0.07939, abs=5e-6)
        effect = result["summary"]["effect_size"]
        assert (effect["ci_low"], effect["ci_high"]) == pytest.approx((-3.3654832, 0.2054832), abs=5e-8)

    def test_sample_ratio(self) -> None:
        # Kohavi, Tang and Xu, Trustworthy Online Controlled Experiments (2020), chapter 21: 821,588 and 815,482 users,
        # p = 1.8e-6.
        nothing = np.zeros(2)
        arms = [Arm("a", nothing, None, 821_588), Arm("b", nothing, None, 815_482)]
        found = sample_ratio(arms, AbTestParameters.model_validate(COMMON))
        assert found.p_value == pytest.approx(1.8e-6, abs=5e-8)

    def test_holm(self) -> None:
        # By hand: 4 * 0.005, 3 * 0.01, 2 * 0.03, and the last no less than the one before.
        assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


class TestFormulas:
    def test_fiellers_limits_are_ratios_at_the_edge_of_rejection(self) -> None:
        low, high = fieller((12.0, 0.5), (10.0, 0.4), 2.1)
        for ratio in (low, high):
            assert abs(12 - ratio * 10) / math.sqrt(0.5 + ratio**2 * 0.4) == pytest.approx(2.1, rel=1e-12)
        assert low < 1.2 < high
        assert all(math.isnan(limit) for limit in fieller((12.0, 0.5), (1.0, 0.4), 2.1))

    def test_covariance_is_taken_out_as_regression_does(self, analyse_columns: Analyse) -> None:
        before = RANDOM.normal(10, 3, size=600)
        group = np.arange(600) % 2
        y = 0.8 * before + group + RANDOM.normal(size=600)
        columns = {"y": y, "x": before, "g": np.where(group, "b", "a")}
        result = analyse_columns("ab-test", columns, COMMON | {"covariate": "x"})
        design = np.column_stack([np.ones(600), group, before])
        _, effect, theta = np.linalg.lstsq(design, y, rcond=None)[0]
        assert result["summary"]["effect_size"]["value"] == pytest.approx(effect, rel=1e-10)
        assert result["summary"]["cuped"]["theta"] == pytest.approx(theta, rel=1e-10)
        (row,) = rows(result)
        assert (row["control"] + row["value"]) / 2 == pytest.approx(y.mean(), rel=1e-12)
        # Deng and others: the variance shrinks by the squared correlation.
        inner = [np.concatenate([v[group == k] - v[group == k].mean() for k in (0, 1)]) for v in (before, y)]
        expected = stats.pearsonr(*inner)[0] ** 2
        assert result["summary"]["cuped"]["variance_reduction"] == pytest.approx(expected, rel=1e-9)
        plain = analyse_columns("ab-test", columns, COMMON)["summary"]["effect_size"]
        effect_size = result["summary"]["effect_size"]
        assert effect_size["ci_high"] - effect_size["ci_low"] < 0.5 * (plain["ci_high"] - plain["ci_low"])

    def test_mixture_by_integration(self) -> None:
        arms = [Arm(name, RANDOM.normal(shift, 1, 200), None, 200) for name, shift in (("a", 0), ("b", 0.3))]
        found, tau = contrast_means(arms[0], arms[1], 0.05), 0.4
        d, error = found.difference, found.error
        mixed, _ = integrate.quad(
            lambda theta: stats.norm.pdf(d, theta, error) * stats.norm.pdf(theta, 0, tau), -4, 4, points=[0, d]
        )
        (low, high), p_value = always_valid(found, tau, 0.05)
        assert p_value == pytest.approx(min(1, stats.norm.pdf(d, 0, error) / mixed), rel=1e-6)
        assert (low + high) / 2 == pytest.approx(d)
        # At its edge the p-value against that difference is alpha.
        at_edge = np.exp(0.5 * np.log((error**2 + tau**2) / error**2) - tau**2 * (high - d) ** 2
                         / (2 * error**2 * (error**2 + tau**2)))  # fmt: skip
        assert at_edge == pytest.approx(0.05, rel=1e-9)

    def test_looking_all_the_time_costs_no_validity(self) -> None:
        rng, looks = np.random.default_rng(2), range(100, 2001, 100)
        often = fixed = 0
        for _ in range(150):
            a, b = rng.normal(size=(2, 2000))
            arms = [[Arm("", values[:n], None, n) for n in looks] for values in (a, b)]
            contrasts = [contrast_means(first, second, 0.05) for first, second in zip(*arms, strict=True)]
            often += any(always_valid(found, 0.1, 0.05)[1] < 0.05 for found in contrasts)
            fixed += any(found.p_value < 0.05 for found in contrasts)
        # At 20 looks a fixed test is wrong far more often than it says, the sequential one not.
        assert often / 150 < 0.05 < 0.15 < fixed / 150

    @settings(max_examples=25, deadline=None)
    @given(st.floats(0.01, 1e4), st.integers(0, 10**6))
    def test_units_do_not_matter(self, unit: float, seed: int) -> None:
        rng = np.random.default_rng(seed)
        a, b = rng.gamma(2, size=40), rng.gamma(2.5, size=30)
        one = contrast_means(Arm("a", a, None, 40), Arm("b", b, None, 30), 0.05)
        other = contrast_means(Arm("a", rng.permutation(a) * unit, None, 40), Arm("b", b * unit, None, 30), 0.05)
        assert other.p_value == pytest.approx(one.p_value, rel=1e-8)
        assert other.lift_limits == pytest.approx(one.lift_limits, rel=1e-8)
        assert other.limits == pytest.approx((one.limits[0] * unit, one.limits[1] * unit), rel=1e-7)


class TestExperiment:
    def test_several_variants(self, analyse_columns: Analyse) -> None:
        data = counts(a=(40, 400), b=(44, 400), c=(80, 400))
        result = analyse_columns("ab-test", data, COMMON | {"target_lift": 0.5, "tau": 0.05})
        table = rows(result)
        assert [row["variant"] for row in table] == ["b", "c"]
        assert [row["adjusted_p_value"] for row in table] == pytest.approx(holm([row["p_value"] for row in table]))
        assert result["summary"]["variant"] == "c"
        assert all(row["always_valid_low"] < row["ci_low"] < row["ci_high"] < row["always_valid_high"] for row in table)
        assert all(0 < row["power"] < 1 for row in table)
        assert codes(result) == ["several_variants"]
        chosen = analyse_columns("ab-test", data, COMMON | {"variants": ["b"]})
        assert rows(chosen)[0]["p_value"] == table[0]["p_value"]

    def test_a_broken_assignment_speaks_first(self, analyse_columns: Analyse) -> None:
        data = counts(a=(100, 1000), b=(120, 800))
        result = analyse_columns("ab-test", data, COMMON)
        assert result["summary"]["conclusion"].startswith("The assignment is broken")
        assert codes(result) == ["sample_ratio_mismatch"]
        meant = analyse_columns("ab-test", data, COMMON | {"split": {"a": 5, "b": 4}})
        assert (codes(meant), meant["summary"]["sample_ratio"]["p_value"]) == ([], 1)

    def test_rows_without_a_metric_were_assigned_all_the_same(self, analyse_columns: Analyse) -> None:
        data = counts(a=(30, 100), b=(50, 100))
        data["y"] = [*data["y"][:60], *[None] * 40, *data["y"][100:]]
        result = analyse_columns("ab-test", data, COMMON)
        assert result["summary"]["sample_ratio"]["assigned"] == {"a": 100, "b": 100}
        assert [(row["n"], row["missing"]) for row in rows(result, 1)] == [(60, 40), (100, 0)]
        assert codes(result) == ["rows_dropped"]

    def test_kinds_of_metrics_agree(self, analyse_columns: Analyse) -> None:
        data = counts(a=(30, 100), b=(50, 100))
        expected = analyse_columns("ab-test", data, COMMON)["summary"]["p_value"]
        texts = {"g": data["g"], "y": ["sold" if y else "left" for y in data["y"]]}
        truths = {"g": data["g"], "y": [bool(y) for y in data["y"]]}
        for columns, more in ((texts, {"success": "sold"}), (truths, {}), (texts, {"success": "left"})):
            assert analyse_columns("ab-test", columns, COMMON | more)["summary"]["p_value"] == pytest.approx(expected)

    def test_no_success_in_the_control(self, analyse_columns: Analyse) -> None:
        result = analyse_columns("ab-test", counts(a=(0, 50), b=(9, 50)), COMMON)
        assert (result["summary"]["lift"]["value"], codes(result)) == (None, ["lift_undefined"])


class TestSeveralAtOnce:
    """Limits for all variants together, against other implementations of the same at alpha / variants."""

    def test_means(self, analyse_columns: Analyse) -> None:
        rng = np.random.default_rng(4)
        samples = {name: rng.normal(shift, 1 + shift, 40) for name, shift in (("a", 0), ("b", 0.3), ("c", 1), ("d", 0))}
        columns = {"y": np.concatenate([*samples.values()]), "g": np.repeat([*samples], 40)}
        result = analyse_columns("ab-test", columns, COMMON)
        for row in rows(result):
            test = stats.ttest_ind(samples[row["variant"]], samples["a"], equal_var=False)
            alone, together = (test.confidence_interval(1 - 0.05 / number) for number in (1, 3))
            assert (row["ci_low"], row["ci_high"]) == pytest.approx(tuple(alone), rel=1e-9)
            assert (row["simultaneous_low"], row["simultaneous_high"]) == pytest.approx(tuple(together), rel=1e-9)
            assert row["p_value"] == pytest.approx(test.pvalue, rel=1e-9)
            if row["simultaneous_low"] > 0 or row["simultaneous_high"] < 0:
                assert row["adjusted_p_value"] < 0.05
        best = next(row for row in rows(result) if row["variant"] == result["summary"]["variant"])
        effect = result["summary"]["effect_size"]
        assert (effect["ci_low"], effect["ci_high"]) == (best["simultaneous_low"], best["simultaneous_high"])

    def test_rates(self, analyse_columns: Analyse) -> None:
        table = rows(analyse_columns("ab-test", counts(a=(48, 80), b=(56, 70), c=(60, 90)), COMMON))
        for row, (hits, n) in zip(table, ((56, 70), (60, 90)), strict=True):
            expected = confint_proportions_2indep(hits, n, 48, 80, method="newcomb", alpha=0.025)
            assert (row["simultaneous_low"], row["simultaneous_high"]) == pytest.approx(expected, abs=1e-9)
            lifts = confint_proportions_2indep(
                hits, n, 48, 80, method="log", compare="ratio", alpha=0.025, correction=0
            )
            assert row["simultaneous_lift_low"] + 1 == pytest.approx(lifts[0], abs=1e-9)
            assert row["simultaneous_lift_high"] + 1 == pytest.approx(lifts[1], abs=1e-9)

    def test_all_hold_at_once_as_often_as_they_say(self) -> None:
        rng = np.random.default_rng(6)
        held = {0.05: 0, 0.05 / 5: 0}
        for _ in range(400):
            control, *variants = [Arm("", values, None, 20) for values in rng.normal(size=(6, 20))]
            for alpha in held:
                limits = [contrast_means(control, arm, alpha).limits for arm in variants]
                held[alpha] += all(low < 0 < high for low, high in limits)
        alone, together = held.values()
        assert alone / 400 < 0.88
        assert together / 400 > 0.93

    def test_one_variant_needs_none(self, analyse_columns: Analyse) -> None:
        (row,) = rows(analyse_columns("ab-test", counts(a=(48, 80), b=(56, 70)), COMMON))
        assert (row["simultaneous_low"], row["simultaneous_lift_high"]) == (row["ci_low"], row["lift_high"])


NUMBERS = [1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize(
    ("columns", "more", "code"),
    [
        ({"g": list("aabb"), "y": NUMBERS}, {"control": "z"}, "wrong_groups"),
        ({"g": list("aaaa"), "y": NUMBERS}, {}, "wrong_groups"),
        ({"g": list("aabb"), "y": NUMBERS}, {"split": {"a": 1, "z": 1}}, "wrong_groups"),
        ({"g": list("aabb"), "y": NUMBERS}, {"kind": "binary"}, "invalid_value"),
        ({"g": list("aabb"), "y": list("xyzx")}, {}, "wrong_groups"),
        ({"g": list("aabb"), "y": list("xyxy")}, {"kind": "continuous"}, "not_numeric"),
        ({"g": list("aabb"), "y": [0, 0, 0, 0]}, {}, "constant_column"),
        ({"g": list("aabb"), "y": [5.0, 5, 6, 6]}, {}, "constant_column"),
        ({"g": list("aabb"), "y": NUMBERS, "x": [1.0, 1, 1, 1]}, {"covariate": "x"}, "constant_column"),
        ({"g": list("aaab"), "y": NUMBERS}, {}, "too_few_rows"),
        ({"g": list("aabb"), "y": [math.inf, math.nan, None, 1.0]}, {}, "too_few_rows"),
        ({"g": list("aabb"), "y": [1e200, 2.0, 3.0, 1.0]}, {}, "out_of_range"),
        ({"g": [None] * 4, "y": NUMBERS}, {}, "wrong_groups"),
        ({"g": [*"aa", *map(str, range(1100))], "y": np.arange(1102.0)}, {}, "too_many_levels"),
    ],
)
def test_faults(analyse_columns: Analyse, columns: dict[str, Any], more: dict[str, Any], code: str) -> None:
    with pytest.raises(ComputeError) as caught:
        analyse_columns("ab-test", columns, COMMON | more)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "more",
    [
        {"group": "y"},
        {"variants": ["a"]},
        {"variants": ["b", "b"]},
        {"target_lift": 0},
        {"tau": -1},
        {"kind": "continuous", "success": 1},
        {"split": {"a": 0, "b": 1}},
    ],
)
def test_orders_that_make_no_sense(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AbTestParameters.model_validate(COMMON | more)
