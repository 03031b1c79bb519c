"""What a scan makes of each column: its role, its values as tests take them, and facts about it alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import stats

from ..schemas.columns import NUMERIC
from .anomaly_scores import THRESHOLDS, robust_z_scores
from .frames import LARGEST, SMALLEST
from .id_columns import id_reason
from .intervals import wilson
from .levels import Levels, finite, read_levels
from .sampled import SampledSource
from .source import FloatArray, is_missing

LEVELS_AT_MOST = 30
TIMES = frozenset({"date", "datetime"})
SKEWED = 2.0
ROWS_AT_LEAST = 10


@dataclass(frozen=True, slots=True)
class Scanned:
    """A column; `numbers` has shape (rows,) with NaN where missing, of times in days.

    `role` is one of numeric, category, time, text, id, constant, empty, copy and extreme; only the first three are
    tested against others, and the absence of values of the first five.
    """

    name: str
    kind: str
    role: str
    missing: npt.NDArray[np.bool_]
    numbers: FloatArray | None = None
    levels: Levels | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something about one column that is no hypothesis; `value` is what its kind measures."""

    kind: str
    columns: Sequence[str]
    sentence: str
    measure: str | None = None
    value: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    order: float = field(default=1.0)


def scan_column(source: SampledSource, name: str) -> Scanned:
    """Read one column, and decide what it is."""
    kind = source.types[name]
    array = finite(source.column(name))
    missing = is_missing(array)
    kept = array.drop_null()
    if len(kept) == 0:
        return Scanned(name, kind, "empty", missing)
    distinct = int(pc.count_distinct(kept).as_py())
    if distinct == 1:
        return Scanned(name, kind, "constant", missing, why=str(kept[0].as_py())[:100])
    reason = id_reason(name, array, source.total if source.is_sampled else None)
    if reason is not None:
        return Scanned(name, kind, "id", missing, why=reason)
    if kind in TIMES:
        return Scanned(name, kind, "time", missing, _days(array))
    if kind in NUMERIC and distinct > 2:
        return _numeric(source, name, kind, missing)
    if distinct > LEVELS_AT_MOST or kind == "json":
        return Scanned(name, kind, "text", missing)
    return Scanned(name, kind, "category", missing, levels=read_levels(source, name, LEVELS_AT_MOST))


def _numeric(source: SampledSource, name: str, kind: str, missing: npt.NDArray[np.bool_]) -> Scanned:
    numbers = source.numbers(name)
    numbers = np.where(np.isinf(numbers), np.nan, numbers)
    largest = float(np.nanmax(np.abs(numbers)))
    role = "numeric" if SMALLEST < largest < LARGEST else "extreme"
    return Scanned(name, kind, role, missing, numbers)


def _days(array: pa.ChunkedArray) -> FloatArray:
    zone = getattr(array.type, "tz", None)
    stamps = array.cast(pa.timestamp("us", zone), safe=False).cast(pa.int64())
    days: FloatArray = np.asarray(stamps.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64) / 86_400e6
    return days


def find_copies(columns: Sequence[Scanned]) -> list[tuple[int, int]]:
    """Pairs (copy, original) of positions: columns equal in every row, missing values too."""
    seen: dict[tuple[object, ...], int] = {}
    copies = []
    for position, column in enumerate(columns):
        if column.role not in ("numeric", "category", "time"):
            continue
        if column.levels is not None:
            content: tuple[object, ...] = (column.levels.names, column.levels.codes.tobytes())
        else:
            content = (np.nan_to_num(np.asarray(column.numbers), nan=np.inf).tobytes(),)
        original = seen.setdefault(content, position)
        if original != position:
            copies.append((position, original))
    return copies


def facts_of(column: Scanned) -> list[Fact]:
    """What there is to say of the column alone."""
    name = column.name
    if column.role == "empty":
        return [Fact("empty", [name], f"{name!r} holds no value at all.")]
    if column.role == "constant":
        return [Fact("constant", [name], f"{name!r} holds the single value {column.why}, so it tells nothing.")]
    if column.role == "id":
        return [Fact("identifier", [name], f"{name!r} looks like an identifier of rows: {column.why}.")]
    if column.role != "numeric" or column.numbers is None:
        return []
    values = column.numbers[~column.missing]
    return [*_outliers(name, values), *_skew(name, values)] if len(values) >= ROWS_AT_LEAST else []


def _outliers(name: str, values: FloatArray) -> list[Fact]:
    """Modified z above 3.5 (Iglewicz and Hoaglin 1993); the interval of their share is Wilson's."""
    found = int((robust_z_scores(values[:, None]) > THRESHOLDS["robust_z"]).sum())
    if found == 0:
        return []
    share, (low, high) = found / len(values), wilson(found, len(values), 0.05)
    text = f"{found} of {len(values)} values of {name!r} lie far from the others (modified z above 3.5)."
    return [Fact("outliers", [name], text, "share_of_outliers", share, low, high, order=share)]


def _skew(name: str, values: FloatArray) -> list[Fact]:
    skewness = float(stats.skew(values - values[0], bias=False))
    if not abs(skewness) > SKEWED:
        return []
    side = "right: few values are much larger than most" if skewness > 0 else "left: few are much smaller than most"
    text = f"{name!r} is skewed to the {side} (skewness {skewness:.2f}); its median says more than its mean."
    return [Fact("skew", [name], text, "skewness", skewness, order=abs(skewness) / (1 + abs(skewness)) / 10)]
