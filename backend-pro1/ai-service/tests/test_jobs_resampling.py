"""Bootstrap and permutation: SciPy's intervals and p-values, and the same bits however the draws are shared out."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from shared.compute import ComputeError

from ..app.engines.jobs import bootstrap as bootstrap_module
from ..app.engines.jobs import permutation as permutation_module
from ..app.engines.jobs.run import run_job
from ..app.engines.jobs.statistics import STATISTICS, left_out
from ..app.engines.jobs.streams import generators, shares
from .support import Columns, write_parquet

RunJob = Callable[..., dict[str, Any]]


@pytest.fixture
def run(tmp_path: Path) -> RunJob:
    """Run a job on columns given in memory, as the computing child would."""

    def call(kind: str, columns: Columns, parameters: dict[str, Any], **more: Any) -> dict[str, Any]:
        # A name of its own, as content has everywhere: what is read is kept by its path.
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.parquet"
        data = {"path": str(path), "sha256": write_parquet(path, columns)}
        job = {"type": kind, "parameters": parameters, "seed": 7, "data": data, "output": str(tmp_path), **more}
        return run_job(job, lambda _done, _total, _message: None)

    return call


def skewed(rows: int = 40) -> dict[str, list[Any]]:
    random = np.random.default_rng(11)
    x = random.lognormal(size=rows)
    y = x + random.normal(scale=0.7, size=rows)
    return {"x": x.tolist(), "y": y.tolist(), "side": (["a"] * (rows // 3) + ["b"] * rows)[:rows]}


def distribution(columns: dict[str, list[Any]], statistic: str, resamples: int) -> Any:
    """The resampled statistics, drawn here once more."""
    x, y = np.array(columns["x"]), np.array(columns["y"])
    inside = np.array(columns["side"]) == "a"
    values = []
    for generator in generators(7, {"start": 0, "stop": resamples}):
        if statistic == "difference_in_means":
            parts = [x[inside], x[~inside]]
            values.append(STATISTICS[statistic]([p[generator.integers(0, len(p), len(p))] for p in parts]))
        else:
            chosen = generator.integers(0, len(x), len(x))
            values.append(STATISTICS[statistic]([x[chosen], y[chosen]]))
    return np.array(values)


class TestBootstrap:
    @pytest.mark.parametrize("statistic", ["mean", "median", "std", "correlation", "difference_in_means"])
    @pytest.mark.parametrize("method", ["percentile", "bca"])
    def test_scipy_s_interval_of_the_same_resamples(self, run: RunJob, statistic: str, method: str) -> None:
        columns = skewed()
        more = {"correlation": {"column2": "y"}, "difference_in_means": {"group": "side"}}.get(statistic, {})
        parameters = {"column": "x", "statistic": statistic, "resamples": 400, "method": method, **more}
        summary = run("bootstrap", columns, parameters)["summary"]
        x, y = np.array(columns["x"]), np.array(columns["y"])
        inside = np.array(columns["side"]) == "a"
        samples = {"correlation": (x, y), "difference_in_means": (x[inside], x[~inside])}.get(statistic, (x,))

        def measured(*given: Any, axis: int = -1) -> Any:
            return _vectorised(statistic, given, axis)

        drawn = stats.bootstrap(
            samples,
            measured,
            n_resamples=0,
            paired=statistic == "correlation",
            vectorized=True,
            method=method if method == "percentile" else "BCa",
            bootstrap_result=_Distribution(distribution(columns, statistic, 400)),
        )
        expected = drawn.confidence_interval
        assert (summary["ci_low"], summary["ci_high"]) == pytest.approx((expected.low, expected.high), rel=1e-9)
        assert summary["method"] == method

    def test_the_jackknife_is_what_leaving_out_gives(self) -> None:
        random = np.random.default_rng(1)
        for rows in (9, 10):
            x, y = random.normal(size=rows), random.normal(size=rows)
            for statistic in ("mean", "median", "std", "correlation"):
                (found,) = left_out(statistic, [x, y])
                slow = [STATISTICS[statistic]([np.delete(x, row), np.delete(y, row)]) for row in range(rows)]
                assert found == pytest.approx(slow)

    def test_the_interval_covers_the_truth_as_often_as_it_says(self, run: RunJob) -> None:
        random, covered = np.random.default_rng(21), 0
        for _ in range(40):
            parameters = {"column": "x", "resamples": 100, "level": 0.8}
            summary = run("bootstrap", {"x": random.exponential(size=60)}, parameters)["summary"]
            covered += summary["ci_low"] <= 1 <= summary["ci_high"]
        assert 25 <= covered <= 38

    def test_of_two_columns_combined(self, run: RunJob) -> None:
        columns = skewed()
        parameters = {"column": "y", "column2": "x", "combine": "difference", "resamples": 100}
        summary = run("bootstrap", columns, parameters)["summary"]
        assert summary["estimate"] == pytest.approx(np.mean(np.array(columns["y"]) - np.array(columns["x"])))

    def test_bca_that_is_not_defined(self, run: RunJob) -> None:
        result = run("bootstrap", {"x": [3.0] * 20}, {"column": "x", "resamples": 100})
        assert (result["summary"]["ci_low"], result["summary"]["ci_high"]) == (3.0, 3.0)
        assert [warning["code"] for warning in result["warnings"]] == ["bca_undefined"]

    @pytest.mark.parametrize(
        ("columns", "more", "code"),
        [
            ({"x": [1.0]}, {}, "too_few_rows"),
            ({"x": [1.0] * 6, "g": list("abcabc")}, {"statistic": "difference_in_means", "group": "g"}, "wrong_groups"),
            ({"x": [1.0] * 6, "y": [1.0, 2.0] * 3}, {"statistic": "correlation", "column2": "y"}, "constant_column"),
        ],
    )
    def test_what_cannot_be_done(self, run: RunJob, columns: Columns, more: dict[str, Any], code: str) -> None:
        with pytest.raises(ComputeError) as caught:
            run("bootstrap", columns, {"column": "x", **more})
        assert caught.value.code == code


class TestPermutation:
    def test_an_effect_that_no_permutation_reaches(self, run: RunJob) -> None:
        columns = {"x": [*range(20), *range(100, 120)], "g": ["low"] * 20 + ["up"] * 20}
        summary = run("permutation", columns, {"column": "x", "group": "g", "permutations": 199})["summary"]
        # (b + 1) / (m + 1), never 0.
        assert (summary["p_value"], summary["as_extreme"]) == (1 / 200, 0)
        assert summary["statistic"] == -100

    def test_ties_with_the_observed_value_count(self, run: RunJob) -> None:
        columns = {"x": [0.1, 0.2, 0.3, 0.1, 0.2, 0.3], "g": list("aaabbb")}
        summary = run("permutation", columns, {"column": "x", "group": "g", "permutations": 199})["summary"]
        assert summary["p_value"] == 1

    @pytest.mark.parametrize("alternative", ["two-sided", "less", "greater"])
    def test_scipy_s_p_value(self, run: RunJob, alternative: str) -> None:
        columns = skewed(24)
        x, inside = np.array(columns["x"]), np.array(columns["side"]) == "a"
        parameters = {"column": "x", "group": "side", "permutations": 4999, "alternative": alternative}
        summary = run("permutation", columns, parameters)["summary"]
        expected = stats.permutation_test(
            (x[inside], x[~inside]),
            lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis),
            vectorized=True,
            n_resamples=4999,
            alternative=alternative,
            rng=np.random.default_rng(0),
        )
        if alternative == "two-sided":
            # Theirs doubles the smaller tail, ours counts what is as far from 0.
            assert summary["p_value"] == pytest.approx(expected.pvalue, abs=0.1)
        else:
            assert summary["p_value"] == pytest.approx(expected.pvalue, abs=0.03)

    def test_f_and_correlation(self, run: RunJob) -> None:
        columns = skewed()
        x, inside = np.array(columns["x"]), np.array(columns["side"]) == "a"
        f = run("permutation", columns, {"column": "x", "group": "side", "statistic": "f", "permutations": 99})
        assert f["summary"]["statistic"] == pytest.approx(stats.f_oneway(x[inside], x[~inside]).statistic)
        related = {"column": "x", "column2": "y", "statistic": "correlation", "permutations": 99}
        summary = run("permutation", columns, related)["summary"]
        assert summary["statistic"] == pytest.approx(stats.pearsonr(x, columns["y"]).statistic)
        assert summary["p_value"] == 0.01


class TestStreams:
    def test_they_are_those_that_spawning_gives(self) -> None:
        spawned = [np.random.default_rng(child).random() for child in np.random.SeedSequence(7).spawn(5)]
        assert [generator.random() for generator in generators(7, {"start": 0, "stop": 5})] == spawned
        assert [generator.random() for generator in generators(7, {"start": 3, "stop": 5})] == spawned[3:]

    @pytest.mark.parametrize("draws", [100, 101, 9999])
    def test_shares_are_all_draws_in_order(self, draws: int) -> None:
        pieces = shares(draws)
        assert [n for piece in pieces for n in range(piece["start"], piece["stop"])] == list(range(draws))

    @pytest.mark.parametrize("kind", ["bootstrap", "permutation"])
    def test_the_same_bits_for_any_number_of_pieces(
        self, run: RunJob, kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        module = bootstrap_module if kind == "bootstrap" else permutation_module
        count = {"bootstrap": "resamples", "permutation": "permutations"}[kind]
        parameters = {"column": "x", count: 200} | ({"group": "side"} if kind == "permutation" else {})
        results = []
        for pieces, threads in ((1, 1), (7, 2), (64, 3)):
            edges = [200 * number // pieces for number in range(pieces + 1)]
            items = [{"start": a, "stop": b} for a, b in pairwise(edges)]
            monkeypatch.setattr(module, "shares", lambda _, items=items: items)
            results.append(run(kind, skewed(), parameters, threads=threads))
        assert results[0] == results[1] == results[2]


class _Distribution:
    """What SciPy takes for a bootstrap that has been drawn already."""

    def __init__(self, values: Any) -> None:
        self.bootstrap_distribution = values


def _vectorised(statistic: str, given: Any, axis: int) -> Any:
    if statistic == "mean":
        return given[0].mean(axis=axis)
    if statistic == "median":
        return np.median(given[0], axis=axis)
    if statistic == "std":
        return given[0].std(axis=axis, ddof=1)
    if statistic == "difference_in_means":
        return given[0].mean(axis=axis) - given[1].mean(axis=axis)
    x, y = (part - part.mean(axis=axis, keepdims=True) for part in given)
    return (x * y).sum(axis=axis) / np.sqrt((x**2).sum(axis=axis) * (y**2).sum(axis=axis))
