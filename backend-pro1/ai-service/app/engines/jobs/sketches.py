"""Summaries of a column's values that can be merged: of bounded size, whatever the number of values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..source import FloatArray
from .packing import pack, unpack_array

POINTS = 1024
POINTS_HELD = 64 * POINTS
HASHES = 2048
COUNTERS = 256
HASH_SPACE = 2.0**64
HashArray = npt.NDArray[np.uint64]


@dataclass(slots=True)
class Moments:
    """Count, mean and sums of powers of deviations, merged pairwise (Chan, Golub and LeVeque 1979; Pébay 2008)."""

    n: float = 0.0
    mean: float = 0.0
    m2: float = 0.0
    m3: float = 0.0
    m4: float = 0.0

    @classmethod
    def of(cls, values: FloatArray) -> Moments:
        """Of finite values, in two passes."""
        if len(values) == 0:
            return cls()
        mean = float(values.mean())
        deviations = values - mean
        squares = deviations * deviations
        return cls(
            float(len(values)), mean, float(squares.sum()), float((squares * deviations).sum()),
            float((squares * squares).sum()),
        )  # fmt: skip

    def merged(self, other: Moments) -> Moments:
        """Of the values of both."""
        if self.n == 0 or other.n == 0:
            return other if self.n == 0 else self
        n, delta = self.n + other.n, other.mean - self.mean
        share, step = other.n / n, (other.mean - self.mean) / n
        both = self.n * other.n
        m2 = self.m2 + other.m2 + delta * step * both
        m3 = self.m3 + other.m3 + delta * step * step * both * (self.n - other.n)
        m3 += 3 * step * (self.n * other.m2 - other.n * self.m2)
        m4 = self.m4 + other.m4 + delta * step**3 * both * (self.n**2 - both + other.n**2)
        m4 += 6 * step**2 * (self.n**2 * other.m2 + other.n**2 * self.m2)
        m4 += 4 * step * (self.n * other.m3 - other.n * self.m3)
        return Moments(n, self.mean + delta * share, m2, m3, m4)


@dataclass(slots=True)
class Quantiles:
    """Weighted points in any order. When there are too many, the middles of POINTS equal shares of them stay.

    Each time that points are thinned out so, ranks move by at most 1 / (2 POINTS) of the values.
    """

    points: FloatArray = field(default_factory=lambda: np.empty(0))
    weights: FloatArray = field(default_factory=lambda: np.empty(0))
    thinned: int = 0

    @classmethod
    def of(cls, values: FloatArray) -> Quantiles:
        """Of finite values; exact up to POINTS of them."""
        return cls(values, np.ones(len(values))).bounded(POINTS)

    def merged(self, other: Quantiles) -> Quantiles:
        """Of the values of both."""
        points = np.concatenate([self.points, other.points])
        weights = np.concatenate([self.weights, other.weights])
        return Quantiles(points, weights, max(self.thinned, other.thinned)).bounded(POINTS_HELD)

    def bounded(self, most: int) -> Quantiles:
        """The same if it has at most so many points, else thinned out to POINTS."""
        if len(self.points) <= most:
            return self
        points, weights = self._in_order()
        total = float(weights.sum())
        middles = (np.arange(POINTS) + 0.5) * (total / POINTS)
        chosen = np.minimum(np.searchsorted(np.cumsum(weights), middles), len(points) - 1)
        return Quantiles(points[chosen], np.full(POINTS, total / POINTS), self.thinned + 1)

    def at(self, shares: FloatArray) -> FloatArray:
        """Values below which these shares of all lie, interpolated linearly between ranks."""
        points, weights = self._in_order()
        ranks = np.cumsum(weights) - (weights + 1) / 2
        answer: FloatArray = np.interp(shares * (weights.sum() - 1), ranks, points)
        return answer

    @property
    def error(self) -> float:
        """By which share of all values a rank may be off at most."""
        return self.thinned / (2 * POINTS)

    def _in_order(self) -> tuple[FloatArray, FloatArray]:
        order = np.argsort(self.points, kind="stable")
        return self.points[order], self.weights[order]


@dataclass(slots=True)
class Distinct:
    """The smallest hashes seen (Bar-Yossef et al. 2002): exact below HASHES values, else to about 2 % (one sigma)."""

    smallest: HashArray = field(default_factory=lambda: np.empty(0, dtype=np.uint64))

    @classmethod
    def of(cls, hashes: HashArray) -> Distinct:
        """Of hashes, in any order, some perhaps more than once."""
        return cls(np.unique(hashes)[:HASHES])

    def merged(self, other: Distinct) -> Distinct:
        """Of the values of both."""
        return Distinct.of(np.concatenate([self.smallest, other.smallest]))

    @property
    def is_exact(self) -> bool:
        """Whether every value's hash is held."""
        return len(self.smallest) < HASHES

    def estimate(self) -> int:
        """How many different values there are (Beyer et al. 2007, unbiased)."""
        if self.is_exact:
            return len(self.smallest)
        return round((HASHES - 1) / (float(self.smallest[-1]) / HASH_SPACE))


@dataclass(slots=True)
class Frequent:
    """Counts of the most frequent values (Misra and Gries 1982, merged as by Agarwal et al. 2012).

    A count is too low by at most `slack`, which is at most 1 / COUNTERS of the values.
    """

    counts: dict[Any, int] = field(default_factory=dict)
    slack: int = 0

    def merged(self, counts: Mapping[Any, int], slack: int = 0) -> Frequent:
        """With these counts added."""
        both = dict(self.counts)
        for value, count in counts.items():
            both[value] = both.get(value, 0) + count
        return Frequent(both, self.slack + slack).bounded()

    def bounded(self) -> Frequent:
        """With at most COUNTERS values."""
        if len(self.counts) <= COUNTERS:
            return self
        lost = sorted(self.counts.values(), reverse=True)[COUNTERS]
        kept = {value: count - lost for value, count in self.counts.items() if count > lost}
        return Frequent(kept, self.slack + lost)

    def most(self, number: int) -> list[tuple[Any, int]]:
        """The most frequent values with their counts; equal counts in the order of the values."""
        return sorted(self.counts.items(), key=lambda pair: (-pair[1], str(pair[0])))[:number]


def quantiles_json(sketch: Quantiles) -> dict[str, Any]:
    """As JSON."""
    return {"points": pack(sketch.points), "weights": pack(sketch.weights), "thinned": sketch.thinned}


def quantiles_of(members: Mapping[str, Any]) -> Quantiles:
    """From `quantiles_json`."""
    return Quantiles(
        unpack_array(members["points"], "<f8"), unpack_array(members["weights"], "<f8"), members["thinned"]
    )
