"""Dimension reduction: the published components of Fisher's irises, invariances, and t-SNE maps that keep groups."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_iris

from shared.compute import ComputeError

from ..app.engines.principal import principal_components
from ..app.schemas.reduce_parameters import ReduceParameters
from .support import Analyse

IRIS = load_iris().data
FLOWERS = dict(zip(("sepal_length", "sepal_width", "petal_length", "petal_width"), IRIS.T, strict=True))
RANDOM = np.random.default_rng(4).normal(size=(60, 4)) * [5, 3, 2, 1]


def rows(result: dict[str, Any], name: str) -> list[list[Any]]:
    found: list[list[Any]] = next(table["rows"] for table in result["tables"] if table["name"] == name)
    return found


def codes(result: dict[str, Any]) -> list[str]:
    return [warning["code"] for warning in result["warnings"]]


class TestIris:
    def test_covariance(self, analyse_columns: Analyse) -> None:
        # By NumPy's singular values of the centred columns; shares as in scikit-learn's documentation.
        result = analyse_columns("reduce", FLOWERS, {"columns": [*FLOWERS], "standardise": False})
        assert result["summary"]["explained_variance_ratio"] == pytest.approx([0.92461872, 0.05306648], abs=5e-9)
        deviations = np.sqrt([row[1] for row in rows(result, "variances")])
        assert deviations == pytest.approx([2.0563, 0.49262, 0.2797, 0.15439], abs=5e-5)
        loadings = [row[1:] for row in rows(result, "components")]
        assert loadings[0] == pytest.approx([0.36138659, -0.08452251, 0.85667061, 0.35828920], abs=5e-9)
        assert loadings[1] == pytest.approx([0.65658877, 0.73016143, -0.17337266, -0.07548102], abs=5e-9)

    def test_correlation(self, analyse_columns: Analyse) -> None:
        # By NumPy's singular values of the standardised columns.
        result = analyse_columns("reduce", FLOWERS, {"columns": [*FLOWERS], "n": 4})
        assert result["summary"]["explained_variance_ratio"] == pytest.approx(
            [0.7296, 0.2285, 0.03669, 0.00518], abs=5e-5
        )
        assert [row[0] for row in rows(result, "components")] == ["PC1", "PC2", "PC3", "PC4"]
        assert rows(result, "variances")[-1][-1] == pytest.approx(1)
        assert rows(result, "components")[0][1:] == pytest.approx(
            [0.5210659, -0.2693474, 0.5804131, 0.5648565], abs=5e-7
        )


def test_scores_are_the_projections(analyse_columns: Analyse, tmp_path: Path) -> None:
    columns = {f"c{i}": [None, *RANDOM[:, i]] for i in range(4)}
    result = analyse_columns("reduce", columns, {"columns": [*columns], "standardise": False, "n": 3})
    scores = pd.read_csv(tmp_path / "scores.csv")
    assert list(scores.columns) == ["row", "PC1", "PC2", "PC3"]
    assert len(scores) == 61
    assert scores.iloc[0, 1:].isna().all()
    loadings = np.array([row[1:] for row in rows(result, "components")])
    expected = (RANDOM - RANDOM.mean(axis=0)) @ loadings.T
    np.testing.assert_allclose(scores.iloc[1:, 1:], expected, atol=1e-12)
    np.testing.assert_allclose(
        np.cov(expected.T), np.diag([row[1] for row in rows(result, "variances")[:3]]), atol=1e-10
    )
    assert result["artifacts"] == [{"name": "scores.csv", "media_type": "text/csv"}]
    assert codes(result) == ["rows_dropped"]


@given(st.permutations(range(60)), st.floats(-1e3, 1e3), st.sampled_from([-1, 1]))
@settings(max_examples=25, deadline=None)
def test_order_shift_and_sign_do_not_matter(order: list[int], shift: float, sign: int) -> None:
    first = principal_components(RANDOM)
    second = principal_components(sign * RANDOM[order] + shift)
    np.testing.assert_allclose(first.loadings, second.loadings, atol=1e-9)
    np.testing.assert_allclose(first.variances, second.variances, rtol=1e-9)
    assert (np.max(first.loadings, axis=1) == np.abs(first.loadings).max(axis=1)).all()


def test_both_ways_to_compute_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    first = principal_components(RANDOM)
    monkeypatch.setattr("ai-service.app.engines.principal.ROWS_BY_SINGULAR_VALUES", 10)
    second = principal_components(RANDOM)
    np.testing.assert_allclose(first.loadings, second.loadings, atol=1e-10)
    np.testing.assert_allclose(first.ratios, second.ratios, rtol=1e-10)


def test_units_do_not_matter_when_standardised(analyse_columns: Analyse) -> None:
    results = [
        analyse_columns(
            "reduce", {f"c{i}": RANDOM[:, i] * scale for i in range(4)}, {"columns": ["c0", "c1", "c2", "c3"]}
        )
        for scale in (1, 1e6)
    ]
    assert rows(results[0], "variances")[0][1:] == pytest.approx(rows(results[1], "variances")[0][1:], rel=1e-9)
    # As many as there are columns, each of variance one.
    assert sum(row[1] for row in rows(results[0], "variances")) == pytest.approx(4)
    assert codes(results[0]) == []


def test_fewer_directions_than_asked(analyse_columns: Analyse) -> None:
    x = np.arange(10.0)
    columns = {"a": x, "b": 2 * x, "c": np.full(10, 0.1)}
    result = analyse_columns("reduce", columns, {"columns": ["a", "b", "c"], "n": 3})
    assert result["summary"]["explained_variance_ratio"] == pytest.approx([1])
    assert rows(result, "components")[0][1:] == pytest.approx([np.sqrt(0.5), np.sqrt(0.5), 0])
    assert codes(result) == ["constant_column", "fewer_components"]


def test_equal_variances_are_told_and_ties_have_one_sign(analyse_columns: Analyse) -> None:
    columns = {"a": [1.0, 1.0, -1.0, -1.0], "b": [1.0, -1.0, 1.0, -1.0]}
    assert codes(analyse_columns("reduce", columns, {"columns": ["a", "b"]})) == ["equal_variances"]
    opposite = {"a": RANDOM[:, 0], "b": -RANDOM[:, 0] + 0.1 * RANDOM[:, 1]}
    loadings = rows(analyse_columns("reduce", opposite, {"columns": ["a", "b"]}), "components")
    assert [row[1] > 0 for row in loadings] == [True, True]


def test_more_columns_than_rows(analyse_columns: Analyse) -> None:
    columns = {f"c{i}": [float(i % 3), float(i), float(i * i % 7)] for i in range(20)}
    result = analyse_columns("reduce", columns, {"columns": [*columns], "n": 5})
    assert len(result["summary"]["explained_variance_ratio"]) == 2
    assert "constant_column" in codes(result)


GROUPS = np.repeat([0, 1, 2], 20)
BLOBS = np.random.default_rng(8).normal(size=(60, 5)) + 12 * np.eye(5)[GROUPS]


class TestTsne:
    def test_neighbours_stay_together(self, analyse_columns: Analyse, tmp_path: Path) -> None:
        columns = {f"c{i}": BLOBS[:, i] for i in range(5)}
        parameters = {"columns": [*columns], "method": "tsne", "perplexity": 10}
        result = analyse_columns("reduce", columns, parameters)
        scores = (tmp_path / "scores.csv").read_bytes()
        points = pd.read_csv(tmp_path / "scores.csv")[["tSNE1", "tSNE2"]].to_numpy()
        distances = np.linalg.norm(points[:, None] - points, axis=2) + np.diag(np.full(60, np.inf))
        assert (GROUPS[distances.argmin(axis=1)] == GROUPS).all()
        assert result["summary"]["explained_variance_ratio"] is None
        assert 0 < result["summary"]["kl_divergence"] < 1
        assert (result["summary"]["perplexity"], result["summary"]["mapped_rows"]) == (10, 60)
        assert codes(result) == ["map_distances"]
        again = analyse_columns("reduce", columns, parameters)
        assert again == result
        assert (tmp_path / "scores.csv").read_bytes() == scores

    def test_many_rows_are_sampled(
        self, analyse_columns: Analyse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("ai-service.app.engines.reduce.MAPPED_AT_MOST", 30)
        columns = {f"c{i}": BLOBS[:, i] for i in range(5)}
        result = analyse_columns("reduce", columns, {"columns": [*columns], "method": "tsne", "n": 1})
        assert codes(result) == ["rows_sampled", "map_distances"]
        assert result["summary"]["perplexity"] == pytest.approx(29 / 3)
        assert pd.read_csv(tmp_path / "scores.csv")["tSNE1"].notna().sum() == 30


GOOD = [1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    ("columns", "code", "detail"),
    [
        ({"a": GOOD[:2], "b": GOOD[:2]}, "too_few_rows", "2 of 2"),
        ({"a": [float("nan")] * 3, "b": GOOD}, "too_few_rows", "0 of 3"),
        ({"a": [float("inf")] * 3, "b": GOOD}, "too_few_rows", "0 of 3"),
        ({"a": [1.0] * 3, "b": [2.0] * 3}, "constant_column", "All"),
        ({"a": [1e200, 1.0, 2.0], "b": GOOD}, "out_of_range", "'a'"),
        ({"a": ["x"] * 3, "b": GOOD}, "not_numeric", "'a'"),
        ({"a": GOOD}, "column_not_found", "'b'"),
    ],
)
@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_faults(analyse_columns: Analyse, columns: dict[str, Any], code: str, detail: str, method: str) -> None:
    with pytest.raises(ComputeError) as caught:
        analyse_columns("reduce", columns, {"columns": ["a", "b"], "method": method})
    assert caught.value.code == code
    assert detail in caught.value.detail


@pytest.mark.parametrize(
    "parameters",
    [{"columns": ["a", "b"], "n": 3}, {"columns": ["a", "a"]}, {"columns": list("abcd"), "n": 4, "method": "tsne"}],
)
def test_refused_parameters(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"n is|more than once"):
        ReduceParameters.model_validate(parameters)
