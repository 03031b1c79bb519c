"""Partial correlation: what is left of columns when others are held fixed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import linalg, special

from shared.compute import ComputeError

from .frames import load_matrix
from .results import Notice
from .source import FloatArray, Source

UNEXPLAINED_AT_LEAST = 1e-11


def without_controls(values: FloatArray, source: Source, controls: Sequence[str]) -> tuple[FloatArray, list[Notice]]:
    """Residuals of the columns after least squares on the controls, in the rows where nothing at all is missing.

    What the controls explain to the last digit is constant then.

    Raises:
        ComputeError: `too_few_rows`, `singular_design`.
    """
    fixed = load_matrix(source, controls)
    complete = ~np.isnan(values).any(axis=1) & ~np.isnan(fixed).any(axis=1)
    rows, needed = int(complete.sum()), len(controls) + 3
    if rows < needed:
        detail = f"{rows} of {len(values)} rows have all columns and controls, but {needed} are needed."
        raise ComputeError("too_few_rows", detail)
    near = fixed[complete] - fixed[complete].mean(axis=0)
    lengths = np.linalg.norm(near, axis=0)
    q, r = linalg.qr(near / np.where(lengths == 0, 1, lengths), mode="economic")
    if np.abs(np.diag(r)).min() < UNEXPLAINED_AT_LEAST:
        detail = "A control is constant, or determined by the others, so that it holds nothing fixed. Leave it out."
        raise ComputeError("singular_design", detail)
    kept = values[complete] - values[complete].mean(axis=0)
    left = kept - q @ (q.T @ kept)
    left -= q @ (q.T @ left)
    left[:, np.linalg.norm(left, axis=0) <= UNEXPLAINED_AT_LEAST * np.linalg.norm(kept, axis=0)] = 0.0
    text = f"Only the {rows} rows are used in which all columns and controls have a value."
    return left, [Notice("complete_rows_only", text)] if rows < len(values) else []


def partial_p_values(coefficients: FloatArray, counts: npt.NDArray[np.int64], controls: int) -> FloatArray:
    """Two-sided p-values by Student's t with n - 2 - controls degrees of freedom (Fisher 1924); 0 on the diagonal."""
    df = counts - 2 - controls
    statistics = np.abs(coefficients) * np.sqrt(df / np.maximum(1 - coefficients**2, 0.0))
    p_values = np.where(df > 0, 2 * special.stdtr(np.maximum(df, 1), -statistics), np.nan)
    p_values[np.isnan(coefficients)] = np.nan
    return np.asarray(p_values, dtype=np.float64)
