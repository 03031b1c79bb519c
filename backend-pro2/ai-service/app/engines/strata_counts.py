"""From columns to two-by-two tables, one for each stratum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shared.compute import ComputeError

from ..schemas.strata_parameters import StratifiedParameters
from .frames import IndexArray, dropped_notice
from .levels import Levels, read_levels
from .mantel_haenszel import Cells
from .results import Notice
from .source import FloatArray, Source

STRATA_AT_MOST = 1000
LARGEST_WEIGHT = 1e12

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Tables:
    """The strata's names and counts, and which levels they count; `n` is the number of cases."""

    strata: list[str]
    cells: Cells
    exposed: str
    event: str
    n: float
    notices: list[Notice]


def count_tables(source: Source, parameters: StratifiedParameters) -> Tables:
    """Count the complete rows.

    Raises:
        ComputeError: the faults of `stratify`.
    """
    source.require(parameters.uses())
    exposure, outcome, *strata = (
        read_levels(source, name, STRATA_AT_MOST)
        for name in (parameters.exposure, parameters.outcome, *parameters.columns())
    )
    exposed, event = exposure.position(parameters.exposed), outcome.position(parameters.event)
    weights = _weights(source, parameters.weight)
    complete = ~np.isnan(weights)
    for levels in (exposure, outcome, *strata):
        complete &= levels.codes >= 0
    kept = complete & (weights > 0)
    is_exposed, has_event = _split(exposure, exposed, kept), _split(outcome, event, kept)
    names, positions = _combine(strata, kept)
    weights = weights[kept]
    cells = (
        _sums(positions, weights * (is_exposed == first) * (has_event == second), len(names))
        for first in (True, False)
        for second in (True, False)
    )
    notices = [*dropped_notice(int((~complete).sum()), source.rows), *_fractional(weights)]
    total = float(weights.sum())
    return Tables(names, Cells(*cells), exposure.names[exposed], outcome.names[event], total, notices)


def _sums(positions: IndexArray, weights: FloatArray, strata: int) -> FloatArray:
    return np.bincount(positions, weights, strata).astype(np.float64)


def _weights(source: Source, name: str | None) -> FloatArray:
    if name is None:
        return np.ones(source.rows)
    weights = source.numbers(name)
    weights = np.where(np.isinf(weights), np.nan, weights)
    if (weights < 0).any() or (weights > LARGEST_WEIGHT).any():
        detail = f"Column {name!r} (weight) must hold counts from 0 to {LARGEST_WEIGHT:g}, but has others"
        raise ComputeError("invalid_value", f"{detail}. Correct them, or choose another column.")
    return weights


def _fractional(weights: FloatArray) -> list[Notice]:
    if (weights == np.round(weights)).all():
        return []
    text = "Some weights are not whole numbers; interval and tests take them for counts of independent cases."
    return [Notice("fractional_weights", text)]


def _split(levels: Levels, level: int, kept: BoolArray) -> BoolArray:
    """Shape (kept rows,): which of them have the level."""
    if not kept.any():
        raise ComputeError("too_few_rows", f"None of {len(kept)} rows is complete and counts for at least one case.")
    chosen: BoolArray = levels.codes[kept] == level
    if chosen.all() or not chosen.any():
        detail = f"In the rows used, column {levels.column!r} has "
        detail += (
            f"{'only' if chosen.all() else 'not'} the value {levels.names[level]!r}, so there is nothing to compare"
        )
        raise ComputeError("constant_column", f"{detail}. Choose another column or level.")
    return chosen


def _combine(strata: Sequence[Levels], kept: BoolArray) -> tuple[list[str], IndexArray]:
    """Names of the combinations that occur, and which of them each kept row has."""
    shape = tuple(len(levels.names) for levels in strata)
    # A thousand levels each of five columns still fit into 64 bits.
    flat = np.ravel_multi_index(tuple(levels.codes[kept] for levels in strata), shape)
    found, positions = np.unique(flat, return_inverse=True)
    if len(found) > STRATA_AT_MOST:
        detail = f"The columns make {len(found)} strata; at most {STRATA_AT_MOST} are taken"
        raise ComputeError("too_many_levels", f"{detail}. Use fewer columns, or group their values.")
    parts = zip(*np.unravel_index(found, shape), strict=True)
    names = [", ".join(levels.names[code] for levels, code in zip(strata, codes, strict=True)) for codes in parts]
    return names, positions.astype(np.intp)
