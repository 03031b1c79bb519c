"""Features that give the target away: copies of it, functions of it, and values that are known only after it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from .results import Notice
from .source import FloatArray

ROWS_AT_LEAST = 30
ROWS_AT_MOST = 10_000
BINS_AT_MOST = 200
ROWS_A_BIN = 5
# What a feature alone must explain of a numeric target, or of the errors that the most frequent class makes.
EXPLAINED = 0.98
CORRELATED = 0.995
EXACT = 1e-9
# Among rows where a feature is present, or absent, nearly all have one class, which chance would not do.
PURE, PURE_BEFORE, CHANCE = 0.97, 0.9, 1e-6
CLASSES_AT_MOST = 100
CODE = "target_leakage"

Codes = npt.NDArray[np.intp]


def target_leaks(x: pd.DataFrame, y: npt.NDArray[np.object_] | FloatArray, target: str) -> list[Notice]:
    """A warning for each column of `x` that predicts `y` alone nearly perfectly, or by being absent.

    Numeric columns of `x` are floats with NaN, others texts with None. `y` has shape (rows,) without missing values:
    floats for a regression, texts for classes. Predictions of each row come from the other rows of its level (of its
    quantile bin, for numbers), so that many levels alone explain nothing. At most 10,000 rows, evenly spread, are
    looked at; fewer than 30, or more than 100 classes, tell nothing.
    """
    if len(y) < ROWS_AT_LEAST:
        return []
    some = np.linspace(0, len(y) - 1, min(len(y), ROWS_AT_MOST)).astype(np.intp)
    x = x.iloc[some]
    if y.dtype == np.object_:
        return _of_classes(x, np.asarray(y[some], dtype=np.object_), target)
    numbers = np.asarray(y[some], dtype=np.float64)
    if np.ptp(numbers) == 0:
        return []
    said = {str(name): _of_numbers(column, numbers) for name, column in x.items()}
    return [_notice(name, target, reason) for name, reason in said.items() if reason is not None]


def _of_classes(x: pd.DataFrame, y: npt.NDArray[np.object_], target: str) -> list[Notice]:
    classes, names = pd.factorize(y)
    if not 2 <= len(names) <= CLASSES_AT_MOST:
        return []
    said = {str(name): _class_reason(column, classes, names) for name, column in x.items()}
    return [_notice(name, target, reason) for name, reason in said.items() if reason is not None]


def _of_numbers(column: pd.Series, y: FloatArray) -> str | None:
    codes = _coded(column)
    if pd.api.types.is_numeric_dtype(column):
        reason = _linear_reason(column.to_numpy(dtype=np.float64), y)
        if reason is not None:
            return reason
    share = _explained(codes, y)
    return f"alone explains {share:.1%} of the variance of" if share >= EXPLAINED else None


def _linear_reason(values: FloatArray, y: FloatArray) -> str | None:
    both = np.isfinite(values)
    if int(both.sum()) < ROWS_AT_LEAST or np.ptp(values[both]) == 0 or np.ptp(y[both]) == 0:
        return None
    values, y = values[both], y[both]
    if np.array_equal(values, y):
        return "is a copy of"
    r = float(np.corrcoef(values, y)[0, 1])
    if abs(r) >= 1 - EXACT:
        return "is a linear function of"
    rho = float(stats.spearmanr(values, y).statistic)
    strongest = max(abs(r), abs(rho))
    return f"alone goes with r = {strongest:.4f} along with" if strongest >= CORRELATED else None


def _class_reason(column: pd.Series, classes: Codes, names: npt.NDArray[np.object_]) -> str | None:
    counts = np.bincount(classes, minlength=len(names))
    base = float(counts.max()) / len(classes)
    gained = (_hits(_coded(column), classes, len(names)) / len(classes) - base) / (1 - base)
    if gained >= EXPLAINED:
        return f"alone tells {base + gained * (1 - base):.1%} of the rows' classes in"
    return _absence_reason(column.isna().to_numpy(), classes, names)


def _absence_reason(missing: npt.NDArray[np.bool_], classes: Codes, names: npt.NDArray[np.object_]) -> str | None:
    """Whether a class goes with the presence, or with the absence, of the column's values."""
    for rows, word in ((~missing, "known"), (missing, "missing")):
        n = int(rows.sum())
        if not ROWS_AT_LEAST <= n <= len(rows) - ROWS_AT_LEAST:
            continue
        inside = np.bincount(classes[rows], minlength=len(names))
        first = int(inside.argmax())
        hits, before = int(inside[first]), float(np.mean(classes == first))
        by_chance = float(stats.binom.sf(hits - 1, n, before))
        if hits >= PURE * n and before < PURE_BEFORE and by_chance < CHANCE:
            return f"is {word} in {n} rows, and {hits} of them have the value {str(names[first])!r} of"
    return None


def _coded(column: pd.Series) -> Codes:
    """Levels as numbers, missing ones too; many numbers are put into bins of equal size."""
    if not pd.api.types.is_numeric_dtype(column):
        return np.asarray(pd.factorize(column, use_na_sentinel=False)[0], dtype=np.intp)
    values = column.to_numpy(dtype=np.float64)
    bins = int(min(BINS_AT_MOST, max(len(values) // ROWS_A_BIN, 2)))
    distinct = np.unique(values[np.isfinite(values)])
    if len(distinct) > bins:
        distinct = np.unique(np.quantile(values[np.isfinite(values)], np.linspace(0, 1, bins + 1)[1:-1]))
    return np.asarray(np.searchsorted(distinct, values, side="right"), dtype=np.intp)


def _explained(codes: Codes, y: FloatArray) -> float:
    """R squared of the means of the other rows of each level; a level's only row is predicted by the mean of all."""
    centred = y - y.mean()
    counts, sums = np.bincount(codes), np.bincount(codes, weights=centred)
    others = np.where(counts[codes] > 1, (sums[codes] - centred) / np.maximum(counts[codes] - 1, 1), 0.0)
    return 1 - float(np.sum((centred - others) ** 2) / np.sum(centred**2))


def _hits(codes: Codes, classes: Codes, n_classes: int) -> int:
    """Rows whose class is the most frequent one among the other rows of their level."""
    levels = int(codes.max()) + 1
    counts = np.bincount(codes * n_classes + classes, minlength=levels * n_classes).reshape(levels, n_classes)
    hits = 0
    for one in range(n_classes):
        others = counts.copy()
        others[:, one] -= 1
        best = others.max(axis=1)
        right = (others[:, one] == best) & (best > 0) & ((others == best[:, None]).sum(axis=1) == 1)
        hits += int(counts[right, one].sum())
    return hits


def _notice(name: str, target: str, reason: str) -> Notice:
    text = f"Feature {name!r} {reason} the target {target!r}. If it is not known before the target is, it gives the "
    return Notice(CODE, f"{text}answer away, and what is learnt from it will not hold: leave it out.")
