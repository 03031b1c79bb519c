"""The scan of a dataset: what it finds in real data, what it leaves alone in noise, and how it is bounded."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.compute import ComputeError

from ..app.engines.auto import judge
from ..app.engines.auto_columns import Scanned
from ..app.engines.auto_pairs import list_pairs, run_pair, spearman_limits
from ..app.engines.levels import Levels
from ..app.engines.multiplicity import q_values
from ..app.schemas.auto_parameters import AutoParameters
from .shipped_data import PENGUINS, TITANIC, load
from .support import Analyse

# Benjamini and Hochberg (1995), the fifteen p-values of their example: four are rejected at 0.05.
THROMBOLYSIS = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590,
    1.0,
]  # fmt: skip


def rows(result: dict[str, Any], name: str = "findings") -> list[dict[str, Any]]:
    table = next(table for table in result["tables"] if table["name"] == name)
    return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]


def codes(result: dict[str, Any]) -> list[str]:
    return [warning["code"] for warning in result["warnings"]]


@pytest.fixture
def noise() -> dict[str, Any]:
    generator = np.random.default_rng(5)
    return {**{f"x{i}": generator.normal(size=60) for i in range(3)}, "g": ["a", "b", "c"] * 20}


class TestFalseDiscovery:
    def test_the_published_example(self) -> None:
        assert int((q_values(THROMBOLYSIS) <= 0.05).sum()) == 4
        assert q_values(THROMBOLYSIS)[3] == pytest.approx(0.0095 * 15 / 4)
        assert int((q_values(THROMBOLYSIS, "by") <= 0.05).sum()) == 3
        assert len(q_values([])) == 0

    @given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
    def test_q_is_monotone_and_no_less_than_p(self, p_values: list[float]) -> None:
        p = np.array(p_values)
        q, strict = q_values(p), q_values(p, "by")
        order = np.argsort(p, kind="stable")
        assert (np.diff(q[order]) >= 0).all()
        assert (q >= p * (1 - 1e-12)).all()
        assert (q <= 1).all()
        assert (strict >= q * (1 - 1e-12)).all()

    def test_noise_gives_a_finding_no_more_often_than_the_level_says(self) -> None:
        generator, parameters, found, trials = np.random.default_rng(11), AutoParameters(alpha=0.1), 0, 100
        for _ in range(trials):
            pairs = list_pairs(noisy_columns(generator, 50))
            tested = [one for one in (run_pair(pair, parameters) for pair in pairs) if one is not None]
            assert len(pairs) == 10
            assert len(tested) >= 8
            found += bool(judge(tested, parameters).chosen)
        # Under the global null the share is the level, 10 of 100; within three standard errors of it.
        assert 1 <= found <= 19

    def test_planted_relations_are_found_among_noise(self, analyse_columns: Analyse, noise: dict[str, Any]) -> None:
        result = analyse_columns("auto", {**noise, "y": noise["x1"] + np.random.default_rng(6).normal(size=60)}, {})
        (finding,) = rows(result)
        assert (finding["column1"], finding["column2"], finding["test"]) == ("x1", "y", "spearman")
        assert finding["q_value"] >= finding["p_value"]
        assert result["summary"]["hypotheses_tested"] == 10
        assert result["summary"]["hypotheses_rejected"] == 1
        assert [hypothesis["rejected"] for hypothesis in rows(result, "hypotheses")].count(True) == 1


def noisy_columns(generator: np.random.Generator, n: int) -> list[Scanned]:
    present = np.zeros(n, dtype=bool)
    numeric = [Scanned(f"x{i}", "number", "numeric", present, generator.normal(size=n)) for i in range(3)]
    names = ("a", "b", "c")
    drawn = [generator.integers(0, k, size=n) for k in (2, 3)]
    groups = [
        Scanned(f"g{i}", "string", "category", present, levels=Levels(f"g{i}", names, codes))
        for i, codes in enumerate(drawn)
    ]
    return [*numeric, *groups]


class TestRealData:
    def test_penguins(self, analyse_columns: Analyse) -> None:
        result = analyse_columns("auto", load(PENGUINS), {"findings": 30})
        first = rows(result)[0]
        assert (first["rank"], first["column1"], first["column2"]) == (1, "flipper_length_mm", "body_mass_g")
        # Data of Horst, Hill and Gorman (2020); the rank correlation is Pearson's of the mid-ranks, as pandas has them.
        ranks = pd.DataFrame(load(PENGUINS))[["flipper_length_mm", "body_mass_g"]].dropna().rank()
        assert first["effect"] == pytest.approx(np.corrcoef(ranks.T)[0, 1], rel=1e-9)
        assert (result["summary"]["hypotheses_rejected"], result["summary"]["fdr_level"]) == (19, 0.05)
        reversals = [w["message"] for w in result["warnings"] if w["code"] == "simpson_reversal"]
        assert any("'culmen_length_mm' and 'culmen_depth_mm'" in text and "'species'" in text for text in reversals)
        strengths = [row["strength"] for row in rows(result)]
        assert strengths == sorted(strengths, reverse=True)
        assert len(result["charts"]) == 6
        assert all(chart["spec"]["title"] for chart in result["charts"])

    def test_titanic_with_a_target(self, analyse_columns: Analyse) -> None:
        result = analyse_columns("auto", load(TITANIC), {"target": "survived", "findings": 12, "charts": 0})
        found = rows(result)
        leaks = [w["message"].split("'")[1] for w in result["warnings"] if w["code"] == "target_leakage"]
        assert leaks == ["boat", "body"]
        assert [row["column1"] for row in found[:2]] == ["survived", "survived"]
        sex = next(row for row in found if row["column2"] == "sex")
        # Cramér's V of the full passenger list, from chi-squared 365.887 of 1309 rows.
        assert sex["effect"] == pytest.approx(0.52869, abs=5e-6)
        assert "72.7% of rows where 'sex' is female, but 38.2% of all" in sex["sentence"]
        assert (found[0]["kind"], found[0]["column2"]) == ("missing_pattern", "boat")
        assert {"outliers", "skew"} <= {row["kind"] for row in found}


class TestColumns:
    def test_facts_about_single_columns(self, analyse_columns: Analyse, noise: dict[str, Any]) -> None:
        data = {
            **noise,
            "id": list(range(60)),
            "one": [1.0] * 60,
            "none": pa.array([None] * 60, pa.float64()),
            "again": noise["x0"],
            "far": [*np.linspace(0, 1, 59), 1000.0],
        }
        result = analyse_columns("auto", data, {})
        facts = {row["kind"]: row["column1"] for row in rows(result) if row["p_value"] is None}
        assert facts.items() >= {"identifier": "id", "constant": "one", "empty": "none", "copy": "again"}.items()
        assert facts.items() >= {"outliers": "far", "skew": "far"}.items()
        assert all("again" not in (row["column1"], row["column2"]) for row in rows(result, "hypotheses"))

    def test_a_trend_and_missing_values_that_go_with_it(self, analyse_columns: Analyse) -> None:
        days = pa.array(range(19000, 19080), pa.int32()).cast(pa.date32())
        level = np.arange(80.0) + np.random.default_rng(1).normal(size=80)
        gaps = [None if i < 30 else float(i % 7) for i in range(80)]
        result = analyse_columns("auto", {"day": days, "level": level, "gaps": gaps}, {"charts": 3})
        kinds = {row["kind"]: row for row in rows(result)}
        assert kinds["trend"]["sentence"].startswith("'level' rises along 'day'")
        assert kinds["missing_pattern"]["column2"] == "gaps"
        assert any("2022-" in row["sentence"] for row in rows(result) if row["column1"] == "day")
        assert any(chart["title"] == "level over day" for chart in result["charts"])

    def test_it_is_bounded_in_rows_and_pairs_and_says_so(self, analyse_columns: Analyse) -> None:
        generator = np.random.default_rng(2)
        data = {f"x{i}": generator.normal(size=400) for i in range(6)}
        parameters = {"max_rows": 100, "max_pairs": 7, "target": "x3"}
        result = analyse_columns("auto", data, parameters)
        assert codes(result) == ["sampled", "pairs_limited"]
        assert (result["summary"]["rows"], result["summary"]["rows_used"]) == (400, 100)
        assert {row["n"] for row in rows(result, "hypotheses")} == {100}
        assert sum("x3" in (row["column1"], row["column2"]) for row in rows(result, "hypotheses")) == 5
        assert len(rows(result, "hypotheses")) == 7
        assert analyse_columns("auto", data, parameters) == result

    def test_faults(self, analyse_columns: Analyse, noise: dict[str, Any]) -> None:
        for data, parameters, code in (
            ({"a": [1.0] * 9}, {}, "too_few_rows"),
            (noise, {"target": "nothing"}, "column_not_found"),
        ):
            with pytest.raises(ComputeError) as fault:
                analyse_columns("auto", data, parameters)
            assert fault.value.code == code

    def test_infinities_and_huge_numbers_are_left_out(self, analyse_columns: Analyse, noise: dict[str, Any]) -> None:
        data = {**noise, "inf": [np.inf, *noise["x0"][1:]], "huge": [1e300, *noise["x0"][1:]]}
        roles = {row["name"]: row["role"] for row in rows(analyse_columns("auto", data, {}), "columns")}
        assert (roles["inf"], roles["huge"]) == ("numeric", "extreme")


def test_the_interval_of_a_rank_correlation() -> None:
    # Bonett and Wright (2000): rho 0.5 of 50 rows has the standard error sqrt(1.125 / 47) on Fisher's scale.
    low, high = spearman_limits(0.5, 50, 0.05)
    assert (np.arctanh(high) - np.arctanh(low)) / 2 == pytest.approx(1.959964 * np.sqrt(1.125 / 47), rel=1e-6)
