"""Columns of a model that are not features: its target, which may be one of two texts, its weights and exposure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shared.compute import ComputeError

from ..schemas.regression_parameters import RegressionParameters
from .levels import read_levels
from .source import FloatArray, Source

CLASSES_AT_MOST = 1000


@dataclass(frozen=True, slots=True)
class Target:
    """Shape (rows,), NaN where missing; `event` is the value that counts as 1 of a target of two values."""

    values: FloatArray
    event: str | None = None


def read_target(source: Source, parameters: RegressionParameters) -> Target:
    """The target as numbers.

    Raises:
        ComputeError: `wrong_groups`, `constant_column`, `too_many_levels` or `invalid_value`.
    """
    if not parameters.tells_two_apart:
        return Target(_within_domain(parameters, _finite(source.numbers(parameters.target))))
    levels = read_levels(source, parameters.target, CLASSES_AT_MOST)
    if len(levels.names) < 2:
        value = f"the single value {levels.names[0]!r}" if levels.names else "no value at all"
        raise ComputeError("constant_column", f"The target {parameters.target!r} has {value}; it needs two.")
    event = levels.position(parameters.event)
    values = np.where(levels.codes < 0, np.nan, levels.codes == event)
    return Target(np.asarray(values, dtype=np.float64), levels.names[event])


def read_positive(source: Source, name: str | None) -> FloatArray | None:
    """Weights or an exposure; missing values are NaN.

    Raises:
        ComputeError: `invalid_value`, one is not positive.
    """
    if name is None:
        return None
    values = _finite(source.numbers(name))
    wrong = int(np.sum(values <= 0))
    if wrong:
        detail = f"Column {name!r} must hold positive numbers, but {wrong} rows have zero or less."
        raise ComputeError("invalid_value", f"{detail} Filter them out first.")
    return values


def _finite(values: FloatArray) -> FloatArray:
    return np.where(np.isinf(values), np.nan, values)


def _within_domain(parameters: RegressionParameters, values: FloatArray) -> FloatArray:
    if parameters.method not in ("poisson", "glm"):
        return values
    family = parameters.distribution
    if family in ("gamma", "inverse_gaussian"):
        wrong, domain = values <= 0, "positive numbers"
    elif family in ("poisson", "negative_binomial"):
        wrong, domain = values < 0, "counts from zero"
    else:
        return values
    if wrong.any():
        detail = f"A target of family {family} holds {domain}, but {int(wrong.sum())} values of "
        raise ComputeError("invalid_value", f"{detail}{parameters.target!r} are not. Choose another family.")
    return values
