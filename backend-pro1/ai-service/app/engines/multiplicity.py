"""P-values of many hypotheses, adjusted so that the share of false discoveries is held."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from statsmodels.stats.multitest import multipletests

from .source import FloatArray

Correction = Literal["bh", "by"]


def q_values(p_values: Sequence[float] | FloatArray, correction: Correction = "bh") -> FloatArray:
    """The smallest false discovery rate at which each hypothesis is rejected, in the order of the p-values.

    bh is Benjamini and Hochberg's (1995) step-up procedure, valid for independent or positively dependent tests;
    by is Benjamini and Yekutieli's (2001), valid for any dependence.
    """
    if len(p_values) == 0:
        return np.zeros(0)
    adjusted = multipletests(p_values, method=f"fdr_{correction}")[1]
    return np.asarray(adjusted, dtype=np.float64)
