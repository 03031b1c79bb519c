"""Simpson's reversal: an association whose direction turns around within the levels of a third column."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from shared.compute import ComputeError

from .frames import IndexArray
from .levels import Levels, read_levels
from .results import Notice
from .sampled import SampledSource
from .source import FloatArray

CANDIDATES_AT_MOST = 8
LEVELS_AT_MOST = 12
ROWS_A_LEVEL = 10
# Several third columns are tried for several pairs, so each must show more than one test in twenty would.
LEVEL = 0.01
CATEGORICAL = ("string", "boolean", "integer")
# A column of few levels takes less than a byte a row in a Parquet file, whatever its texts are.
BYTES_A_ROW, BYTES_MORE = 1.0, 8192


@dataclass(frozen=True, slots=True)
class Reversal:
    """Correlations without the third column, within its levels together, and in each of them: (level, n, r)."""

    first: str
    second: str
    third: str
    pooled: float
    within: float
    levels: Sequence[tuple[str, int, float]]

    def notice(self) -> Notice:
        """The reversal as a warning."""
        shown = ", ".join(f"{name}: {r:+.2f}" for name, _, r in self.levels[:6])
        more = ", …" if len(self.levels) > 6 else ""
        text = f"Over all rows {self.first!r} and {self.second!r} go together with r = {self.pooled:+.2f}, but within "
        text += f"the levels of {self.third!r} with {self.within:+.2f} ({shown}{more}): the direction turns around. "
        return Notice("simpson_reversal", f"{text}Do not quote the first without the second.")


def strata_candidates(source: SampledSource, excluded: Sequence[str]) -> list[Levels]:
    """At most 8 columns of 2 to 12 levels with 10 rows each or more, in the file's order."""
    found: list[Levels] = []
    for name in source.of_types(CATEGORICAL):
        size = source.bytes_of(name)
        if name in excluded or size is None or size > source.total * BYTES_A_ROW + BYTES_MORE:
            continue
        levels = _read(source, name)
        if levels is not None and is_candidate(levels):
            found.append(levels)
        if len(found) == CANDIDATES_AT_MOST:
            break
    return found


def is_candidate(levels: Levels) -> bool:
    """Whether the column divides the rows into few and large enough parts."""
    if not 2 <= len(levels.names) <= LEVELS_AT_MOST:
        return False
    counts = np.bincount(levels.codes[levels.codes >= 0], minlength=len(levels.names))
    return int((counts >= ROWS_A_LEVEL).sum()) >= 2


def find_reversal(
    x: FloatArray, y: FloatArray, names: tuple[str, str], strata: Sequence[Levels], method: str = "pearson"
) -> Reversal | None:
    """The reversal with the strongest association within levels; None if no third column turns the direction around.

    `x` and `y` have shape (rows,) and may miss values; other methods than pearson work on ranks. It needs an
    association over all rows and an opposite one within levels (the partial correlation given the level), both with
    p < 0.01, and most rows in levels that go the second way. Simpson (1951); Blyth (1972).
    """
    both = ~np.isnan(x) & ~np.isnan(y)
    found = [_reversal(x[both], y[both], names, levels, levels.codes[both], method) for levels in strata]
    turned = [reversal for reversal in found if reversal is not None]
    return max(turned, key=lambda reversal: abs(reversal.within), default=None)


def centred_within(values: FloatArray, codes: IndexArray) -> FloatArray:
    """Deviations from the mean of each level; `values` has shape (rows,) or (rows, columns)."""
    counts = np.bincount(codes)
    if values.ndim == 1:
        means = np.bincount(codes, weights=values) / counts.clip(1)
        return np.asarray(values - means[codes])
    return np.column_stack([centred_within(column, codes) for column in values.T])


def _reversal(
    x: FloatArray, y: FloatArray, names: tuple[str, str], levels: Levels, codes: IndexArray, method: str
) -> Reversal | None:
    large = np.bincount(codes[codes >= 0], minlength=len(levels.names)) >= ROWS_A_LEVEL
    kept = (codes >= 0) & large[codes]
    x, y, codes = x[kept], y[kept], codes[kept]
    strata = np.unique(codes)
    if len(strata) < 2:
        return None
    if method != "pearson":
        x, y = stats.rankdata(x), stats.rankdata(y)
    pooled = _correlation(x - x.mean(), y - y.mean())
    within = _correlation(centred_within(x, codes), centred_within(y, codes))
    if pooled * within >= 0 or math.isnan(pooled * within):
        return None
    if _p_value(pooled, len(x) - 2) >= LEVEL or _p_value(within, len(x) - len(strata) - 1) >= LEVEL:
        return None
    each = [_in_level(x, y, codes == stratum, levels.names[stratum]) for stratum in strata]
    turning = sum(n for _, n, r in each if r * within > 0)
    return Reversal(*names, levels.column, pooled, within, each) if 2 * turning > len(x) else None


def _in_level(x: FloatArray, y: FloatArray, rows: npt.NDArray[np.bool_], name: str) -> tuple[str, int, float]:
    one, other = x[rows], y[rows]
    return name, len(one), _correlation(one - one.mean(), other - other.mean())


def _correlation(x: FloatArray, y: FloatArray) -> float:
    scale = float(np.sqrt(x @ x) * np.sqrt(y @ y))
    return float(x @ y) / scale if scale > 0 else math.nan


def _p_value(r: float, df: int) -> float:
    if df < 1:
        return 1.0
    return 2 * float(special.stdtr(df, -abs(r) * math.sqrt(df / max(1 - r * r, 1e-300))))


def _read(source: SampledSource, name: str) -> Levels | None:
    try:
        return read_levels(source, name, LEVELS_AT_MOST)
    except ComputeError:
        return None
