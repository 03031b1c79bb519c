"""Shapley values of one prediction: what each feature adds to the mean prediction of a background sample.

The value of a set of features is the mean prediction when these have the row's values and all others those of a
background row (Lundberg and Lee, "A unified approach to interpreting model predictions", 2017; interventional).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..source import FloatArray

BoolArray = npt.NDArray[np.bool_]
IndexArray = npt.NDArray[np.intp]
# `from_row` (states, features) says which values are the row's, `background` (states,) whose the others are.
Value = Callable[[BoolArray, IndexArray], FloatArray]

ENUMERATED_AT_MOST = 6
PAIRS_A_BACKGROUND_ROW = 1


@dataclass(frozen=True, slots=True)
class Attribution:
    """`contributions` (features,) add up to prediction - base; `errors` are standard errors, zero where exact."""

    base: float
    contributions: FloatArray
    errors: FloatArray
    method: str


def attribute(value: Value, features: int, background: int, seed: int, *, is_additive: bool) -> Attribution:
    """Exact for a model that adds up functions of single features, and for few features; else sampled."""
    if is_additive:
        return _additive(value, features, background)
    if features <= ENUMERATED_AT_MOST:
        return _enumerated(value, features, background)
    return _sampled(value, features, background, np.random.default_rng(seed))


def _additive(value: Value, features: int, background: int) -> Attribution:
    """In a sum a feature adds the same in any order, so that one is enough."""
    order = np.arange(features)[None, :].repeat(background, axis=0)
    steps, first = _walk(value, order, np.arange(background))
    return Attribution(float(first.mean()), steps.mean(axis=0), np.zeros(features), "exact")


def _enumerated(value: Value, features: int, background: int) -> Attribution:
    """The definition, over all 2^n sets."""
    sets = np.arange(2**features)
    masks = (sets[:, None] >> np.arange(features)) & 1 == 1
    states, rows = masks.repeat(background, axis=0), np.tile(np.arange(background), len(sets))
    worth = value(states, rows).reshape(len(sets), background).mean(axis=1)
    sizes = masks.sum(axis=1)
    found = np.empty(features)
    for feature in range(features):
        without = sets[~masks[:, feature]]
        weights = np.array([_weight(int(size), features) for size in sizes[without]])
        found[feature] = weights @ (worth[without | (1 << feature)] - worth[without])
    return Attribution(float(worth[0]), found, np.zeros(features), "exact")


def _weight(size: int, features: int) -> float:
    return math.factorial(size) * math.factorial(features - size - 1) / math.factorial(features)


def _sampled(value: Value, features: int, background: int, random: np.random.Generator) -> Attribution:
    """Random orders, each with a background row (Štrumbelj and Kononenko, "Explaining prediction models and individual
    predictions with feature contributions", 2014); every order also backwards, which cancels much of the noise.

    Each background row is taken equally often, so that the contributions add up whatever the orders.
    """
    rows = np.arange(background).repeat(PAIRS_A_BACKGROUND_ROW)
    orders = np.argsort(random.random((len(rows), features)), axis=1)
    forth, first = _walk(value, orders, rows)
    back, _ = _walk(value, orders[:, ::-1], rows)
    pairs = (forth + back) / 2
    errors = pairs.std(axis=0, ddof=1) / math.sqrt(len(pairs)) if len(pairs) > 1 else np.full(features, np.nan)
    return Attribution(float(first.mean()), pairs.mean(axis=0), errors, "sampled")


def _walk(value: Value, orders: IndexArray, rows: IndexArray) -> tuple[FloatArray, FloatArray]:
    """Take the features over from the row in these orders: what each adds (orders, features), and the first values."""
    count, features = orders.shape
    ranks: Any = np.argsort(orders, axis=1)
    states = ranks[:, None, :] < np.arange(features + 1)[None, :, None]
    worth = value(states.reshape(-1, features), rows.repeat(features + 1)).reshape(count, features + 1)
    added = np.empty((count, features))
    np.put_along_axis(added, orders, np.diff(worth, axis=1), axis=1)
    return added, worth[:, 0]
