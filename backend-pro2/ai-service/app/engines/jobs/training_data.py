"""What models learn from: a bounded sample of rows, features as numbers and texts, and the target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from shared.compute import ComputeError

from ...schemas.columns import NUMERIC
from ..source import Source
from .candidates import CLASSIFICATION, REGRESSION, categories_each
from .partitions import open_groups

ROWS_AT_MOST = 200_000
CELLS_AT_MOST = 10_000_000
FEATURES_AT_MOST = 500
FEW_VALUES = 20
CLASSES_AT_MOST = 100
TIMES = frozenset({"date", "datetime"})
TargetArray = npt.NDArray[np.object_] | npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Features:
    """Names of the columns to predict from, by how they are read."""

    numeric: tuple[str, ...]
    categorical: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """All of them."""
        return [*self.numeric, *self.categorical]


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Rows whose target is known: `x` has a column per feature, `y` texts of classes or numbers."""

    x: pd.DataFrame
    y: TargetArray
    problem: str
    features: Features
    sampled: bool
    total: int
    dropped: int


def choose_features(source: Source, target: str, asked: Sequence[str] | None) -> Features:
    """The features asked for, else all other usable columns.

    Raises:
        ComputeError: `unsupported_column_type`, or `too_few_columns` if there is none.
    """
    names = asked or [name for name, kind in source.types.items() if name != target and kind != "json"]
    names = list(names)[:FEATURES_AT_MOST]
    for name in names:
        if source.types[name] == "json":
            detail = f"Column {name!r} (features) holds nested values; derive columns from it first."
            raise ComputeError("unsupported_column_type", detail)
    if not names:
        raise ComputeError("too_few_columns", "There is no column to predict the target from.")
    numeric = tuple(name for name in names if source.types[name] in NUMERIC | TIMES)
    return Features(numeric, tuple(name for name in names if name not in numeric))


@lru_cache(maxsize=1)
def load_training(path: Path, target: str, asked: tuple[str, ...] | None, problem: str, seed: int) -> TrainingData:
    """At most ROWS_AT_MOST random rows, fewer of many columns; kept for the pieces that follow in this process.

    Raises:
        ComputeError: `too_few_rows`, `too_few_classes`, `too_many_classes`, and those of `choose_features`.
    """
    source = Source(path)
    features = choose_features(source, target, asked)
    encoded = len(features.numeric) + len(features.categorical) * categories_each(len(features.categorical))
    most = min(ROWS_AT_MOST, CELLS_AT_MOST // encoded)
    table = _some_rows(path, [target, *features.names], most, seed)
    known = _known(table.column(target))
    table = table.filter(pa.array(known))
    found = _problem(source.types[target], table.column(target), problem)
    data = TrainingData(
        x=to_frame(table, features, source.types),
        y=_target(table.column(target), target, source.types[target], found),
        problem=found,
        features=features,
        sampled=source.rows > most,
        total=source.rows,
        dropped=int((~known).sum()),
    )
    _require(data)
    return data


def to_frame(table: pa.Table, features: Features, types: dict[str, str]) -> pd.DataFrame:
    """Features as models read them: 64-bit floats with NaN, or texts with None where missing.

    Raises:
        ComputeError: `column_not_found` or `not_numeric`: the data are not like those learnt from.
    """
    columns = {name: _numbers(table.column(name), name, types[name]) for name in features.numeric}
    texts = {name: _texts(table.column(name)) for name in features.categorical}
    return pd.DataFrame({**columns, **texts})


def _numbers(array: pa.ChunkedArray, name: str, kind: str) -> npt.NDArray[np.float64]:
    if kind not in NUMERIC | TIMES:
        detail = f"Column {name!r} must hold numbers, as in the data learnt from, but its type is {kind}."
        raise ComputeError("not_numeric", f"{detail} Cast it first.")
    if kind in TIMES:
        # Microseconds since 1970; to what unit does not matter to a model, but it must be one.
        array = array.cast(pa.timestamp("us"), safe=False) if kind == "date" else _utc(array)
        array = array.cast(pa.int64())
    elif kind == "boolean":
        array = array.cast(pa.int8())
    numbers = np.array(array.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)
    numbers[np.isinf(numbers)] = np.nan
    return numbers


def _utc(array: pa.ChunkedArray) -> pa.ChunkedArray:
    return array.cast(pa.timestamp("us", array.type.tz), safe=False)


def _texts(array: pa.ChunkedArray) -> npt.NDArray[np.object_]:
    texts = np.asarray(array.cast(pa.string()).to_numpy(zero_copy_only=False), dtype=np.object_)
    texts[pd.isna(texts)] = None
    return texts


def _some_rows(path: Path, names: Sequence[str], most: int, seed: int) -> pa.Table:
    """Random rows in the file's order; memory holds one row group beside them."""
    file = open_groups(path)
    total, start, parts = file.metadata.num_rows, 0, []
    chosen = np.arange(total)
    if total > most:
        chosen = np.sort(np.random.default_rng(seed).choice(total, size=most, replace=False))
    for group in range(file.num_row_groups):
        end = start + file.metadata.row_group(group).num_rows
        wanted = chosen[np.searchsorted(chosen, start) : np.searchsorted(chosen, end)]
        if len(wanted):
            # Reading "a" also brings "a.b", since Parquet names nested fields so; the wanted ones are taken by name.
            table = file.read_row_group(group, columns=list(names), use_threads=False).select(list(names))
            parts.append(table.take(pa.array(wanted - start)))
        start = end
    if not parts:
        raise ComputeError("too_few_rows", "The dataset has no rows to learn from.")
    return pa.concat_tables(parts)


def _known(array: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    return ~np.asarray(array.is_null(nan_is_null=True).to_numpy(zero_copy_only=False), dtype=np.bool_)


def _problem(kind: str, target: pa.ChunkedArray, asked: str) -> str:
    if asked != "auto":
        return asked
    if kind in ("string", "boolean"):
        return CLASSIFICATION
    few = kind == "integer" and len(target.unique()) <= FEW_VALUES
    return CLASSIFICATION if few else REGRESSION


def _target(array: pa.ChunkedArray, name: str, kind: str, problem: str) -> TargetArray:
    if problem == CLASSIFICATION and kind != "json":
        return _texts(array)
    if kind not in NUMERIC:
        detail = f"Column {name!r} (target) must hold numbers for a regression, but its type is {kind}."
        raise ComputeError("not_numeric", f"{detail} Choose another column or problem.")
    numbers = _numbers(array, name, kind)
    if np.isnan(numbers).any():
        raise ComputeError("out_of_range", f"Column {name!r} (target) holds infinite numbers; replace them first.")
    return numbers


def _require(data: TrainingData) -> None:
    if len(data.y) < 10:
        detail = f"{len(data.y)} rows have a known target, but this needs at least 10."
        raise ComputeError("too_few_rows", detail)
    if data.problem != CLASSIFICATION:
        return
    classes = len(set(data.y.tolist()))
    if classes < 2:
        raise ComputeError("too_few_classes", "The target has a single value, so there is nothing to tell apart.")
    if classes > CLASSES_AT_MOST:
        detail = f"The target has {classes} classes, more than the {CLASSES_AT_MOST} that can be told apart."
        raise ComputeError("too_many_classes", f"{detail} Choose problem regression, or group its values.")
