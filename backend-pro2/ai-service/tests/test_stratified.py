"""Stratified tables: published examples, statsmodels as a second opinion, and strata that say nothing."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import StratifiedTable

from shared.compute import ComputeError

from ..app.engines.mantel_haenszel import Cells, association, common_odds_ratio, homogeneity
from ..app.schemas.strata_parameters import StratifiedParameters
from .support import Analyse

# Bickel, Hammel and O'Connell (1975), as in R's `UCBAdmissions`: admitted and rejected men, then women.
BERKELEY = [
    (512, 313, 89, 19),
    (353, 207, 17, 8),
    (120, 205, 202, 391),
    (138, 279, 131, 244),
    (53, 138, 94, 299),
    (22, 351, 24, 317),
]
# R's `mantelhaen.test`, example "Rabbits": penicillin at once or after 1.5 hours, cured or died.
RABBITS = [(0, 6, 0, 5), (3, 3, 0, 6), (6, 0, 2, 4), (5, 1, 6, 0), (2, 0, 5, 0)]
# Liu (1992) in Agresti's "Categorical Data Analysis": smoking and lung cancer in eight Chinese cities.
CHINA = [
    (126, 100, 35, 61),
    (908, 688, 497, 807),
    (913, 747, 336, 598),
    (235, 172, 58, 121),
    (402, 308, 121, 215),
    (182, 156, 72, 98),
    (60, 99, 11, 43),
    (104, 89, 21, 36),
]
STRATIFIED = {"exposure": "exposure", "outcome": "outcome", "strata": ["stratum"]}
WEIGHTED = {**STRATIFIED, "weight": "count"}


def columns(tables: Sequence[Sequence[float]]) -> dict[str, list[Any]]:
    cells = [
        (f"s{stratum}", exposure, outcome, table[2 * (1 - exposure) + 1 - outcome])
        for stratum, table in enumerate(tables)
        for exposure in (1, 0)
        for outcome in (1, 0)
    ]
    names = ("stratum", "exposure", "outcome", "count")
    return dict(zip(names, map(list, zip(*cells, strict=True)), strict=True))


def cells_of(tables: Sequence[Sequence[float]]) -> Cells:
    return Cells(*np.array(tables, dtype=np.float64).T)


def codes(result: dict[str, Any]) -> list[str]:
    return [warning["code"] for warning in result["warnings"]]


class TestPublished:
    def test_berkeley(self, analyse_columns: Analyse) -> None:
        # mantelhaen.test(UCBAdmissions) in R's examples (tests/Examples/stats-Ex.Rout.save); Breslow and Day with
        # Tarone's correction by statsmodels' test_equal_odds.
        result = analyse_columns("stratified", columns(BERKELEY), {**WEIGHTED, "correction": True})
        summary = result["summary"]
        assert summary["odds_ratio"] == pytest.approx(0.9046968, abs=5e-8)
        assert (summary["ci_low"], summary["ci_high"]) == pytest.approx((0.7719074, 1.0603298), abs=5e-8)
        assert summary["statistic"] == pytest.approx(1.4269, abs=5e-5)
        assert summary["p_value"] == pytest.approx(0.2323, abs=5e-5)
        assert summary["homogeneity"]["statistic"] == pytest.approx(18.8255, abs=1e-3)
        assert (summary["df"], summary["homogeneity"]["df"], summary["n"]) == (1, 5, 4526)
        assert summary["crude_odds_ratio"] == pytest.approx(1.84108, abs=5e-6)
        assert summary["simpson_reversal"] is True
        assert codes(result) == ["simpson_reversal", "unequal_odds_ratios"]

    def test_rabbits(self, analyse_columns: Analyse) -> None:
        result = analyse_columns("stratified", columns(RABBITS), {**WEIGHTED, "correction": True})
        summary = result["summary"]
        assert summary["statistic"] == pytest.approx(3.9286, abs=5e-5)
        assert summary["p_value"] == pytest.approx(0.04747, abs=5e-6)
        assert summary["effect_size"]["value"] == pytest.approx(7)
        assert summary["effect_size"]["ci_low"] == pytest.approx(1.026713, abs=5e-7)
        assert summary["effect_size"]["ci_high"] == pytest.approx(47.725133, abs=5e-7)
        assert (summary["strata"], summary["informative_strata"]) == (5, 3)
        assert codes(result) == ["unequal_odds_ratios", "uninformative_strata"]

    def test_china(self, analyse_columns: Analyse) -> None:
        # statsmodels' notebook "Contingency tables": 2.174 (1.984, 2.383), 280.138, and 5.200 with p 0.636.
        summary = analyse_columns("stratified", columns(CHINA), WEIGHTED)["summary"]
        assert [summary[name] for name in ("odds_ratio", "ci_low", "ci_high")] == pytest.approx(
            [2.174, 1.984, 2.383], abs=5e-4
        )
        assert summary["statistic"] == pytest.approx(280.138, abs=5e-4)
        assert summary["homogeneity"] == pytest.approx({"statistic": 5.200, "df": 7, "p_value": 0.636}, abs=5e-4)
        assert 0 < summary["p_value"] < 1e-60
        assert [assumption["holds"] for assumption in summary["assumptions"]] == [None, True, True]


TABLES = st.lists(st.tuples(*[st.integers(1, 60)] * 4), min_size=2, max_size=6)


@given(TABLES)
@settings(max_examples=60, deadline=None)
def test_agrees_with_statsmodels(tables: list[tuple[int, ...]]) -> None:
    cells, theirs = cells_of(tables), StratifiedTable([np.array(table).reshape(2, 2) for table in tables])
    ratio = common_odds_ratio(cells, 0.1)
    assert ratio.value == pytest.approx(theirs.oddsratio_pooled, rel=1e-10)
    assert (ratio.low, ratio.high) == pytest.approx(theirs.oddsratio_pooled_confint(0.1), rel=1e-10)
    assert association(cells, correction=False).statistic == pytest.approx(
        theirs.test_null_odds().statistic, rel=1e-9, abs=1e-12
    )
    if abs(ratio.value - 1) > 1e-3:
        expected = theirs.test_equal_odds(adjust=True)
        found = homogeneity(cells, ratio.value)
        assert (found.statistic, found.p_value) == pytest.approx(
            (expected.statistic, expected.pvalue), rel=1e-6, abs=1e-9
        )


@given(TABLES, st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_order_of_strata_and_names_of_levels_do_not_matter(tables: list[tuple[int, ...]], random: Any) -> None:
    shuffled = random.sample(tables, len(tables))
    swapped = [(c, d, a, b) for a, b, c, d in shuffled]
    first, second, third = (common_odds_ratio(cells_of(given), 0.05) for given in (tables, shuffled, swapped))
    assert second.value == pytest.approx(first.value)
    assert (1 / third.value, 1 / third.high) == pytest.approx((first.value, first.low))
    p_values = [association(cells_of(given), correction=True).p_value for given in (tables, shuffled, swapped)]
    assert p_values == pytest.approx([p_values[0]] * 3)


def test_homogeneity_where_the_odds_ratio_is_one() -> None:
    # Margins then give the mean and the variance directly.
    tables = [(10, 20, 20, 10), (20, 10, 10, 20)]
    found = homogeneity(cells_of(tables), common_odds_ratio(cells_of(tables), 0.05).value)
    assert found.statistic == pytest.approx(2 * 25 / (1 / (4 / 15)), rel=1e-12)


def test_rows_and_weights_say_the_same(analyse_columns: Analyse) -> None:
    weighted = columns(RABBITS)
    rows = {
        name: [x for x, n in zip(weighted[name], weighted["count"], strict=True) for _ in range(n)] for name in weighted
    }
    results = [analyse_columns("stratified", rows, STRATIFIED), analyse_columns("stratified", weighted, WEIGHTED)]
    assert results[0]["summary"] == results[1]["summary"]
    assert results[0]["tables"] == results[1]["tables"]


def test_levels_can_be_named_and_missing_rows_are_dropped(analyse_columns: Analyse) -> None:
    data: dict[str, list[Any]] = {
        "exposure": ["low", "mid", "high", "none", "none", "high", None, "none"],
        "outcome": [True, False, True, False, True, False, True, None],
        "stratum": [1.0, 1.0, 1.0, 1.0, 1.0, float("inf"), 1.0, 1.0],
    }
    result = analyse_columns("stratified", data, {**STRATIFIED, "exposed": "none", "event": "false"})
    assert result["tables"][0]["rows"][0][:6] == ["1", 5, 1, 1, 1, 2]
    assert (result["summary"]["exposed"], result["summary"]["event"]) == ("none", "false")
    assert codes(result) == ["rows_dropped", "tiny_sample"]
    assert "3 of 8" in result["warnings"][0]["message"]


def test_strata_that_say_nothing_give_nulls(analyse_columns: Analyse) -> None:
    result = analyse_columns("stratified", columns([(3, 4, 0, 0), (0, 0, 5, 6)]), WEIGHTED)
    summary = result["summary"]
    assert (summary["odds_ratio"], summary["p_value"], summary["statistic"]) == (None, None, None)
    assert summary["homogeneity"] == {"statistic": None, "df": None, "p_value": None}
    assert codes(result) == ["uninformative_strata", "undefined_odds_ratio"]


def test_empty_cells_leave_the_test_but_no_ratio(analyse_columns: Analyse) -> None:
    result = analyse_columns("stratified", columns([(5, 0, 1, 6), (4, 0, 2, 3)]), WEIGHTED)
    assert result["summary"]["odds_ratio"] is None
    assert result["summary"]["p_value"] == pytest.approx(
        StratifiedTable([np.array([[5, 0], [1, 6]]), np.array([[4, 0], [2, 3]])]).test_null_odds().pvalue
    )
    assert codes(result) == ["undefined_odds_ratio"]


THREE = {"exposure": ["a", "b", "c"], "outcome": [0, 1, 1], "stratum": ["x"] * 3, "count": [1, 2, -1]}
TWO = {**THREE, "exposure": ["a", "b", "a"]}


@pytest.mark.parametrize(
    ("data", "parameters", "code", "detail"),
    [
        (THREE, STRATIFIED, "wrong_groups", "3 different values (a, b, c)"),
        (THREE, {**STRATIFIED, "exposed": "z"}, "wrong_groups", "no value 'z'"),
        (TWO, WEIGHTED, "invalid_value", "from 0"),
        ({**TWO, "outcome": [1, 1, 1]}, STRATIFIED, "constant_column", "only the value '1'"),
        ({**TWO, "stratum": [None] * 3}, STRATIFIED, "too_few_rows", "None of 3 rows"),
        ({name: np.array([], np.int64) for name in TWO}, STRATIFIED, "too_few_rows", "None of 0 rows"),
        ({name: np.arange(1001.0) for name in TWO}, STRATIFIED, "too_many_levels", "1001"),
        (TWO, {**STRATIFIED, "strata": ["where"]}, "column_not_found", "'where'"),
        (TWO, {**STRATIFIED, "weight": "exposure", "exposure": "count"}, "not_numeric", "'exposure'"),
    ],
)
def test_faults(
    analyse_columns: Analyse, data: dict[str, Any], parameters: dict[str, Any], code: str, detail: str
) -> None:
    with pytest.raises(ComputeError) as caught:
        analyse_columns("stratified", data, parameters)
    assert caught.value.code == code
    assert detail in caught.value.detail


def test_many_strata_of_two_columns_are_refused(analyse_columns: Analyse) -> None:
    data = {"e": [0, 1] * 600, "o": [0, 0, 1, 1] * 300, "s": np.arange(1200) // 40, "t": np.arange(1200) % 40}
    with pytest.raises(ComputeError, match="1200 strata"):
        analyse_columns("stratified", data, {"exposure": "e", "outcome": "o", "strata": ["s", "t"]})


def test_a_column_has_one_part() -> None:
    with pytest.raises(ValueError, match="more than once"):
        StratifiedParameters(exposure="a", outcome="b", strata=["a"])
