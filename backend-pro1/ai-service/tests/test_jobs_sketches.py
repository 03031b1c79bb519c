"""Sketches: what merging gives is what the whole would have given, exactly or within the error that they state."""

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from ..app.engines.jobs.column_sketch import ColumnSketch, from_json, to_json
from ..app.engines.jobs.sketches import COUNTERS, HASHES, POINTS, Moments, Quantiles


def merged(values: pa.Array, parts: int) -> ColumnSketch:
    """Of parts that have crossed as JSON, as from another process."""
    edges = [len(values) * number // parts for number in range(parts + 1)]
    sketch = ColumnSketch()
    for start, end in pairwise(edges):
        part = json.loads(json.dumps(to_json(ColumnSketch.of(values.slice(start, end - start)))))
        sketch = sketch.merged(from_json(part))
    return sketch


class TestMoments:
    def test_pairwise_merging_loses_no_digits_far_from_zero(self) -> None:
        values = np.random.default_rng(1).gamma(2, size=10_000) + 1e9
        sketch = Moments()
        for part in np.array_split(values, 37):
            sketch = sketch.merged(Moments.of(part))
        exact = values - 1e9
        assert sketch.n == len(values)
        assert sketch.mean - 1e9 == pytest.approx(exact.mean(), rel=1e-7)
        assert sketch.m2 / sketch.n == pytest.approx(exact.var(), rel=1e-6)
        assert sketch.m3 / sketch.n / exact.std() ** 3 == pytest.approx(stats.skew(exact), rel=1e-5)
        assert sketch.m4 / sketch.n / exact.std() ** 4 - 3 == pytest.approx(stats.kurtosis(exact), rel=1e-5)

    def test_nothing_merges_with_anything(self) -> None:
        some = Moments.of(np.array([1.0, 2.0]))
        assert some.merged(Moments()) == Moments().merged(some) == some


class TestQuantiles:
    def test_few_values_are_exact(self) -> None:
        values = np.random.default_rng(2).normal(size=501)
        sketch = Quantiles.of(values[:200]).merged(Quantiles.of(values[200:]))
        shares = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
        assert sketch.at(shares) == pytest.approx(np.quantile(values, shares))
        assert sketch.error == 0

    @pytest.mark.parametrize("order", ["random", "sorted", "reversed"])
    def test_ranks_of_many_are_right_within_the_error_stated(self, order: str) -> None:
        values = np.random.default_rng(3).lognormal(size=300_000)
        ordered = np.sort(values)
        given = {"random": values, "sorted": ordered, "reversed": ordered[::-1]}[order]
        sketch = Quantiles()
        for part in np.array_split(given, 100):
            sketch = sketch.merged(Quantiles.of(part))
        assert sketch.error <= 4 / (2 * POINTS)
        shares = np.linspace(0.01, 0.99, 50)
        ranks = np.searchsorted(ordered, sketch.at(shares)) / len(values)
        assert np.abs(ranks - shares).max() <= sketch.error + 1 / (2 * POINTS)


class TestColumns:
    def test_texts_are_counted_exactly_while_they_are_few(self) -> None:
        sketch = merged(pa.array(["a", "b", None, "a", "c", "a", "b"] * 100), 7)
        assert (sketch.rows, sketch.count, sketch.low, sketch.high) == (700, 600, "a", "c")
        assert sketch.distinct.estimate() == 3
        assert sketch.frequent.most(2) == [("a", 300), ("b", 200)]
        assert sketch.frequent.slack == 0

    @pytest.mark.parametrize("kind", ["texts", "whole numbers", "numbers", "times"])
    def test_many_distinct_values_are_estimated(self, kind: str) -> None:
        numbers = np.arange(50_000)
        made: dict[str, Any] = {
            "texts": [f"value {number}" for number in numbers],
            "whole numbers": numbers,
            "numbers": numbers / 7,
            "times": pa.array(numbers * 3600, pa.timestamp("s")),
        }
        twice = pa.concat_arrays([pa.array(made[kind])] * 2)
        sketch = merged(twice, 5)
        # Three standard errors.
        assert sketch.distinct.estimate() == pytest.approx(50_000, rel=3 / np.sqrt(HASHES - 2))
        assert not sketch.distinct.is_exact

    def test_a_frequent_value_is_found_among_many_rare_ones(self) -> None:
        random = np.random.default_rng(5)
        values = np.where(random.random(60_000) < 0.1, -1, random.integers(0, 2000, 60_000))
        sketch = merged(pa.array(values), 6)
        (value, count), truth = sketch.frequent.most(1)[0], int((values == -1).sum())
        assert value == -1
        assert truth - sketch.frequent.slack <= count <= truth
        assert sketch.frequent.slack <= len(values) / COUNTERS
        assert len(sketch.frequent.counts) <= COUNTERS

    def test_numbers_that_are_none(self) -> None:
        sketch = merged(pa.array([1.0, float("nan"), None, float("inf"), -0.0, 0.0]), 2)
        assert (sketch.rows, sketch.count, sketch.zeros, sketch.negatives) == (6, 4, 2, 0)
        assert sketch.moments.n == 3
        assert sketch.distinct.estimate() == 3

    def test_its_size_does_not_grow_with_the_rows(self) -> None:
        random = np.random.default_rng(6)
        sizes = [len(json.dumps(to_json(merged(pa.array(random.normal(size=rows)), 4)))) for rows in (40_000, 160_000)]
        assert sizes[1] < 1.05 * sizes[0]
