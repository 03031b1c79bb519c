"""What models learn from: a bounded sample of rows with a known target, as a frame and as class numbers or values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from shared.compute import ComputeError

from ...schemas.columns import NUMERIC
from ..jobs.partitions import open_groups
from ..results import Notice
from ..source import FloatArray, Source, is_missing
from .columns import candidates_of, choose
from .features import LARGEST, Feature, frame_of, numbers_of, texts_of

CLASSIFICATION, REGRESSION = "classification", "regression"
CELLS_AT_MOST = 10_000_000
SCORES_AT_MOST = 4_000_000
ROWS_AT_LEAST = 20
FEW_VALUES = 20
CLASSES_AT_MOST = 100
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a file; the same one is read once in a process."""

    path: Path
    target: str
    features: tuple[str, ...] | None
    problem: str
    max_rows: int
    seed: int


@dataclass(frozen=True, slots=True)
class TrainingData:
    """`x` has shape (rows, columns); `y` has class numbers that point into `classes`, or numbers."""

    x: pd.DataFrame
    y: Any
    classes: tuple[str, ...]
    problem: str
    target_type: str
    features: tuple[Feature, ...]
    ignored: tuple[str, ...]
    notices: tuple[Notice, ...]
    total: int
    dropped: int
    decide: FloatArray | None = None

    @property
    def labels(self) -> Any:
        """The target as the estimators of the artefact learn it: texts of classes, or numbers."""
        return np.array(self.classes, dtype=object)[self.y] if self.classes else self.y

    @property
    def classifies(self) -> bool:
        """Whether it is a classification."""
        return self.problem == CLASSIFICATION


def balanced(data: TrainingData) -> TrainingData:
    """The same, with classes named as if all were equally frequent, which leaves their probabilities as they are."""
    counts = np.bincount(data.y, minlength=len(data.classes))
    return replace(data, decide=len(data.y) / (len(counts) * counts))


@lru_cache(maxsize=1)
def load(question: Question) -> TrainingData:
    """At most `max_rows` random rows, fewer of many columns; kept for the pieces that follow in this process.

    Raises:
        ComputeError: `column_not_found`, `too_few_rows`, `too_few_columns`, `too_few_classes`, `too_many_classes`,
            `constant_column`, `not_numeric`, `out_of_range` or `unsupported_column_type`.
    """
    source = Source(question.path)
    names = candidates_of(source, question.target, question.features)
    most = min(question.max_rows, CELLS_AT_MOST // (len(names) + 1))
    table = _some_rows(question.path, [question.target, *names], most, question.seed)
    known = ~is_missing(table.column(question.target))
    _require_rows(int(known.sum()), question.target)
    table = table.filter(pa.array(known))
    kind = source.types[question.target]
    problem = _problem(kind, table.column(question.target), question.problem)
    y, classes = _target(table.column(question.target), question.target, kind, problem)
    table, y = _bounded(table, y, len(classes), question.seed)
    choice = choose(table, names, source.types, asked=question.features is not None)
    notices = [*choice.notices, *_left_out(source.rows, most, len(known), int((~known).sum()))]
    notices += _not_finite(table, choice.features)
    return TrainingData(
        frame_of(table, choice.features), y, classes, problem, kind, tuple(choice.features), tuple(choice.ignored),
        tuple(notices), source.rows, int((~known).sum()),
    )  # fmt: skip


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
    return pa.concat_tables(parts).combine_chunks()


def _require_rows(known: int, target: str) -> None:
    if known < ROWS_AT_LEAST:
        detail = f"{known} rows have a value of the target {target!r}, but training needs at least {ROWS_AT_LEAST}."
        raise ComputeError("too_few_rows", detail)


def _problem(kind: str, target: pa.ChunkedArray, asked: str) -> str:
    if asked != "auto":
        return asked
    if kind in ("string", "boolean"):
        return CLASSIFICATION
    few = kind == "integer" and len(target.unique()) <= FEW_VALUES
    return CLASSIFICATION if few else REGRESSION


def _target(array: pa.ChunkedArray, name: str, kind: str, problem: str) -> tuple[Any, tuple[str, ...]]:
    if kind == "json":
        raise ComputeError("unsupported_column_type", f"Column {name!r} (target) holds nested values.")
    if problem == CLASSIFICATION:
        classes, y = np.unique(texts_of(array).astype(str), return_inverse=True)
        _require_classes(name, np.bincount(y))
        return y.astype(np.int64), tuple(classes.tolist())
    if kind not in NUMERIC:
        detail = f"Column {name!r} (target) must hold numbers for a regression, but its type is {kind}."
        raise ComputeError("not_numeric", f"{detail} Choose another column or problem.")
    numbers = numbers_of(array)
    if np.isnan(numbers).any():
        detail = f"Column {name!r} (target) holds infinite numbers, or such beyond {LARGEST:g}; replace them first."
        raise ComputeError("out_of_range", detail)
    if np.ptp(numbers) == 0:
        raise ComputeError("constant_column", f"Column {name!r} (target) has one value only; nothing can be learnt.")
    return numbers, ()


def _require_classes(name: str, counts: IntArray) -> None:
    if len(counts) < 2:
        raise ComputeError("too_few_classes", "The target has a single value, so there is nothing to tell apart.")
    if len(counts) > CLASSES_AT_MOST:
        detail = f"The target has {len(counts)} classes, more than the {CLASSES_AT_MOST} that can be told apart."
        raise ComputeError("too_many_classes", f"{detail} Choose problem regression, or group its values.")
    if counts.min() < 2:
        detail = f"{int((counts < 2).sum())} classes of the target {name!r} have a single row, from which one cannot"
        raise ComputeError("too_few_rows", f"{detail} both learn and check. Group or leave out such classes.")


def _bounded(table: pa.Table, y: Any, classes: int, seed: int) -> tuple[pa.Table, Any]:
    """Fewer rows of many classes, since each row has a probability of each class."""
    most = SCORES_AT_MOST // max(classes, 1)
    if classes == 0 or len(y) <= most:
        return table, y
    chosen = np.sort(np.random.default_rng(seed).choice(len(y), size=most, replace=False))
    if len(np.unique(y[chosen])) < classes or np.bincount(y[chosen], minlength=classes).min() < 2:
        return table, y
    return table.take(pa.array(chosen)), y[chosen]


def _left_out(total: int, most: int, read: int, dropped: int) -> list[Notice]:
    notices = []
    if total > most:
        notices.append(Notice("rows_sampled", f"The model learnt from a random sample of {read} of {total} rows."))
    if dropped:
        notices.append(Notice("rows_dropped", f"{dropped} rows without a target were left out."))
    return notices


def _not_finite(table: pa.Table, features: Sequence[Feature]) -> list[Notice]:
    found = []
    for feature in features:
        if feature.type == "number":
            column = table.column(feature.name)
            if np.isnan(numbers_of(column)).sum() > is_missing(column).sum():
                found.append(feature.name)
    if not found:
        return []
    text = f"{', '.join(found[:10])}: infinite numbers, or such beyond {LARGEST:g}, count as missing."
    return [Notice("infinite_values", text)]
