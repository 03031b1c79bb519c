"""Anomalies: each score against its own formula, planted rows, invariances, and what cannot be scored."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

from shared.compute import ComputeError

from ..app.engines import anomaly_scores
from ..app.engines.anomaly_scores import forest_scores, lof_scores, robust_z_scores
from .support import Analyse

RANDOM = np.random.default_rng(7)
POINTS = np.vstack([RANDOM.normal(size=(60, 2)), [[8.0, -8.0]]])
COLUMNS = {"a": POINTS[:, 0], "b": POINTS[:, 1]}


def codes(result: dict[str, Any]) -> list[str]:
    return [warning["code"] for warning in result["warnings"]]


def lof_by_definition(points: Any, k: int) -> Any:
    """Breunig and others (2000), definitions 3 to 7, word by word; no two distances are equal here."""
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    neighbours = np.argsort(distances, axis=1)[:, :k]
    reach_of = np.sort(distances, axis=1)[:, k - 1]
    density = np.array(
        [1 / np.mean(np.maximum(reach_of[near], distances[i, near])) for i, near in enumerate(neighbours)]
    )
    return np.array([np.mean(density[near]) / density[i] for i, near in enumerate(neighbours)])


class TestScores:
    def test_modified_z(self) -> None:
        # Iglewicz and Hoaglin (1993): 0.6745 (x - median) / MAD; here the median is 3 and the MAD 1.
        scores = robust_z_scores(np.array([[1.0], [2.0], [3.0], [4.0], [100.0]]))
        assert scores.tolist() == pytest.approx([1.349, 0.6745, 0.0, 0.6745, 65.4265], rel=1e-12)

    def test_modified_z_of_mostly_equal_values(self) -> None:
        # MAD 0: the mean absolute deviation, 1 here, times 1.253314 stands in.
        scores = robust_z_scores(np.array([[0.0]] * 9 + [[10.0]]))
        assert scores[-1] == pytest.approx(10 / 1.2533141373155, rel=1e-12)

    def test_lof_is_that_of_its_definition(self) -> None:
        scores, notices = lof_scores(POINTS, 7, 0)
        standardised = (POINTS - POINTS.mean(axis=0)) / POINTS.std(axis=0)
        assert scores == pytest.approx(lof_by_definition(standardised, 7), rel=1e-8)
        assert notices == []

    def test_lof_of_a_sample(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(anomaly_scores, "COMPARED_AT_MOST", 40)
        scores, notices = lof_scores(POINTS, 7, 0)
        assert int(np.argmax(scores)) == 60
        assert [notice.code for notice in notices] == ["sampled"]

    @pytest.mark.filterwarnings("ignore:Duplicate values")
    def test_many_equal_rows_are_told(self) -> None:
        points = np.vstack([np.zeros((50, 1)), [[1.0]]])
        scores, notices = lof_scores(points, 5, 0)
        assert np.isfinite(scores).all()
        assert [notice.code for notice in notices] == ["many_equal_rows"]

    def test_breast_cancer(self) -> None:
        # Scaling changes no tree, but for rounding: the ranks are those of scikit-learn on the raw columns.
        data = load_breast_cancer()
        plain = IsolationForest(n_estimators=50, max_samples=256, random_state=0).fit(data.data)
        ours = roc_auc_score(data.target == 0, forest_scores(data.data, 50, 0))
        assert ours == pytest.approx(roc_auc_score(data.target == 0, -plain.score_samples(data.data)), abs=0.01)

    @settings(max_examples=8, deadline=None)
    @given(scale=st.sampled_from([-1e5, 1e-5, 2.0]), shift=st.sampled_from([-1e3, 0.0, 1e4]))
    def test_unit_and_origin_do_not_matter(self, scale: float, shift: float) -> None:
        moved = (POINTS + shift) * scale
        assert robust_z_scores(moved) == pytest.approx(robust_z_scores(POINTS), rel=1e-6, abs=1e-6)
        assert lof_scores(moved, 7, 0)[0] == pytest.approx(lof_scores(POINTS, 7, 0)[0], rel=1e-6)


@pytest.mark.parametrize("method", ["isolation_forest", "lof", "robust_z"])
def test_the_planted_row_comes_first(analyse_columns: Analyse, tmp_path: Path, method: str) -> None:
    columns = {"a": [None, *POINTS[:, 0]], "b": [0.0, *POINTS[:, 1]]}
    parameters = {"columns": ["a", "b"], "method": method, "trees": 50}
    result = analyse_columns("anomaly", columns, parameters)
    table = result["tables"][0]
    assert table["columns"] == ["row", "score", "is_anomaly"]
    assert table["rows"][0][0] == 61
    assert table["rows"][0][2] is True
    assert result["summary"]["n"] == 61
    assert codes(result) == ["rows_dropped"]
    written = pd.read_csv(tmp_path / "scores.csv")
    assert written["row"].tolist() == list(range(62))
    assert written.loc[0, ["score", "is_anomaly"]].isna().all()
    assert int(written["is_anomaly"].sum()) == result["summary"]["anomalies"]
    assert analyse_columns("anomaly", columns, parameters) == result


def test_contamination_is_the_share_marked(analyse_columns: Analyse) -> None:
    parameters = {"columns": ["a", "b"], "method": "lof", "contamination": 0.1}
    result = analyse_columns("anomaly", COLUMNS, parameters)
    assert result["summary"]["anomalies"] == 6
    assert [row[2] for row in result["tables"][0]["rows"][:8]] == [True] * 6 + [False] * 2


def test_ties_are_not_marked_by_chance(analyse_columns: Analyse) -> None:
    parameters = {"columns": ["a"], "method": "robust_z", "contamination": 0.2}
    result = analyse_columns("anomaly", {"a": [0.0, 1.0] * 10}, parameters)
    assert result["summary"]["anomalies"] == 0
    assert codes(result) == ["tied_scores"]


def test_seasonal_finds_what_is_usual_at_another_time(analyse_columns: Analyse) -> None:
    days = np.arange(140)
    values = 10 * np.sin(days * 2 * np.pi / 7) + 0.2 * RANDOM.normal(size=140)
    values[71] = values[73]
    shuffled = RANDOM.permutation(140)
    columns = {"x": values[shuffled], "t": shuffled}
    seasonal = analyse_columns("anomaly", columns, {"columns": ["x"], "time": "t", "method": "seasonal"})
    assert shuffled[seasonal["tables"][0]["rows"][0][0]] == 71
    assert (seasonal["summary"]["period"], seasonal["summary"]["period_from"]) == (7, "data")
    assert analyse_columns("anomaly", columns, {"columns": ["x"], "method": "robust_z"})["summary"]["anomalies"] == 0


def test_a_perfect_season_has_no_anomaly(analyse_columns: Analyse) -> None:
    values = np.tile([1.0, 5.0, 2.0, 9.0], 20)
    result = analyse_columns("anomaly", {"x": values}, {"columns": ["x"], "method": "seasonal"})
    assert result["summary"]["anomalies"] == 0


def test_the_table_is_bounded(analyse_columns: Analyse) -> None:
    columns = {"a": RANDOM.normal(size=3000), "same": [1.0] * 3000}
    result = analyse_columns("anomaly", columns, {"columns": ["a", "same"], "method": "robust_z"})
    assert len(result["tables"][0]["rows"]) == 1000
    assert len(result["charts"][0]["spec"]["data"]["values"]) <= 2000
    assert codes(result) == ["constant_column", "table_cut"]


@pytest.mark.parametrize(
    ("columns", "parameters", "code"),
    [
        ({"a": [1.0] * 20}, {}, "constant_column"),
        ({"a": [1.0, None] * 9}, {}, "too_few_rows"),
        ({"a": [float("inf")] * 20}, {}, "too_few_rows"),
        ({"a": ["x"] * 20}, {}, "not_numeric"),
        ({"a": [1e100, 1.0] * 10}, {}, "out_of_range"),
        ({"a": RANDOM.normal(size=40)}, {"method": "seasonal"}, "no_season"),
        ({"a": np.arange(20.0)}, {"method": "seasonal", "period": 12}, "too_few_rows"),
    ],
)
def test_faults(analyse_columns: Analyse, columns: Any, parameters: dict[str, Any], code: str) -> None:
    with pytest.raises(ComputeError) as caught:
        analyse_columns("anomaly", columns, {"columns": ["a"], **parameters})
    assert caught.value.code == code


@pytest.mark.parametrize(
    "parameters",
    [
        {"columns": ["a", "b"], "method": "seasonal"},
        {"columns": ["a", "a"]},
        {"columns": ["a"], "time": "a"},
        {"columns": ["a"], "trees": 10**9},
        {"columns": ["a"], "contamination": 0.9},
    ],
)
def test_parameters_that_do_not_fit(analyse_columns: Analyse, parameters: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        analyse_columns("anomaly", COLUMNS, parameters)
