"""From columns to the design matrix of a linear model: coding, complete rows, and what makes a design unusable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import linalg

from shared.compute import ComputeError

from ..schemas.regression_parameters import RegressionParameters
from .design_columns import Target, read_positive, read_target
from .frames import IndexArray, refuse_extreme
from .results import Notice
from .source import FloatArray, Source, TextArray

CONSTANT = "const"
LEVELS_AT_MOST = 100
# More cells would leave no room for what is computed from them in a child of 2 GB.
CELLS_AT_MOST = 30_000_000
# Share of a column's length that its predecessors leave unexplained; below this only rounding is left.
# NIST's Longley leaves 1e-5 or more, an exact sum of other columns about 1e-16.
UNEXPLAINED_AT_LEAST = 1e-11
SHARE_AT_LEAST = 1e-8
# They shrink coefficients, so that neither many nor dependent columns hurt them.
SHRINKING = ("ridge", "lasso")

LongArray = npt.NDArray[np.longdouble]


@dataclass(frozen=True, slots=True)
class Design:
    """`matrix` has shape (rows, terms), `target` shape (rows,); `rows` are positions in the version, from 0.

    `powers` says of which power of its feature each term is; `event`, which value of a target of two counts as 1;
    `triangle` is `factor`, where it is known already.
    """

    terms: tuple[str, ...]
    matrix: FloatArray
    target: FloatArray
    rows: IndexArray
    dropped: int
    total: int
    notices: tuple[Notice, ...]
    has_constant: bool
    powers: tuple[int, ...] = ()
    weights: FloatArray | None = None
    exposure: FloatArray | None = None
    event: str | None = None
    triangle: FloatArray | None = None

    @property
    def factor(self) -> FloatArray:
        """The triangle of the columns brought to length one, shape (terms, terms)."""
        return unit_triangle(self.matrix) if self.triangle is None else self.triangle

    @property
    def slopes(self) -> tuple[str, ...]:
        """The terms without the intercept, which comes first."""
        return self.terms[1:] if self.has_constant else self.terms

    @property
    def regressors(self) -> FloatArray:
        """The columns of `slopes`."""
        return self.matrix[:, 1:] if self.has_constant else self.matrix

    @property
    def extended(self) -> LongArray:
        """The matrix in extended precision, whose powers are those of the features, not of their rounded powers."""
        wide = self.matrix.astype(np.longdouble)
        for column, power in enumerate(self.powers):
            if power > 1:
                wide[:, column] = wide[:, column - power + 1] ** power
        return wide

    def sampled(self, at_most: int, seed: int) -> Design:
        """At most so many of its rows, drawn without replacement; a notice says so."""
        if len(self.rows) <= at_most:
            return self
        kept = np.sort(np.random.default_rng(seed).choice(len(self.rows), at_most, replace=False))
        text = f"The model is fitted to a random sample of {at_most} of {len(self.rows)} rows."
        notices = (*self.notices, Notice("rows_sampled", text))
        weights, exposure = (None if each is None else each[kept] for each in (self.weights, self.exposure))
        return replace(
            self,
            matrix=self.matrix[kept],
            target=self.target[kept],
            rows=self.rows[kept],
            notices=notices,
            weights=weights,
            exposure=exposure,
            triangle=None,
        )


@dataclass(frozen=True, slots=True)
class Block:
    """The columns that one feature contributes: `values` has shape (rows, terms)."""

    terms: list[str]
    values: FloatArray
    powers: list[int]
    notice: Notice | None = None


def build_design(source: Source, parameters: RegressionParameters) -> Design:
    """Read, keep complete rows, code categories, and check.

    Raises:
        ComputeError: `column_not_found`, `not_numeric`, `too_few_rows`, `constant_column`, `out_of_range`,
            `too_many_levels`, `too_many_rows`, `invalid_value`, `wrong_groups` or `singular_design`.
    """
    source.require(parameters.uses())
    target = read_target(source, parameters)
    weights, exposure = (read_positive(source, name) for name in (parameters.weights, parameters.exposure))
    features = {name: _read(source, name) for name in parameters.features}
    rows = np.flatnonzero(_complete(target.values, [*features.values(), weights, exposure]))
    _require_rows(len(rows), source.rows, 2)
    kept = _checked_target(parameters.target, target, rows)
    blocks = [_code(name, values[rows], parameters.degree) for name, values in features.items()]
    terms, matrix = _assemble(blocks, len(rows), intercept=parameters.intercept)
    triangle = None
    if parameters.method not in SHRINKING:
        _require_rows(len(rows), source.rows, len(terms) + 1)
        triangle = unit_triangle(matrix)
        _refuse_collinear(terms, triangle)
    return Design(
        tuple(terms),
        matrix,
        kept,
        rows,
        source.rows - len(rows),
        source.rows,
        tuple(block.notice for block in blocks if block.notice is not None),
        parameters.intercept,
        tuple([1] * parameters.intercept + [power for block in blocks for power in block.powers]),
        None if weights is None else weights[rows],
        None if exposure is None else exposure[rows],
        target.event,
        triangle,
    )


def _read(source: Source, name: str) -> FloatArray | TextArray:
    if source.types[name] == "string":
        return source.texts(name)
    values = source.numbers(name)
    return np.where(np.isinf(values), np.nan, values)


def _complete(target: FloatArray, others: Sequence[FloatArray | TextArray | None]) -> npt.NDArray[np.bool_]:
    complete = ~np.isnan(target)
    for values in others:
        if values is not None:
            complete &= pd.notna(values)
    return complete


def _require_rows(rows: int, total: int, needed: int) -> None:
    if rows >= needed:
        return
    detail = f"{rows} of {total} rows are complete, but this model needs at least {needed}"
    if needed > 2:
        detail += f" (it has {needed - 1} coefficients)"
    raise ComputeError("too_few_rows", f"{detail}. Use fewer features or more data.")


def _checked_target(name: str, target: Target, rows: IndexArray) -> FloatArray:
    values = target.values[rows]
    if target.event is None or (values != values[0]).any():
        _refuse_constant(name, values)
        refuse_extreme(name, values)
        return values
    said = f"is {'always' if values[0] else 'never'} {target.event!r} in the rows used"
    raise ComputeError("constant_column", f"Column {name!r} {said}, so there is nothing to tell apart.")


def _refuse_constant(name: str, values: FloatArray | TextArray) -> None:
    if (values == values[0]).all():
        detail = f"Column {name!r} has the single value {values[0]} in all rows used, so it can neither explain nor be "
        raise ComputeError("constant_column", f"{detail}explained. Leave it out.")


def _code(name: str, values: FloatArray | TextArray, degree: int) -> Block:
    _refuse_constant(name, values)
    if values.dtype != np.object_:
        numbers = np.asarray(values, dtype=np.float64)
        refuse_extreme(name, numbers)
        powers = [*range(1, degree + 1)]
        columns = np.column_stack([numbers**power for power in powers])
        refuse_extreme(name, columns[:, -1])
        return Block([name if power == 1 else f"{name}^{power}" for power in powers], columns, powers)
    levels = sorted(set(values.tolist()))
    if len(levels) > LEVELS_AT_MOST:
        detail = f"Column {name!r} has {len(levels)} different texts; a category may have at most {LEVELS_AT_MOST}."
        raise ComputeError("too_many_levels", f"{detail} Group rare ones, or leave the column out.")
    reference, *others = levels
    _refuse_large(len(values), len(others))
    indicators = np.column_stack([values == level for level in others]).astype(np.float64)
    text = f"{name!r} is a category with {len(levels)} levels; each term compares one level with {reference!r}."
    terms = [f"{name}[{level}]" for level in others]
    return Block(terms, indicators, [1] * len(terms), Notice("categorical_coded", text))


def _assemble(blocks: Sequence[Block], rows: int, *, intercept: bool) -> tuple[list[str], FloatArray]:
    constant = [Block([CONSTANT], np.ones((rows, 1)), [1])] if intercept else []
    used = [*constant, *blocks]
    terms = _distinct([term for block in used for term in block.terms])
    _refuse_large(rows, len(terms))
    return terms, np.column_stack([block.values for block in used])


def _refuse_large(rows: int, terms: int) -> None:
    if rows * terms > CELLS_AT_MOST:
        detail = f"{rows} rows and {terms} coefficients are more than a model here takes ({CELLS_AT_MOST} cells). "
        raise ComputeError("too_many_rows", f"{detail}Use fewer features, or a sample of the rows.")


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


def unit_triangle(matrix: FloatArray) -> FloatArray:
    """The triangular factor of a matrix whose columns are brought to length one, shape (terms, terms)."""
    triangle: FloatArray = linalg.qr(matrix / np.linalg.norm(matrix, axis=0), mode="r")[0][: matrix.shape[1]]
    return triangle


def _refuse_collinear(terms: Sequence[str], triangle: FloatArray) -> None:
    left = np.abs(np.diag(triangle))
    if (left >= UNEXPLAINED_AT_LEAST).all():
        return
    first = int(np.argmax(left < UNEXPLAINED_AT_LEAST))
    shares = linalg.solve_triangular(triangle[:first, :first], triangle[:first, first])
    others = [f"{term!r}" for term, share in zip(terms, shares, strict=False) if abs(share) > SHARE_AT_LEAST]
    detail = f"{terms[first]!r} is an exact linear combination of {', '.join(others)}, so their effects cannot be told "
    raise ComputeError("singular_design", f"{detail}apart. Remove one of them.")
