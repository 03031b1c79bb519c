"""Several good candidates weighed together, where that is better on rows that the weights have not seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

import numpy as np

from ..source import FloatArray
from .candidates import Candidate, loss_of, measure, order_of, various
from .data import TrainingData
from .families import ENSEMBLE, FAMILIES
from .scores import LOWER_IS_BETTER, Said, fold_values, measures_of

MEMBERS, STEPS = 8, 12
# Values to measure, over all steps and folds: some seconds.
CELLS_AT_MOST = 20_000_000
Loss = Callable[[FloatArray, Any], float]


def ensemble_of(
    ranked: Sequence[Candidate], data: TrainingData, metric: str, marks: Any, until: float
) -> Candidate | None:
    """A candidate made of the best ones, None if it is no better or the time over; `marks` are the folds of the rows.

    Weights by greedy selection with repetition (Caruana et al. 2004, ICML). Whether that is better is judged on each
    fold by weights, and a single best one, that were chosen on the others.
    """
    members = _members(ranked, data)
    folds = np.unique(marks)
    cells = STEPS * len(members) * (len(folds) + 1) * len(data.y) * max(1, len(data.classes))
    if len(members) < 2 or cells > CELLS_AT_MOST:
        return None
    said = np.array([one.native if data.classifies else one.scores for one in members])
    loss = _loss(data, metric, marks)
    together, alone = np.empty(said.shape[1:]), np.empty(said.shape[1:])
    for fold in folds:
        if monotonic() > until:
            return None
        here = marks == fold
        together[here] = np.tensordot(_weights(said, loss, ~here, STEPS), said[:, here], 1)
        alone[here] = np.tensordot(_weights(said, loss, ~here, 1), said[:, here], 1)
    everywhere = np.ones(len(data.y), dtype=bool)
    if loss(together, everywhere) >= loss(alone, everywhere):
        return None
    made = _made(members, _weights(said, loss, everywhere, STEPS), said, data)
    scores: Any = made.scores
    measure(made, data, metric, (scores, made.native), np.arange(len(data.y)), marks)
    return made if loss_of(made, metric) < loss_of(ranked[0], metric) else None


def _members(ranked: Sequence[Candidate], data: TrainingData) -> list[Candidate]:
    """The best of each family that say probabilities or numbers themselves and learn from all rows.

    What errs alike adds nothing, however good it is.
    """
    usable = [
        one
        for one in ranked
        if (one.native if data.classifies else one.scores) is not None
        and min(one.rows, FAMILIES[one.algorithm].rows) >= len(data.y)
    ]
    return various(usable)[:MEMBERS]


def _loss(data: TrainingData, metric: str, marks: Any) -> Loss:
    sign = 1 if metric in LOWER_IS_BETTER else -1
    by = measures_of(classifies=data.classifies)[metric]

    def loss(said: FloatArray, rows: Any) -> float:
        return sign * float(np.nanmean(fold_values(by, Said(data.y[rows], said, data.decide), marks[rows])))

    return loss


def _weights(said: FloatArray, loss: Loss, rows: Any, steps: int) -> FloatArray:
    """Shape (members,), sum 1: each step adds the one that makes the mean best, until none does."""
    parts = said[:, rows]
    counts, total, best = np.zeros(len(parts)), np.zeros(parts.shape[1:]), np.inf
    for step in range(1, steps + 1):
        losses = [loss((total + part) / step, rows) for part in parts]
        place = int(np.argmin(losses))
        if losses[place] >= best:
            break
        best = losses[place]
        counts[place] += 1
        total += parts[place]
    return np.asarray(counts / max(1, counts.sum()))


def _made(members: Sequence[Candidate], weights: FloatArray, said: FloatArray, data: TrainingData) -> Candidate:
    weighed = [(one, round(float(weight), 4)) for one, weight in zip(members, weights, strict=True) if weight > 0]
    made = Candidate(
        ENSEMBLE,
        {"members": [{**order_of(one), "weight": weight} for one, weight in weighed]},
        len(data.y),
        whole=True,
        fit_seconds=sum(one.fit_seconds for one, _ in weighed),
        seconds=sum(one.seconds for one, _ in weighed),
    )
    mean = np.tensordot(weights, said, 1)
    made.native = mean if data.classifies else None
    made.scores = mean[:, 1:] if len(data.classes) == 2 else mean
    return made
