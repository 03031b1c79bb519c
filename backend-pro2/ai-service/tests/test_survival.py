"""Survival: Freireich's leukaemia trial, R's Cox models, and data in which little or nothing happens."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.duration.survfunc import survdiff
from statsmodels.duration.tests.results import survival_r_results as r_results

from shared.compute import ComputeError

from ..app.engines.kaplan_meier import kaplan_meier, log_rank
from ..app.schemas.survival_parameters import SurvivalParameters
from .support import Analyse

# Freireich and others (1963), "gehan" in R's MASS: weeks of remission; a negative number is a censored time.
DRUG = [6, 6, 6, -6, 7, -9, 10, -10, -11, 13, 16, -17, -19, -20, 22, 23, -25, -32, -32, -34, -35]
CONTROL = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
WEEKS = np.array([*DRUG, *CONTROL], dtype=np.float64)
REMISSION: dict[str, Any] = {
    "weeks": np.abs(WEEKS),
    "relapse": WEEKS > 0,
    "treatment": ["6-MP"] * 21 + ["control"] * 21,
    "control": [0] * 21 + [1] * 21,
}
TIMES = {"time": "weeks", "event": "relapse"}


def table(result: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = next(entry for entry in result["tables"] if entry["name"] == name)
    return [dict(zip(found["columns"], row, strict=True)) for row in found["rows"]]


def codes(result: dict[str, Any]) -> list[str]:
    return [warning["code"] for warning in result["warnings"]]


class TestFreireich:
    def test_curve(self, analyse_columns: Analyse) -> None:
        # Kleinbaum and Klein, "Survival Analysis", chapter 2; the standard errors as R's `survfit` prints them.
        rows = table(analyse_columns("survival", REMISSION, {**TIMES, "group": "treatment"}), "survival")
        drug = [row for row in rows if row["group"] == "6-MP"]
        assert [row["time"] for row in drug] == [6, 7, 10, 13, 16, 22, 23]
        assert [row["at_risk"] for row in drug] == [21, 17, 15, 12, 11, 7, 6]
        assert [row["survival"] for row in drug] == pytest.approx(
            [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448], abs=5e-4
        )
        assert [row["std_error"] for row in drug] == pytest.approx(
            [0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346], abs=5e-5
        )
        # Also R: the first interval is 0.720 to 1.000.
        assert (drug[0]["ci_low"], drug[0]["ci_high"]) == pytest.approx((0.720, 1.0), abs=5e-4)
        last = rows[-1]
        assert (last["survival"], last["std_error"], last["ci_low"]) == (0, None, None)

    def test_groups(self, analyse_columns: Analyse) -> None:
        # Medians with limits by R's `survfit`; log-rank 16.79 with 9 and 21 events, 19.25 and 10.75 expected.
        result = analyse_columns("survival", REMISSION, {**TIMES, "group": "treatment"})
        groups = table(result, "groups")
        assert [(row["median"], row["median_ci_low"], row["median_ci_high"]) for row in groups] == [
            (23, 16, None),
            (8, 4, 12),
        ]
        assert [(row["n"], row["events"]) for row in groups] == [(21, 9), (21, 21)]
        assert [row["expected"] for row in groups] == pytest.approx([19.25, 10.75], abs=5e-3)
        summary = result["summary"]
        assert summary["statistic"] == pytest.approx(16.793, abs=5e-4)
        assert (summary["df"], summary["test"], summary["n"], summary["events"]) == (1, "log_rank", 42, 30)
        assert summary["effect_size"]["name"] == "hazard_ratio (6-MP / control)"
        # Peto's one step by hand, from the variance 6.2570 of the textbooks.
        ratio = [np.exp((9 - 19.2505) / 6.2570 + z / np.sqrt(6.2570)) for z in (0, -1.959964, 1.959964)]
        assert [summary["effect_size"][name] for name in ("value", "ci_low", "ci_high")] == pytest.approx(
            ratio, rel=1e-4
        )
        assert "soonest, for its time, in control" in summary["conclusion"]
        assert codes(result) == []

    @pytest.mark.parametrize(
        ("ties", "estimate", "error", "ratio"), [("efron", 1.572, 0.412, 4.817), ("breslow", 1.509, 0.410, 4.523)]
    )
    def test_cox(self, analyse_columns: Analyse, ties: str, estimate: float, error: float, ratio: float) -> None:
        # R's `coxph` with both ways to treat ties; Kleinbaum and Klein, chapter 3, print the latter.
        result = analyse_columns("survival", REMISSION, {**TIMES, "features": ["control"], "ties": ties})
        row = table(result, "coefficients")[0]
        assert (row["estimate"], row["std_error"], row["hazard_ratio"]) == pytest.approx(
            (estimate, error, ratio), abs=6e-4
        )
        assert result["summary"]["test"] == "likelihood_ratio"
        if ties == "efron":
            # R: exp(coef) 2.147 to 10.81, likelihood-ratio test 16.35 on 1 df.
            assert (row["hr_ci_low"], row["hr_ci_high"]) == pytest.approx((2.147, 10.81), abs=5e-3)
            assert result["summary"]["statistic"] == pytest.approx(16.35, abs=5e-3)
        assert result["summary"]["assumptions"][1]["holds"] is True


@pytest.mark.parametrize(("size", "ties"), [((50, 2), "efron"), ((50, 2), "breslow"), ((100, 5), "efron")])
def test_cox_agrees_with_r(analyse_columns: Analyse, size: tuple[int, int], ties: str) -> None:
    # Data and R's answers are among the tests of statsmodels.
    name = f"{size[0]}_{size[1]}"
    data = np.loadtxt(Path(r_results.__file__).parent / f"survival_data_{name}.csv")
    features = {f"x{i}": 7 * data[:, 3 + i] + 100 for i in range(size[1])}
    columns = {"t": data[:, 0], "e": data[:, 1].astype(int), **features}
    result = analyse_columns("survival", columns, {"time": "t", "event": "e", "features": [*features], "ties": ties})
    rows = table(result, "coefficients")
    for member, theirs in (("estimate", "coef"), ("std_error", "se")):
        expected = getattr(r_results, f"{theirs}_{name}_{ties[:3]}")
        assert [7 * row[member] for row in rows] == pytest.approx(expected, abs=2e-6)


SAMPLES = st.lists(st.tuples(st.integers(0, 12), st.booleans(), st.integers(0, 2)), min_size=12, max_size=40)


@given(SAMPLES)
@settings(max_examples=40, deadline=None)
def test_log_rank_agrees_with_statsmodels(sample: list[tuple[int, bool, int]]) -> None:
    times, events, groups = (
        np.array(part) for part in zip(*[*sample, (3, True, 0), (4, True, 1), (5, True, 2)], strict=True)
    )
    found = log_rank(times.astype(float), events, groups, 3)
    if np.isnan(found.statistic):
        return
    statistic, p_value = survdiff(times, events.astype(int), groups)
    assert found.statistic == pytest.approx(statistic, rel=1e-8, abs=1e-9)
    assert found.p_value == pytest.approx(p_value, rel=1e-6, abs=1e-12)
    assert found.observed.sum() == pytest.approx(found.expected.sum())


@given(SAMPLES, st.floats(0.01, 100))
@settings(max_examples=40, deadline=None)
def test_the_unit_of_time_and_the_order_of_rows_do_not_matter(sample: list[tuple[int, bool, int]], unit: float) -> None:
    times, events, groups = (np.array(part) for part in zip(*sample, strict=True))
    first = kaplan_meier(times.astype(float), events, 0.05, "log")
    second = kaplan_meier(times[::-1] * unit, events[::-1], 0.05, "log")
    np.testing.assert_array_equal(first.survival, second.survival)
    np.testing.assert_array_equal(first.low, second.low)
    tests = [log_rank(times * 1.0, events, groups, 3), log_rank(times[::-1] * unit, events[::-1], groups[::-1], 3)]
    assert tests[1].statistic == pytest.approx(tests[0].statistic, rel=1e-9, abs=1e-12, nan_ok=True)


def test_without_censoring_the_curve_is_the_share_that_is_left() -> None:
    times = np.array([3.0, 1.0, 4.0, 1.0, 5.0])
    curve = kaplan_meier(times, np.ones(5, dtype=bool), 0.05, "plain")
    assert curve.survival == pytest.approx([0.6, 0.4, 0.2, 0])
    # Greenwood's error is then the binomial one.
    assert curve.std_error[:3] == pytest.approx(np.sqrt([0.6 * 0.4 / 5, 0.4 * 0.6 / 5, 0.2 * 0.8 / 5]))
    assert curve.low[0] == pytest.approx(0.6 - stats.norm.isf(0.025) * np.sqrt(0.6 * 0.4 / 5))
    log_log = kaplan_meier(times, np.ones(5, dtype=bool), 0.05, "log-log")
    # By R: survfit(Surv(times) ~ 1, conf.type = "log-log") is symmetric on that scale.
    scale = np.log(-np.log([log_log.low[0], 0.6, log_log.high[0]]))
    assert scale[0] - scale[1] == pytest.approx(scale[1] - scale[2])
    assert curve.median()[0] == 3


def test_what_is_missing_is_dropped_and_the_event_can_be_named(analyse_columns: Analyse) -> None:
    columns = {
        "t": [1.0, 2.0, None, 4.0, float("inf"), 6.0, 7.0],
        "e": ["dead", "alive", "dead", None, "dead", "dead", "alive"],
    }
    parameters = {"time": "t", "event": "e"}
    result = analyse_columns("survival", columns, {**parameters, "occurred": "dead"})
    assert (result["summary"]["n"], result["summary"]["events"]) == (4, 2)
    assert codes(result) == ["rows_dropped"]
    assert "3 of 7" in result["warnings"][0]["message"]
    assumed = analyse_columns("survival", columns, parameters)
    assert codes(assumed) == ["rows_dropped", "event_assumed"]
    assert assumed["summary"]["conclusion"].startswith("Half have had") is True


@pytest.mark.parametrize("group", [None, "g"])
def test_no_event_leaves_the_curve_at_one(analyse_columns: Analyse, group: str | None) -> None:
    columns = {"t": [1, 2, 3, 4], "e": [0, 0, 0, 0], "g": ["a", "a", "b", "b"]}
    result = analyse_columns("survival", columns, {"time": "t", "event": "e", "group": group})
    summary = result["summary"]
    assert (summary["statistic"], summary["p_value"], summary["events"]) == (None, None, 0)
    assert summary.get("median") is None
    assert codes(result) == ["no_events"]
    assert table(result, "survival") == []


def test_a_feature_that_separates_has_no_estimate(analyse_columns: Analyse) -> None:
    times = np.arange(1.0, 41.0)
    columns = {"t": times, "e": [True] * 20 + [False] * 20, "x": [1] * 20 + [0] * 20, "z": np.sin(times)}
    result = analyse_columns("survival", columns, {"time": "t", "event": "e", "features": ["x", "z"]})
    rows = table(result, "coefficients")
    assert [row["estimate"] is None for row in rows] == [True, False]
    assert codes(result) == ["unbounded_estimate"]


def test_texts_as_features_and_groups(analyse_columns: Analyse) -> None:
    coded = analyse_columns("survival", REMISSION, {**TIMES, "group": "treatment", "features": ["treatment"]})
    numeric = analyse_columns("survival", REMISSION, {**TIMES, "features": ["control"]})
    row = table(coded, "coefficients")[0]
    assert row["term"] == "treatment[control]"
    assert row["estimate"] == pytest.approx(table(numeric, "coefficients")[0]["estimate"])
    assert coded["summary"]["test"] == "log_rank"
    assert coded["summary"]["cox"]["n"] == 42
    assert codes(coded) == ["categorical_coded"]


def test_large_data_are_bounded(analyse_columns: Analyse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ai-service.app.engines.survival.ROWS_SHOWN", 200)
    monkeypatch.setattr("ai-service.app.engines.cox.ROWS_AT_MOST", 2000)
    random = np.random.default_rng(5)
    x = np.round(random.normal(size=3000), 1)
    times = np.ceil(1e3 * random.exponential(np.exp(-0.5 * x))) / 1e3
    columns = {"t": times, "e": random.random(3000) < 0.9, "day": np.ceil(times), "x": x}
    curve = analyse_columns("survival", columns, {"time": "t", "event": "e"})
    assert codes(curve) == ["table_thinned"]
    assert len(table(curve, "survival")) == 200
    assert curve["summary"]["n"] == 3000
    model = analyse_columns("survival", columns, {"time": "day", "event": "e", "features": ["x"]})
    assert codes(model) == ["rows_sampled"]
    assert model["summary"]["cox"]["n"] == 2000


FEW: dict[str, Any] = {"t": [1.0, 2.0, 3.0, 4.0], "e": [1, 0, 1, 1], "g": ["a"] * 4, "x": [1.0, 3.0, 2.0, 5.0]}


@pytest.mark.parametrize(
    ("changes", "more", "code", "detail"),
    [
        ({"t": [-1.0, 2.0, 3.0, 4.0]}, {}, "invalid_value", "-1"),
        ({"t": [None] * 3 + [float("nan")]}, {}, "too_few_rows", "None of 4"),
        ({"t": list("abcd")}, {}, "not_numeric", "'t' (time)"),
        ({"e": [0, 1, 2, 2]}, {}, "wrong_groups", "3 different values"),
        ({}, {"occurred": "yes"}, "wrong_groups", "no value 'yes'"),
        ({}, {"group": "g"}, "constant_column", "'g' (group)"),
        (
            {"g": [f"g{i}" for i in range(25)], **{n: list(range(25)) for n in "tx"}, "e": [1] * 25},
            {"group": "g"},
            "too_many_levels",
            "25",
        ),
        ({"x": [2.0] * 4}, {"features": ["x"]}, "constant_column", "'x'"),
        ({"e": [0, 0, 0, 1]}, {"features": ["x"]}, "too_few_rows", "1 events"),
        ({"e": [None, 1, 1, 1], "x": [2.0, 3.0, 3.0, 3.0]}, {"features": ["x"]}, "singular_design", "constant"),
        ({"y": [2.0, 6.0, 4.0, 10.0]}, {"features": ["x", "y"]}, "singular_design", "'y'"),
        (
            {f"f{i}": np.arange(4.0) ** (i / 2) for i in range(1, 6)},
            {"features": [f"f{i}" for i in range(1, 6)]},
            "too_few_rows",
            "4 of 4",
        ),
        ({}, {"features": ["q"]}, "column_not_found", "'q'"),
        ({"t": [1.0, 2.0, 3.0, 1e200]}, {}, "out_of_range", "1e+200"),
    ],
)
def test_faults(
    analyse_columns: Analyse, changes: dict[str, Any], more: dict[str, Any], code: str, detail: str
) -> None:
    with pytest.raises(ComputeError) as caught:
        analyse_columns("survival", {**FEW, **changes}, {"time": "t", "event": "e", **more})
    assert caught.value.code == code
    assert detail in caught.value.detail


@pytest.mark.parametrize(
    "parameters",
    [{"time": "t", "event": "t"}, {"time": "t", "event": "e", "group": "t"}, {**TIMES, "features": ["weeks"]}],
)
def test_a_column_has_one_part(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"more than once|cannot be the time"):
        SurvivalParameters.model_validate(parameters)
