"""The table of an analysis of variance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scipy import special

from .intervals import noncentral_f
from .results import Table

ANOVA_COLUMNS = (
    "term", "df", "sum_sq", "mean_sq", "f", "p_value", "partial_eta_squared", "ci_low", "ci_high",
    "partial_omega_squared",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One source of variation; the last one is the residual."""

    term: str
    df: int
    sum_sq: float


def variance_table(lines: Sequence[Line], n: int, alpha: float) -> Table:
    """Table `anova`: tests against the last line, with partial eta squared, its interval, and partial omega squared."""
    *terms, residual = lines
    rows = [_tested(line, residual, n, alpha) for line in terms]
    last: list[object] = [residual.term, residual.df, residual.sum_sq, residual.sum_sq / residual.df, *[None] * 6]
    return Table("anova", ANOVA_COLUMNS, [*rows, last])


def _tested(line: Line, residual: Line, n: int, alpha: float) -> list[object]:
    mean_square = residual.sum_sq / residual.df
    f = line.sum_sq / line.df / mean_square
    low, high = noncentral_f(f, line.df, residual.df, alpha)
    # Steiger's (2004): as many rows as an analysis of this term alone would have.
    alone = line.df + residual.df + 1
    eta = line.sum_sq / (line.sum_sq + residual.sum_sq)
    omega = line.df * (f - 1) / (line.df * (f - 1) + n)
    p_value = float(special.fdtrc(line.df, residual.df, f))
    effects = [eta, low / (low + alone), high / (high + alone), max(omega, 0.0)]
    return [line.term, line.df, line.sum_sq, line.sum_sq / line.df, f, p_value, *effects]
