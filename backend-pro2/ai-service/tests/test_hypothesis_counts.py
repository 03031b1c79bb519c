"""Tests of counts against published examples: chi-square, Fisher, proportions."""

import math
from collections.abc import Sequence
from typing import Any

import pytest
from scipy import stats
from scipy.stats import contingency

from .support import Analyse


def crossed(counts: Sequence[Sequence[int]]) -> dict[str, list[str]]:
    """Rows with these counts of `a` (rows) and `b` (columns)."""
    cells = [(f"a{i}", f"b{j}") for i, row in enumerate(counts) for j, n in enumerate(row) for _ in range(n)]
    return {"a": [a for a, _ in cells], "b": [b for _, b in cells]}


@pytest.fixture
def run(analyse_columns: Analyse) -> Any:
    def call(columns: Any, method: str, **parameters: Any) -> dict[str, Any]:
        summary: dict[str, Any] = analyse_columns("hypothesis-test", columns, {"method": method, **parameters})[
            "summary"
        ]
        return summary

    return call


class TestCounts:
    def test_chi_square(self, run: Any) -> None:
        # Agresti (2007), page 39, the example of R's chisq.test (tests/Examples/stats-Ex.Rout.save).
        found = run(crossed([[762, 327, 468], [484, 239, 477]]), "chi_square", column="a", column2="b")
        assert (found["statistic"], found["df"]) == pytest.approx((30.07, 2), abs=5e-3)
        assert found["p_value"] == pytest.approx(2.954e-07, rel=2e-4)
        effect = found["effect_size"]
        assert effect["value"] == pytest.approx(math.sqrt(found["statistic"] / 2757))
        for limit, probability in ((effect["ci_low"], 0.975), (effect["ci_high"], 0.025)):
            assert stats.ncx2.cdf(found["statistic"], 2, limit**2 * 2757) == pytest.approx(probability, abs=1e-8)

    def test_titanic(self, run: Any) -> None:
        # Counts of the full passenger list: 339 of 466 women and 161 of 843 men survived.
        found = run(crossed([[339, 127], [161, 682]]), "chi_square", column="a", group="b")
        assert (found["statistic"], found["statistic_yates"]) == pytest.approx((365.887, 363.618), abs=5e-4)
        assert found["effect_size"]["value"] == pytest.approx(0.52869, abs=5e-6)

    def test_fisher(self, run: Any) -> None:
        # Fisher's tea taster, and twins of criminals (Fisher 1962, 1970), examples of R's fisher.test (same file).
        tea = run(crossed([[3, 1], [1, 3]]), "fisher", column="a", column2="b", alternative="greater")
        assert tea["p_value"] == pytest.approx(0.2429, abs=5e-5)
        # R's root finder stops at six digits.
        assert tea["statistic"] == pytest.approx(6.408309, rel=3e-6)
        twins = run(crossed([[2, 10], [15, 3]]), "fisher", column="a", column2="b")
        effect = twins["effect_size"]
        assert twins["p_value"] == pytest.approx(0.0005367, abs=5e-8)
        found = (effect["value"], effect["ci_low"], effect["ci_high"])
        # R's root finder stops at 1e-4; the tails below are exact.
        assert found == pytest.approx((0.04693661, 0.003325764, 0.363182271), abs=1e-5)
        for limit, cells in ((effect["ci_low"], range(2, 13)), (effect["ci_high"], range(3))):
            weights = [math.comb(12, k) * math.comb(18, 17 - k) * limit**k for k in range(13)]
            assert sum(weights[k] for k in cells) / sum(weights) == pytest.approx(0.025, abs=1e-9)

    def test_fisher_without_a_limit_says_so(self, analyse_columns: Analyse) -> None:
        columns = crossed([[5, 0], [1, 4]])
        result = analyse_columns("hypothesis-test", columns, {"method": "fisher", "column": "a", "column2": "b"})
        assert result["summary"]["statistic"] is None
        assert [warning["code"] for warning in result["warnings"]] == ["infinite_ratio"]

    def test_proportions(self, run: Any) -> None:
        # Newcombe (1998, Statistics in Medicine 17): pages 857-872 table II for one, 873-890 table II (a) for two.
        one = run({"x": [1] * 81 + [0] * 182}, "proportion", column="x")["effect_size"]
        assert (one["ci_low"], one["ci_high"]) == pytest.approx((0.2553, 0.3662), abs=5e-5)
        columns = {"hit": [True] * 56 + [False] * 14 + [True] * 48 + [False] * 32, "arm": ["x"] * 70 + ["y"] * 80}
        two = run(columns, "proportion", column="hit", group="arm")
        effect = two["effect_size"]
        assert (effect["value"], effect["ci_low"], effect["ci_high"]) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
        pearson = contingency.chi2_contingency([[56, 48], [14, 32]], correction=False)
        assert two["statistic"] ** 2 == pytest.approx(pearson.statistic)
        assert two["p_value"] == pytest.approx(pearson.pvalue)
        turned = run(columns, "proportion", column="hit", group="arm", groups=["y", "x"], success=False)
        assert turned["statistic"] == pytest.approx(two["statistic"])

    def test_a_column_without_any_success(self, run: Any) -> None:
        found = run({"x": [False] * 12}, "proportion", column="x", alternative="less")
        assert (found["effect_size"]["value"], found["success"]) == (0, "true")
        assert found["p_value_exact"] == pytest.approx(0.5**12)
