"""From columns to the design matrix of a linear model: coding, complete rows, and what makes a design unusable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import linalg

from shared.compute import ComputeError

from ..schemas.parameters import RegressionParameters
from .frames import IndexArray, refuse_extreme
from .results import Notice
from .source import FloatArray, Source, TextArray

CONSTANT = "const"
LEVELS_AT_MOST = 100
# Share of a column's length that its predecessors leave unexplained; below this only rounding is left.
# NIST's Longley leaves 1e-5 or more, an exact sum of other columns about 1e-16.
UNEXPLAINED_AT_LEAST = 1e-11
SHARE_AT_LEAST = 1e-8


@dataclass(frozen=True, slots=True)
class Design:
    """`matrix` has shape (rows, terms), `target` shape (rows,); `rows` are positions in the version, from 0."""

    terms: tuple[str, ...]
    matrix: FloatArray
    target: FloatArray
    rows: IndexArray
    dropped: int
    notices: tuple[Notice, ...]
    has_constant: bool

    @property
    def slopes(self) -> tuple[str, ...]:
        """The terms without the intercept, which comes first."""
        return self.terms[1:] if self.has_constant else self.terms


@dataclass(frozen=True, slots=True)
class Block:
    """The columns that one feature contributes: `values` has shape (rows, terms)."""

    terms: list[str]
    values: FloatArray
    notice: Notice | None = None


def build_design(source: Source, parameters: RegressionParameters) -> Design:
    """Read, keep complete rows, code categories, and check.

    Raises:
        ComputeError: `column_not_found`, `not_numeric`, `too_few_rows`, `constant_column`, `out_of_range`,
            `too_many_levels` or `singular_design`.
    """
    source.require(parameters.uses())
    target = _finite(source.numbers(parameters.target))
    features = {name: _read(source, name) for name in parameters.features}
    rows = np.flatnonzero(_complete(target, list(features.values())))
    _require_rows(len(rows), source.rows, 2)
    target = target[rows]
    _refuse_constant(parameters.target, target)
    refuse_extreme(parameters.target, target)
    blocks = [_code(name, values[rows]) for name, values in features.items()]
    terms, matrix = _assemble(blocks, len(rows), intercept=parameters.intercept)
    _require_rows(len(rows), source.rows, len(terms) + 1)
    _refuse_collinear(terms, matrix)
    notices = tuple(block.notice for block in blocks if block.notice is not None)
    dropped = source.rows - len(rows)
    return Design(tuple(terms), matrix, target, rows, dropped, notices, parameters.intercept)


def _read(source: Source, name: str) -> FloatArray | TextArray:
    return source.texts(name) if source.types[name] == "string" else _finite(source.numbers(name))


def _finite(values: FloatArray) -> FloatArray:
    return np.where(np.isinf(values), np.nan, values)


def _complete(target: FloatArray, features: Sequence[FloatArray | TextArray]) -> npt.NDArray[np.bool_]:
    complete = ~np.isnan(target)
    for values in features:
        complete &= pd.notna(values)
    return complete


def _require_rows(rows: int, total: int, needed: int) -> None:
    if rows >= needed:
        return
    detail = f"{rows} of {total} rows are complete, but this model needs at least {needed}"
    if needed > 2:
        detail += f" (it has {needed - 1} coefficients)"
    raise ComputeError("too_few_rows", f"{detail}. Use fewer features or more data.")


def _refuse_constant(name: str, values: FloatArray | TextArray) -> None:
    if (values == values[0]).all():
        detail = f"Column {name!r} has the single value {values[0]} in all rows used, so it can neither explain nor be "
        raise ComputeError("constant_column", f"{detail}explained. Leave it out.")


def _code(name: str, values: FloatArray | TextArray) -> Block:
    _refuse_constant(name, values)
    if values.dtype != np.object_:
        numbers = np.asarray(values, dtype=np.float64)
        refuse_extreme(name, numbers)
        return Block([name], numbers[:, None])
    levels = sorted(set(values.tolist()))
    if len(levels) > LEVELS_AT_MOST:
        detail = f"Column {name!r} has {len(levels)} different texts; a category may have at most {LEVELS_AT_MOST}."
        raise ComputeError("too_many_levels", f"{detail} Group rare ones, or leave the column out.")
    reference, *others = levels
    indicators = np.column_stack([values == level for level in others]).astype(np.float64)
    text = f"{name!r} is a category with {len(levels)} levels; each term compares one level with {reference!r}."
    return Block([f"{name}[{level}]" for level in others], indicators, Notice("categorical_coded", text))


def _assemble(blocks: Sequence[Block], rows: int, *, intercept: bool) -> tuple[list[str], FloatArray]:
    constant = [Block([CONSTANT], np.ones((rows, 1)))] if intercept else []
    used = [*constant, *blocks]
    terms = _distinct([term for block in used for term in block.terms])
    return terms, np.column_stack([block.values for block in used])


def _distinct(terms: Sequence[str]) -> list[str]:
    """Terms of one name, such as the intercept and a column called `const`, numbered from the second on."""
    names: list[str] = []
    for term in terms:
        number, name = 1, term
        while name in names:
            number += 1
            name = f"{term}_{number}"
        names.append(name)
    return names


def _refuse_collinear(terms: Sequence[str], matrix: FloatArray) -> None:
    triangle = linalg.qr(matrix / np.linalg.norm(matrix, axis=0), mode="r")[0][: len(terms)]
    left = np.abs(np.diag(triangle))
    if (left >= UNEXPLAINED_AT_LEAST).all():
        return
    first = int(np.argmax(left < UNEXPLAINED_AT_LEAST))
    shares = linalg.solve_triangular(triangle[:first, :first], triangle[:first, first])
    others = [f"{term!r}" for term, share in zip(terms, shares, strict=False) if abs(share) > SHARE_AT_LEAST]
    detail = f"{terms[first]!r} is an exact linear combination of {', '.join(others)}, so their effects cannot be told "
    raise ComputeError("singular_design", f"{detail}apart. Remove one of them.")
