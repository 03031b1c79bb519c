"""Samples to compare: one column, pairs, or groups of a column, without their missing values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from shared.compute import ComputeError

from ..schemas.tests_parameters import LEVELS_AT_MOST, HypothesisTestParameters, value_text
from .evidence import Evidence
from .frames import load_frame, load_matrix, refuse_extreme
from .levels import Levels, read_levels
from .results import Notice
from .source import FloatArray, Source

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sample:
    """Finite numbers, shape (n,), and what a reader calls them.

    `near` are the values of a decimal column less one that all samples share, before they were rounded to doubles.
    """

    name: str
    values: FloatArray
    near: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, slots=True)
class Samples:
    """What is compared, and how many rows lacked a value."""

    parts: list[Sample]
    dropped: int

    @property
    def sizes(self) -> list[int]:
        """Number of values of each part."""
        return [len(part) for part in self.parts]


@dataclass(frozen=True, slots=True)
class Finding:
    """A test's result, further members of its summary, and what to warn of."""

    evidence: Evidence
    more: dict[str, object] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)


def read_one(source: Source, name: str) -> Samples:
    """One column."""
    frame = load_frame(source, [name])
    return Samples([Sample(name, frame.values[:, 0])], frame.dropped)


def read_pairs(source: Source, first: str, second: str) -> Samples:
    """Two columns, the rows where both have a value."""
    frame = load_frame(source, [first, second])
    columns = np.ascontiguousarray(frame.values.T)
    return Samples([Sample(first, columns[0]), Sample(second, columns[1])], frame.dropped)


def read_independent(source: Source, parameters: HypothesisTestParameters) -> Samples:
    """Two columns each for itself, or the groups of one."""
    if parameters.group is not None:
        chosen = None if parameters.groups is None else [value_text(value) for value in parameters.groups]
        return read_groups(source, parameters.column, parameters.group, chosen)
    both = [read_one(source, name) for name in (parameters.column, parameters.column2) if name is not None]
    return Samples([samples.parts[0] for samples in both], sum(samples.dropped for samples in both))


def read_groups(source: Source, column: str, group: str, chosen: Sequence[str] | None = None) -> Samples:
    """`column` by the levels of `group` that have values, or by the chosen ones.

    Raises:
        ComputeError: `out_of_range`, `too_many_levels` or `wrong_groups`.
    """
    values = load_matrix(source, [column])[:, 0]
    levels = read_levels(source, group, LEVELS_AT_MOST)
    return split_by(column, values, levels, chosen, source.deviations(column))


def split_by(
    column: str,
    values: FloatArray,
    levels: Levels,
    chosen: Sequence[str] | None = None,
    near: FloatArray | None = None,
) -> Samples:
    """The same of a column and groups that have been read; both, and what `Sample.near` comes of, have shape (rows,).

    Raises:
        ComputeError: `out_of_range` or `wrong_groups`.
    """
    kept = ~np.isnan(values) & (levels.codes >= 0)
    codes = levels.codes[kept]
    refuse_extreme(column, values[kept])
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(levels.names)))[:-1]
    pieces = np.split(values[kept][order], ends)
    nears = [None] * len(pieces) if near is None else np.split(near[kept][order], ends)
    positions = chosen_positions(levels, chosen)
    parts = [Sample(levels.names[i], pieces[i], nears[i]) for i in positions if chosen is not None or len(pieces[i])]
    return Samples(parts, len(kept) - int(kept.sum()))


def chosen_positions(levels: Levels, chosen: Sequence[str] | None) -> list[int]:
    """Positions of the chosen levels; of all when None."""
    return [*range(len(levels.names))] if chosen is None else [levels.position(level) for level in chosen]


def require_sizes(samples: Samples, at_least: int) -> None:
    """Refuse parts of fewer values.

    Raises:
        ComputeError: `too_few_rows`.
    """
    for part in samples.parts:
        if len(part) < at_least:
            detail = f"{part.name!r} has {len(part)} values without missing ones, but this test needs at least "
            raise ComputeError("too_few_rows", f"{detail}{at_least}.")


def require_several(samples: Samples, group: str | None) -> None:
    """Refuse a single group.

    Raises:
        ComputeError: `too_few_rows`, `constant_column`.
    """
    if not samples.parts:
        raise ComputeError("too_few_rows", "No row has a value in all columns used.")
    if len(samples.parts) == 1:
        detail = f"Column {group!r} has the single value {samples.parts[0].name!r} in the rows used; two are needed."
        raise ComputeError("constant_column", detail)


def two_of(parts: Sequence[T], names: Sequence[str], column: str | None) -> tuple[T, T]:
    """Both parts.

    Raises:
        ComputeError: `wrong_groups` if they are not two.
    """
    if len(parts) != 2:
        shown = ", ".join(repr(name) for name in names[:10]) or "none"
        detail = f"This test compares two groups, but {column!r} has {len(parts)}: {shown}"
        raise ComputeError("wrong_groups", f"{detail}{', …' if len(names) > 10 else ''}. Name two in `groups`.")
    return parts[0], parts[1]


def called(part: Sample, parameters: HypothesisTestParameters) -> str:
    """What a sentence calls a sample: its column, and its group where there are groups."""
    return repr(part.name) if parameters.group is None else f"{parameters.column!r} in group {part.name!r}"


def refuse_constant(constant: object, what: str) -> None:
    """Refuse what has no spread to test against.

    Raises:
        ComputeError: `constant_column`.
    """
    if constant:
        raise ComputeError("constant_column", f"{what} all have one value, so there is no variation to test against.")


def scatter(deviations: FloatArray) -> float:
    """Sum of squares around the mean of what is near its mean already, whose own rounding is taken out."""
    return math.fsum(deviations * deviations) - math.fsum(deviations) ** 2 / len(deviations)
