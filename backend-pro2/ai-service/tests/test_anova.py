"""Analysis of variance against certified values and published examples, its invariances, and what it refuses."""

import math
import re
from fractions import Fraction
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from shared.compute import ComputeError

from ..app.engines.anova import sums_of_squares
from ..app.engines.samples import Sample
from ..app.engines.tukey import range_quantile, range_tail
from ..app.schemas.tests_parameters import AnovaParameters
from .support import Analyse
from .test_regression import digits

# Dobson (1983), R's data set `PlantGrowth`.
PLANTS = {
    "weight": [
        4.17, 5.58, 5.18, 6.11, 4.50, 4.61, 5.17, 4.53, 5.33, 5.14, 4.81, 4.17, 4.41, 3.59, 5.87, 3.83, 6.03, 4.89,
        4.32, 4.69, 6.31, 5.12, 5.54, 5.50, 5.37, 5.29, 4.92, 6.15, 5.80, 5.26,
    ],
    "group": ["ctrl"] * 10 + ["trt1"] * 10 + ["trt2"] * 10,
}  # fmt: skip
# Crampton (1947), R's data set `ToothGrowth`.
TEETH: dict[str, list[Any]] = {
    "len": [
        4.2, 11.5, 7.3, 5.8, 6.4, 10, 11.2, 11.2, 5.2, 7, 16.5, 16.5, 15.2, 17.3, 22.5, 17.3, 13.6, 14.5, 18.8, 15.5,
        23.6, 18.5, 33.9, 25.5, 26.4, 32.5, 26.7, 21.5, 23.3, 29.5, 15.2, 21.5, 17.6, 9.7, 14.5, 10, 8.2, 9.4, 16.5,
        9.7, 19.7, 23.3, 23.6, 26.4, 20, 25.2, 25.8, 21.2, 14.5, 27.3, 25.5, 26.4, 22.4, 24.5, 24.8, 30.9, 26.4, 27.3,
        29.4, 23,
    ],
    "supp": ["VC"] * 30 + ["OJ"] * 30,
    "dose": ([0.5] * 10 + [1.0] * 10 + [2.0] * 10) * 2,
}  # fmt: skip


def records(result: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = next(table for table in result["tables"] if table["name"] == name)
    return [dict(zip(found["columns"], row, strict=True)) for row in found["rows"]]


def reference(name: str) -> tuple[dict[str, list[float]], list[float]]:
    """NIST's data and certified values: df, sum of squares, mean square and F between, then df and squares within."""
    text = (files("scipy.stats.tests") / "data" / "nist_anova" / f"{name}.dat").read_text()
    between, within = (
        re.findall(rf"^{kind} .*?((?:\s+[\dE.+-]+)+)\s*$", text, re.MULTILINE)[0] for kind in ("Between", "Within")
    )
    lines = [line.split() for line in text.splitlines()[60:] if line.strip()]
    group, value = ([float(line[i]) for line in lines] for i in (0, 1))
    return {"value": value, "group": group}, [float(word) for word in (between + within).split()]


class TestCertifiedValues:
    @pytest.mark.parametrize(
        ("name", "at_least"),
        [
            ("SiRstv", 12), ("SmLs01", 13), ("SmLs02", 13), ("SmLs03", 13), ("AtmWtAg", 9),
            ("SmLs04", 9), ("SmLs05", 9), ("SmLs06", 9),
        ],
    )  # fmt: skip
    def test_nist(self, analyse_columns: Analyse, name: str, at_least: float) -> None:
        columns, certified = reference(name)
        result = analyse_columns("anova", columns, {"column": "value", "group": "group"})
        between, within = records(result, "anova")
        assert (between["df"], within["df"]) == (certified[0], certified[4])
        computed = (between["sum_sq"], between["mean_sq"], between["f"])
        for found, expected in zip(computed, certified[1:4], strict=True):
            assert digits(found, expected) >= at_least
        assert digits(within["sum_sq"], certified[5]) >= at_least

    @pytest.mark.parametrize("name", ["SmLs04", "SmLs07", "SmLs08", "SmLs09"])
    def test_all_that_the_doubles_hold(self, name: str) -> None:
        # A double near 1e12 has lost all but three digits of a tenth; of what it holds, nothing more may be lost.
        columns, _ = reference(name)
        frame = pd.DataFrame(columns)
        parts = [Sample(str(group), piece.to_numpy()) for group, piece in frame.groupby("group")["value"]]
        between, within = sums_of_squares(parts)
        exact = [[Fraction(value) for value in part.values.tolist()] for part in parts]
        grand = sum(map(sum, exact), Fraction()) / sum(map(len, exact))
        means = [sum(values, Fraction()) / len(values) for values in exact]
        expected = sum(len(v) * (mean - grand) ** 2 for v, mean in zip(exact, means, strict=True))
        left = sum((x - mean) ** 2 for v, mean in zip(exact, means, strict=True) for x in v)
        assert digits(between, float(expected)) >= 13
        assert digits(within, float(left)) >= 13


class TestOneWay:
    def test_plants(self, analyse_columns: Analyse) -> None:
        result = analyse_columns("anova", PLANTS, {"column": "weight", "group": ["group"]})
        summary = result["summary"]
        # F = 4.8461, p = 0.01591 (R, tests/Examples/datasets-Ex.Rout.save); the pairs as SciPy's tukey_hsd has them.
        assert summary["statistic"] == pytest.approx(4.846, abs=5e-4)
        assert summary["p_value"] == pytest.approx(0.0159, abs=5e-5)
        assert (summary["df"], summary["df_between"], summary["df_within"]) == ([2, 27], 2, 27)
        first, second, third = records(result, "tukey")
        assert (first["group1"], first["group2"]) == ("trt1", "ctrl")
        found = [
            [pair[key] for key in ("difference", "ci_low", "ci_high", "p_value")] for pair in (first, second, third)
        ]
        assert found[0] == pytest.approx([-0.371, -1.0622161, 0.3202161, 0.3908711], abs=5e-7)
        assert found[1] == pytest.approx([0.494, -0.1972161, 1.1852161, 0.1979960], abs=5e-7)
        assert found[2] == pytest.approx([0.865, 0.1737839, 1.5562161, 0.0120064], abs=5e-7)
        assert [chart["title"] for chart in result["charts"]] == ["weight by group"]

    def test_effects_limits_are_quantiles_of_the_noncentral_f(self, analyse_columns: Analyse) -> None:
        summary = analyse_columns("anova", PLANTS, {"column": "weight", "group": "group"})["summary"]
        effect = summary["effect_size"]
        assert effect["value"] == pytest.approx(0.2641, abs=5e-5)
        for limit, probability in ((effect["ci_low"], 0.975), (effect["ci_high"], 0.025)):
            noncentrality = 30 * limit / (1 - limit)
            assert stats.ncf.cdf(summary["statistic"], 2, 27, noncentrality) == pytest.approx(probability, abs=1e-8)

    def test_kruskal(self, analyse_columns: Analyse) -> None:
        result = analyse_columns("anova", PLANTS, {"method": "kruskal", "column": "weight", "group": "group"})
        # As SciPy's kruskal has it; R was not run.
        assert result["summary"]["statistic"] == pytest.approx(7.9882, abs=5e-5)
        assert result["summary"]["p_value"] == pytest.approx(0.01842, abs=5e-6)
        # Dunn's squared statistics, weighted by the other group's share, add up to H.
        weighted = sum(pair["statistic"] ** 2 for pair in records(result, "dunn")) * 20 / 30
        assert weighted == pytest.approx(result["summary"]["statistic"])


class TestTwoWay:
    def test_teeth(self, analyse_columns: Analyse) -> None:
        parameters = {"method": "two_way", "column": "len", "group": ["supp", "dose"]}
        result = analyse_columns("anova", TEETH, parameters)
        supp, dose, both, residual = records(result, "anova")
        # As statsmodels' anova_lm has it; the limits by the studentised range of 3 means and 54 degrees of freedom.
        assert (supp["f"], dose["f"], both["f"]) == pytest.approx((15.572, 92.000, 4.107), abs=5e-4)
        assert (supp["p_value"], both["p_value"]) == pytest.approx((0.000231, 0.021860), abs=5e-7)
        assert (residual["df"], residual["sum_sq"]) == pytest.approx((54, 712.1), abs=0.05)
        pair = records(result, "tukey")[1]
        assert (pair["term"], pair["group1"], pair["group2"]) == ("dose", "1", "0.5")
        assert (pair["difference"], pair["ci_low"], pair["ci_high"]) == pytest.approx(
            (9.13, 6.362488, 11.897512), abs=5e-7
        )
        assert result["summary"]["term"] == "supp:dose"
        assert "depends on 'dose'" in result["summary"]["conclusion"]

    def test_unbalanced_as_statsmodels_type_two(self, analyse_columns: Analyse) -> None:
        kept = [i for i in range(60) if i % 7 and i not in (1, 2, 3, 31)]
        columns = {name: [values[i] for i in kept] for name, values in TEETH.items()}
        result = analyse_columns("anova", columns, {"method": "two_way", "column": "len", "group": ["supp", "dose"]})
        frame = pd.DataFrame(columns).rename(columns={"len": "y"})
        expected = anova_lm(ols("y ~ C(supp) * C(dose)", frame).fit(), typ=2)
        found = [(row["sum_sq"], row["df"]) for row in records(result, "anova")]
        for row, (_, line) in zip(found, expected.iterrows(), strict=True):
            assert row == pytest.approx((line["sum_sq"], line["df"]), rel=1e-9)

    def test_without_replication_there_is_no_interaction(self, analyse_columns: Analyse) -> None:
        columns = {"y": [1.0, 2, 4, 3, 5, 9], "a": list("uuuvvv"), "b": list("xyzxyz")}
        result = analyse_columns("anova", columns, {"method": "two_way", "column": "y", "group": ["a", "b"]})
        assert [row["term"] for row in records(result, "anova")] == ["a", "b", "residual"]
        assert [warning["code"] for warning in result["warnings"]] == ["no_replication", "tiny_sample"]
        assert result["summary"]["df"] == [1, 2]


class TestStudentisedRange:
    def test_table(self) -> None:
        # Upper 5 % points, table of Pearson and Hartley (1970) as reprinted in textbooks.
        found = [range_quantile(0.05, k, df) for k, df in ((3, 10), (5, 20), (10, 5), (2, 1))]
        assert found == pytest.approx([3.88, 4.23, 6.99, 17.97], abs=6e-3)

    def test_two_groups_are_a_t_test(self) -> None:
        q = np.array([0.5, 2.0, 5.0])
        assert range_tail(q, 2, 7) == pytest.approx(2 * stats.t.sf(q / math.sqrt(2), 7), abs=1e-12)


@pytest.mark.parametrize("method", ["one_way", "kruskal", "two_way"])
def test_scale_shift_and_order_of_rows_change_nothing(analyse_columns: Analyse, method: str) -> None:
    group = ["supp", "dose"] if method == "two_way" else "dose"
    order = np.random.default_rng(5).permutation(60)
    y = np.round(np.array(TEETH["len"]) * 8)
    moved = {
        "len": (y * 4 + 1024)[order],
        "supp": np.array(TEETH["supp"])[order],
        "dose": np.array(TEETH["dose"])[order],
    }
    parameters = {"method": method, "column": "len", "group": group}
    first = analyse_columns("anova", TEETH | {"len": y}, parameters)["summary"]
    second = analyse_columns("anova", moved, parameters)["summary"]
    assert second["statistic"] == pytest.approx(first["statistic"], rel=1e-10)
    assert second["effect_size"]["ci_low"] == pytest.approx(first["effect_size"]["ci_low"], rel=1e-7)


def test_many_groups_are_not_compared_in_pairs(analyse_columns: Analyse) -> None:
    columns = {"y": np.arange(150.0) % 7, "g": np.arange(150) % 50}
    result = analyse_columns("anova", columns, {"column": "y", "group": "g"})
    assert "pairs_not_compared" in [warning["code"] for warning in result["warnings"]]
    assert [table["name"] for table in result["tables"]] == ["anova", "groups"]
    assert len(result["charts"][0]["spec"]["data"]["values"]) == 30


@pytest.mark.parametrize(
    ("columns", "method", "code"),
    [
        ({"y": [1.0, 2.0], "g": ["a", "a"]}, "one_way", "constant_column"),
        ({"y": [1.0, 2.0], "g": ["a", "b"]}, "one_way", "constant_column"),
        ({"y": [1.0, 1.0, 2.0, 2.0], "g": ["a", "a", "b", "b"]}, "one_way", "constant_column"),
        ({"y": [math.inf, None], "g": ["a", "b"]}, "one_way", "too_few_rows"),
        ({"y": ["x", "z"], "g": ["a", "b"]}, "one_way", "not_numeric"),
        ({"y": np.arange(200.0), "g": np.arange(200)}, "one_way", "too_many_levels"),
        ({"y": [1e75, 2.0, 3.0], "g": ["a", "b", "b"]}, "kruskal", "out_of_range"),
        ({"y": [2.0] * 4, "g": ["a", "a", "b", "b"]}, "kruskal", "constant_column"),
        ({"y": [1.0, 2, 3], "g": ["a", "b", "b"], "h": ["a", "a", "a"]}, "two_way", "constant_column"),
        ({"y": [1.0, 2, 3, 4, 5], "g": list("aabbb"), "h": list("xxzzz")}, "two_way", "singular_design"),
        ({"y": [1.0, 2, 3], "g": list("aab"), "h": list("xzz")}, "two_way", "too_few_rows"),
        ({"y": [1.0, None, None], "g": list("aab"), "h": list("xzz")}, "two_way", "too_few_rows"),
        ({"y": [1.0, 1, 3, 3, 3, 3, 4, 4], "g": list("aaaabbbb"), "h": list("xxzzxxzz")}, "two_way", "constant_column"),
    ],
)
def test_refused(analyse_columns: Analyse, columns: Any, method: str, code: str) -> None:
    group = ["g", "h"] if method == "two_way" else "g"
    with pytest.raises(ComputeError) as caught:
        analyse_columns("anova", columns, {"method": method, "column": "y", "group": group})
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("method", "group", "said"),
    [("two_way", "g", "needs 2"), ("one_way", ["g", "h"], "needs 1"), ("one_way", "y", "more than once")],
)
def test_parameters_that_do_not_go_together(method: str, group: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        AnovaParameters.model_validate({"method": method, "column": "y", "group": group})
