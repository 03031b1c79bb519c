"""Whether features tell the two values of a target apart without fail, in which case no finite odds fit best."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import optimize

from shared.compute import ComputeError

from .source import FloatArray

# In columns of length one times the root of their number, far beyond rounding.
LARGE = 1e-6
CELLS_AT_MOST = 2_000_000


def refuse_separation(matrix: FloatArray, target: FloatArray, terms: Sequence[str]) -> None:
    """Konis's linear programme (2007): a direction that no row speaks against and some row speaks for separates.

    `matrix` has columns of one scale. Only a part of the rows is asked where there are very many; a separation of all
    is one of the part, and what the part alone shows is checked on all.

    Raises:
        ComputeError: `separated`; Albert and Anderson (1984) on complete and quasi-complete separation.
    """
    signed = matrix * np.where(target > 0, 1.0, -1.0)[:, None]
    step = -(-signed.size // CELLS_AT_MOST)
    direction = _direction(signed[::step])
    if direction is None:
        return
    margins = signed @ direction
    if margins.min() < -LARGE * np.abs(margins).max():
        return
    guilty = [term for term, share in zip(terms, direction, strict=True) if abs(share) > LARGE and term != "const"]
    kind = "completely" if margins.min() > LARGE * np.abs(margins).max() else "in part"
    named = ", ".join(f"{term!r}" for term in guilty[:10]) or "the intercept"
    detail = f"The two values of the target are {kind} told apart without fail by {named}, so that no finite "
    raise ComputeError(
        "separated", f"{detail}coefficients fit best. Leave a feature out, group rare levels, or use ridge."
    )


def _direction(signed: FloatArray) -> FloatArray | None:
    scale = np.abs(signed).max(axis=0)
    scale[scale == 0] = 1
    rows = signed / scale
    found = optimize.linprog(-rows.sum(axis=0), A_ub=-rows, b_ub=np.zeros(len(rows)), bounds=(-1, 1), method="highs")
    if found.x is None or -found.fun <= LARGE * len(rows) ** 0.5:
        return None
    direction: FloatArray = found.x / scale
    largest = float(np.abs(found.x).max())
    direction[np.abs(found.x) < LARGE * largest] = 0.0
    return direction / float(np.abs(direction).max())
