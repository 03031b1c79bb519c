"""Clusterings other than k-means: published results, recovered groups, stability, and what cannot be clustered."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.datasets import load_iris, make_blobs, make_moons
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from shared.compute import ComputeError

from ..app.engines import partitions
from ..app.engines.cluster_stability import stability
from ..app.engines.kmeans import again_by_kmeans, cluster_points
from ..app.engines.partitions import partition
from ..app.schemas.cluster_parameters import ClusterParameters
from .support import Analyse
from .test_cluster import three_groups

IRIS = load_iris()
OTHERS: tuple[Any, ...] = ("gmm", "hierarchical", "dbscan", "hdbscan")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    # As in the computing child.
    with threadpool_limits(limits=1):
        yield


def asked(method: Any, **more: Any) -> ClusterParameters:
    return ClusterParameters.model_validate({"columns": ["a"], "method": method, **more})


class TestPublished:
    def test_mixture_of_the_irises(self) -> None:
        # mclust (Scrucca, Fop, Murphy and Raftery 2016, The R Journal 8): mclustBIC(iris[, 1:4]) has -574.0178 for
        # VVV, two components, and -580.8399 for three, where its search ends elsewhere.
        found = partition(IRIS.data, asked("gmm"), 0)
        assert found.more["bic"] == pytest.approx(574.0178, abs=1e-3)
        assert found.clustering.sizes == [100, 50]
        assert found.tables[0].rows[2][1] == pytest.approx(580.8399, abs=0.1)

    def test_ward_of_the_irises(self) -> None:
        # The sizes that SciPy's linkage gives too; R was not run.
        found = partition(IRIS.data, asked("hierarchical", k=3), 0)
        assert found.clustering.sizes == [64, 50, 36]
        assert adjusted_rand_score(IRIS.target, found.clustering.labels) == pytest.approx(0.7312, abs=5e-5)

    def test_dbscan_of_the_documentation(self) -> None:
        # scikit-learn, "Demo of DBSCAN clustering algorithm": 3 clusters, 18 points of noise, adjusted Rand 0.952.
        centers = [[1, 1], [-1, -1], [1, -1]]
        points, truth = make_blobs(n_samples=750, centers=centers, cluster_std=0.4, random_state=0)
        found = partition(StandardScaler().fit_transform(points), asked("dbscan", eps=0.3, min_samples=10), 0)
        assert (len(found.clustering.sizes), found.clustering.noise) == (3, 18)
        assert adjusted_rand_score(truth, found.clustering.labels) == pytest.approx(0.952, abs=5e-4)


@pytest.mark.parametrize("method", ["dbscan", "hdbscan"])
def test_density_follows_any_shape(method: str) -> None:
    points, truth = make_moons(400, noise=0.05, random_state=1)
    found = partition(points, asked(method), 0)
    assert adjusted_rand_score(truth, found.clustering.labels) > 0.9


@pytest.mark.parametrize("method", OTHERS)
class TestEach:
    def test_known_groups(self, analyse_columns: Analyse, method: str) -> None:
        parameters = {"columns": ["metres", "grams"], "method": method, "stability": True}
        result = analyse_columns("cluster", three_groups(), parameters)
        summary = result["summary"]
        assert {"k", "inertia", "silhouette", "sizes", "noise"} <= set(summary)
        assert (summary["k"], summary["method"]) == (3, method)
        assert sum(summary["sizes"]) + summary["noise"] == 105
        assert summary["silhouette"] > 0.85
        assert min(summary["stability"]) > 0.6
        centers = np.array(result["tables"][0]["rows"])[:, 1:]
        assert np.allclose(centers, [[0, 0], [10, 0], [0, 10_000]], atol=600)
        assert (summary["inertia"] is None) == (method != "hierarchical")

    def test_same_seed_same_answer_and_order_of_rows_does_not_matter(self, method: str) -> None:
        points = np.column_stack([*three_groups().values()]) / [1, 1000]
        order = np.random.default_rng(0).permutation(len(points))
        more = {"k": 3} if method == "gmm" else {}
        one, two = (partition(p, asked(method, **more), 3).clustering for p in (points, points[order]))
        assert adjusted_rand_score(one.labels[order], two.labels) == pytest.approx(1)
        assert (partition(points, asked(method, **more), 3).clustering.labels == one.labels).all()

    def test_large_data_is_sampled(self, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(partitions.ROWS_AT_MOST, method, 60)
        points = np.column_stack([*three_groups().values()]) / [1, 1000]
        found = partition(points, asked(method), 0)
        assert [notice.code for notice in found.notices] == ["cluster_sampled"]
        kept = found.clustering.labels >= 0
        truth = np.repeat([0, 1, 2], (60, 30, 15))
        assert adjusted_rand_score(truth[kept], found.clustering.labels[kept]) > 0.9
        assert len(found.clustering.labels) == 105

    @pytest.mark.parametrize(
        ("columns", "code"),
        [
            ({"a": [1.0] * 9}, "too_few_rows"),
            ({"a": [None, float("inf")]}, "too_few_rows"),
            ({"a": list("xyz")}, "not_numeric"),
            ({"a": [1e200, 2.0, 3.0]}, "out_of_range"),
        ],
    )
    def test_faults(self, analyse_columns: Analyse, method: str, columns: Any, code: str) -> None:
        with pytest.raises(ComputeError) as caught:
            analyse_columns("cluster", columns, {"columns": ["a"], "method": method})
        assert caught.value.code == code


def _again(k: int, points: Any, seed: int, _share: float) -> Any:
    return again_by_kmeans(points, k, seed)


class TestStability:
    def test_real_groups_are_stable_and_halves_of_one_are_not(self) -> None:
        rng = np.random.default_rng(4)
        real = np.vstack([rng.normal(0, 1, (80, 2)), rng.normal(8, 1, (80, 2))])
        one = rng.normal(0, 1, (160, 2))
        for points, k, stable in ((real, 2, True), (one, 6, False)):
            labels = cluster_points(points, k, 0).labels
            again = partial(_again, k)
            found = stability(points, labels, again, 0)
            assert (min(found) > 0.95) if stable else (min(found) < 0.75)

    def test_the_same_labels_again_are_alike_entirely(self) -> None:
        points = np.arange(40.0)[:, None]
        labels = (points[:, 0] >= 25).astype(np.intp)
        found = stability(points, labels, lambda p, _seed, _share: (p[:, 0] >= 25).astype(np.intp), 0)
        assert found == [1, 1]
        halved = stability(points, labels, lambda p, _seed, _share: np.zeros(len(p), dtype=np.intp), 0)
        assert halved == pytest.approx([25 / 40, 15 / 40], abs=0.1)


def test_all_rows_may_be_noise(analyse_columns: Analyse) -> None:
    columns = {"a": [0.0, 10, 20, 31, 45], "b": [3.0, 0, 50, 7, 90]}
    result = analyse_columns("cluster", columns, {"columns": ["a", "b"], "method": "dbscan", "eps": 0.01})
    summary = result["summary"]
    assert (summary["k"], summary["sizes"], summary["noise"], summary["silhouette"]) == (0, [], 5, None)
    assert [warning["code"] for warning in result["warnings"]] == ["no_clusters"]
    assert result["tables"][0]["rows"] == []


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 5))
def test_single_linkage_cuts_the_longest_edges(seed: int, k: int) -> None:
    points = np.random.default_rng(seed).normal(size=(30, 2))
    found = partition(points, asked("hierarchical", linkage="single", k=k), 0)
    # Two rows share a cluster just if steps no longer than the k-th longest of the shortest tree join them.
    heights = np.sort(linkage(points, "single")[:, 2])
    expected = fcluster(linkage(points, "single"), heights[-k], "distance")
    assert adjusted_rand_score(expected, found.clustering.labels) == 1


@pytest.mark.parametrize("method", ["kmeans", *OTHERS])
def test_a_stored_order_is_the_same_order(method: str) -> None:
    parameters = asked(method)
    assert ClusterParameters.model_validate(parameters.model_dump()) == parameters


@pytest.mark.parametrize(
    "more",
    [
        {"method": "dbscan", "k": 3},
        {"method": "kmeans", "eps": 1},
        {"method": "dbscan", "eps": 0},
        {"method": "gmm", "linkage": "single"},
        {"method": "dbscan", "min_size": 4},
        {"method": "hdbscan", "min_samples": 10**9},
    ],
)
def test_orders_that_make_no_sense(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        asked(**more)
