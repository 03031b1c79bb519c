"""Candidates of a search: what they learn from, what came out, how they stand, and what more rows would take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..source import FloatArray
from .calibration import SIGMOID, crossfitted, knows_probabilities
from .data import TrainingData
from .evaluation import TEST_ROWS_OF_A_RUNG
from .families import FAMILIES
from .preparation import DISTANCE
from .proposals import key_of
from .scores import LOWER_IS_BETTER, Said, fold_values, measures_of

# Fits take a little more than in proportion to the rows.
GROWTH = 1.1
# One may take longer than foreseen by this; the last fit has more rows than those of the folds, but more threads.
SAFETY, REFITS = 1.25, 1.7
SPARE_SECONDS = 1.0
HOPE = 0.5


@dataclass(slots=True, eq=False)
class Candidate:
    """A candidate that learns from `rows` at most, and what came out: means over folds of all measures.

    A `whole` one is tested on all rows, each left out once, and has their scores while it is among the best.
    """

    algorithm: str
    settings: Mapping[str, Any]
    rows: int
    whole: bool = False
    means: dict[str, float] = field(default_factory=dict)
    values: FloatArray | None = None
    scores: FloatArray | None = None
    native: FloatArray | None = None
    fit_seconds: float = 0.0
    seconds: float = 0.0
    cut: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is searched, by what it is ranked, and until when, by the monotonic clock.

    `reserve` says how many seconds the rest takes if this candidate is the best; `keep` is told of the baseline and of
    the first others that have been compared.
    """

    families: Sequence[str]
    metric: str
    max_candidates: int
    folds: Sequence[tuple[Any, Any]]
    shared: Mapping[str, Any]
    until: float
    reserve: Callable[[Candidate | None], float]
    keep: Callable[[Candidate], None]
    seed: int
    threads: int


def order_of(one: Candidate) -> dict[str, Any]:
    """What the proposals and the pieces are told of it."""
    return {"algorithm": one.algorithm, "settings": dict(one.settings)}


def loss_of(one: Candidate, metric: str) -> float:
    """Its mean, turned so that less is better; infinite where undefined."""
    value = one.means.get(metric, np.nan)
    sign = 1 if metric in LOWER_IS_BETTER else -1
    return np.inf if np.isnan(value) else sign * value


def ordered(candidates: Iterable[Candidate], metric: str) -> list[Candidate]:
    """The best first, of equals the one that was tried first."""
    return sorted(candidates, key=lambda one: loss_of(one, metric))


def foreseen(one: Candidate, rows: int, total: int, folds: int) -> tuple[float, float]:
    """Seconds to learn from `rows` and to predict one fold of all, from what other rows took."""
    family = FAMILIES[one.algorithm]
    learns = min(rows, total * (folds - 1) / folds, family.rows)
    more = learns / min(one.rows, family.rows)
    tests = max(1.0, total / folds / TEST_ROWS_OF_A_RUNG)
    predict = (one.seconds - one.fit_seconds) * tests * (more if family.style == DISTANCE else 1)
    return one.fit_seconds * more**GROWTH, predict


def finish_seconds(one: Candidate, rows: int, plan: Plan, total: int) -> float:
    """What it takes to compare it on all rows and then to fit it, learning from so many."""
    fit, predict = foreseen(one, rows, total, len(plan.folds))
    rounds = -(-len(plan.folds) // max(1, plan.threads))
    return SAFETY * rounds * (fit + predict) + REFITS * fit + SPARE_SECONDS


def slopes_of(candidates: Iterable[Candidate], metric: str) -> dict[str, float]:
    """By how much the loss of each family falls as the logarithm of the rows grows, where the same was tried twice."""
    slopes: dict[str, float] = {}
    before: dict[str, Candidate] = {}
    for one in candidates:
        key = key_of(one.algorithm, one.settings)
        other = before.get(key)
        if one.cut is None:
            before[key] = one
        if one.cut is None and other is not None and learns(other) < learns(one):
            fall = loss_of(other, metric) - loss_of(one, metric)
            slopes[one.algorithm] = max(0.0, fall / float(np.log(learns(one) / learns(other))))
    return slopes


def promise_of(one: Candidate, rows: int, slopes: Mapping[str, float], metric: str) -> float:
    """The loss to expect if it learnt from so many rows; half of what its learning curve promises is believed."""
    there = min(rows, FAMILIES[one.algorithm].rows)
    believed = slopes.get(one.algorithm, 0.0) * (HOPE if there > learns(one) else 1.0)
    return loss_of(one, metric) - believed * float(np.log(there / learns(one)))


def learns(one: Candidate) -> int:
    """The rows that it learns from at most, since some families take few."""
    return min(one.rows, FAMILIES[one.algorithm].rows)


def various(candidates: Iterable[Candidate], most: int = 1, *, of_best: int = 1) -> list[Candidate]:
    """No more than so many of one family, `of_best` of the first one's."""
    seen: dict[str, int] = {}
    chosen = []
    for one in candidates:
        count = seen.setdefault(one.algorithm, 0)
        if count < (of_best if one.algorithm == next(iter(seen)) else most):
            chosen.append(one)
            seen[one.algorithm] += 1
    return chosen


def measure(
    one: Candidate, data: TrainingData, metric: str, said: tuple[FloatArray, FloatArray | None], rows: Any, marks: Any
) -> None:
    """Fill in all measures of what was said of `rows`, their folds being `marks`: scores, and probabilities if any."""
    scores, native = said
    y = data.y[rows]
    if data.classifies and not knows_probabilities(native):
        parts = marks if len(np.unique(marks)) > 1 else np.arange(len(y)) % 2
        native = crossfitted(SIGMOID, scores, y, parts, len(data.classes))
    found = Said(y, native if native is not None and data.classifies else scores, data.decide)
    for name, measure_of in measures_of(classifies=data.classifies).items():
        values = fold_values(measure_of, found, marks)
        one.means[name] = float(np.nanmean(values)) if not np.isnan(values).all() else float("nan")
        if name == metric:
            one.values = values
