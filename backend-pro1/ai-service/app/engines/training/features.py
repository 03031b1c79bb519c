"""Features as models read them: what kind each column is, and the frame that training and serving make alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..source import FloatArray

# Trees compute in single precision, which ends not far beyond it.
LARGEST = 1e30
TIMES = frozenset({"date", "datetime"})
DAY_SECONDS = 86_400.0
DATE_PARTS = ("days", "year", "month", "day", "weekday")
TIME_PARTS = (*DATE_PARTS, "hour")


@dataclass(frozen=True, slots=True)
class Feature:
    """A column to predict from; `kind` numeric, categorical, date or text; `type` is that of the dataset."""

    name: str
    type: str
    kind: str
    levels: tuple[str, ...] | None = None
    low: float | str | None = None
    high: float | str | None = None
    missing: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """With the members that say something."""
        members = {key: value for key, value in asdict(self).items() if value is not None}
        return {**members, "levels": list(self.levels)} if self.levels is not None else members

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """From what `as_json` gave."""
        feature = cls(**stored)
        return feature if feature.levels is None else replace(feature, levels=tuple(feature.levels))


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of the frame's columns by how they are prepared; `many` are categories of many levels."""

    numeric: tuple[str, ...] = ()
    few: tuple[str, ...] = ()
    many: tuple[str, ...] = ()
    text: tuple[str, ...] = ()


def columns_of(features: Sequence[Feature], few_levels: int) -> Columns:
    """The columns that `frame_of` makes of these features."""
    numeric = [name for f in features if f.kind in ("numeric", "date") for name in numeric_names(f)]
    categorical = [f for f in features if f.kind == "categorical"]
    return Columns(
        tuple(numeric),
        tuple(f.name for f in categorical if len(f.levels or ()) <= few_levels),
        tuple(f.name for f in categorical if len(f.levels or ()) > few_levels),
        tuple(f.name for f in features if f.kind == "text"),
    )


def numeric_names(feature: Feature) -> list[str]:
    """Names of the numbers that a feature becomes: itself, or the parts of a date."""
    if feature.kind == "numeric":
        return [feature.name]
    return [f"{feature.name}:{part}" for part in (TIME_PARTS if feature.type == "datetime" else DATE_PARTS)]


def frame_of(table: pa.Table, features: Sequence[Feature]) -> pd.DataFrame:
    """64-bit floats with NaN, texts with None, and free texts that are "" where missing; shape (rows, columns)."""
    columns: dict[str, Any] = {}
    for feature in features:
        array = table.column(feature.name)
        if feature.kind == "numeric":
            columns[feature.name] = numbers_of(array)
        elif feature.kind == "date":
            columns |= zip(numeric_names(feature), date_parts(array, feature.type), strict=True)
        else:
            texts = texts_of(array)
            if feature.kind == "text":
                texts[pd.isna(texts)] = ""
            columns[feature.name] = pd.Series(texts, dtype=object)
    return pd.DataFrame(columns)


def numbers_of(array: pa.ChunkedArray) -> FloatArray:
    """Shape (rows,); what is missing, infinite or beyond LARGEST is NaN; booleans are 0 and 1."""
    if pa.types.is_boolean(array.type):
        array = array.cast(pa.int8())
    numbers = np.array(array.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)
    numbers[~(np.abs(numbers) <= LARGEST)] = np.nan
    return numbers


def texts_of(array: pa.ChunkedArray) -> npt.NDArray[np.object_]:
    """Shape (rows,); missing values are None."""
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    texts = np.array(array.cast(pa.string()).to_numpy(zero_copy_only=False), dtype=np.object_)
    texts[pd.isna(texts)] = None
    return texts


def date_parts(array: pa.ChunkedArray, kind: str) -> list[FloatArray]:
    """Days since 1970 and the parts of DATE_PARTS or TIME_PARTS; times with a zone are read in UTC."""
    times = array.cast(pa.timestamp("us", getattr(array.type, "tz", None)), safe=False)
    seconds = _floats(times.cast(pa.int64())) / 1e6
    parts = [pc.year(times), pc.month(times), pc.day(times), pc.day_of_week(times)]
    hours = [pc.hour(times)] if kind == "datetime" else []
    return [seconds / DAY_SECONDS, *(_floats(part) for part in (*parts, *hours))]


def _floats(array: pa.ChunkedArray) -> FloatArray:
    return np.asarray(array.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)
