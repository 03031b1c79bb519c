"""Tests of counts: Pearson's chi-squared, Fisher's exact test, and proportions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special, stats
from scipy.stats import contingency

from shared.compute import ComputeError

from ..schemas.tests_parameters import (
    LEVELS_AT_MOST,
    Alternative,
    HypothesisTestParameters,
    value_text,
)
from .checks import INDEPENDENT
from .evidence import Assumption, Effect, Evidence, verdict
from .intervals import newcombe, noncentral_chi2, wilson
from .levels import Levels, read_levels
from .results import Notice
from .samples import Finding, chosen_positions, two_of
from .source import Source

Counts = npt.NDArray[np.int64]
EXPECTED_AT_LEAST = 5
# The conditional estimate sums over all tables with these margins.
CONDITIONAL_UP_TO = 2000


@dataclass(frozen=True, slots=True)
class CrossTable:
    """`counts` has shape (rows, columns), one per level of the first and of the second column."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    counts: Counts
    dropped: int

    @property
    def n(self) -> int:
        """Rows counted."""
        return int(self.counts.sum())


def read_cross_table(source: Source, parameters: HypothesisTestParameters) -> CrossTable:
    """Counts of two columns, levels without rows left out; `groups` are levels of the second.

    Raises:
        ComputeError: `too_many_levels`, `wrong_groups`, `too_few_rows` or `constant_column`.
    """
    first = read_levels(source, parameters.column, LEVELS_AT_MOST)
    second = read_levels(source, parameters.second or parameters.column, LEVELS_AT_MOST)
    chosen = None if parameters.groups is None else [value_text(value) for value in parameters.groups]
    return cross_table(first, second, chosen)


def cross_table(first: Levels, second: Levels, chosen: Sequence[str] | None = None) -> CrossTable:
    """Counts of two columns that have been read; `chosen` are levels of the second, all when None.

    Raises:
        ComputeError: `wrong_groups`, `too_few_rows` or `constant_column`.
    """
    present = (first.codes >= 0) & (second.codes >= 0)
    width = len(second.names)
    flat = np.bincount(first.codes[present] * width + second.codes[present], minlength=len(first.names) * width)
    columns = chosen_positions(second, chosen)
    counts = flat.reshape(-1, width)[:, columns] if flat.size else np.zeros((0, 0), np.int64)
    used_rows, used_columns = np.flatnonzero(counts.sum(axis=1)), np.flatnonzero(counts.sum(axis=0))
    _require_levels(first.column, len(used_rows))
    _require_levels(second.column, len(used_columns))
    return CrossTable(
        tuple(first.names[i] for i in used_rows),
        tuple(second.names[columns[i]] for i in used_columns),
        counts[np.ix_(used_rows, used_columns)],
        len(present) - int(present.sum()),
    )


def _require_levels(name: str, levels: int) -> None:
    if levels == 0:
        raise ComputeError("too_few_rows", f"No row has a value in {name!r} and in the other column.")
    if levels == 1:
        raise ComputeError(
            "constant_column", f"Column {name!r} has a single value in the rows used, so it tells nothing."
        )


def chi_square(table: CrossTable, parameters: HypothesisTestParameters) -> Finding:
    """Pearson's test of independence (1900), without a correction for continuity; effect Cramér's V.

    The interval of V is that of the noncentrality (Smithson 2003). `statistic_yates` is the corrected statistic of a
    two-by-two table.
    """
    statistic, p_value, df, expected = contingency.chi2_contingency(table.counts, correction=False)
    smaller = min(table.counts.shape) - 1
    low, high = (math.sqrt(limit / (table.n * smaller)) for limit in noncentral_chi2(statistic, df, parameters.alpha))
    effect = Effect("cramers_v", math.sqrt(statistic / (table.n * smaller)), min(low, 1.0), min(high, 1.0))
    small = int((expected < EXPECTED_AT_LEAST).sum())
    detail = f"{small} of {expected.size} expected counts are below 5, the smallest is {expected.min():.3g}."
    counts = Assumption(
        "expected_counts", small <= expected.size / 5 and expected.min() >= 1, f"{detail} Cochran (1954)."
    )
    said = _associated(float(p_value), parameters)
    evidence = Evidence(float(statistic), float(p_value), table.n, said, int(df), effect, [counts, INDEPENDENT])
    more: dict[str, object] = {}
    if table.counts.shape == (2, 2):
        yates = contingency.chi2_contingency(table.counts, correction=True)
        more = {"statistic_yates": yates.statistic, "p_value_yates": yates.pvalue}
    return Finding(evidence, more)


def fisher(table: CrossTable, parameters: HypothesisTestParameters) -> Finding:
    """Fisher's exact test (1935) of two by two counts; the statistic and effect is the odds ratio.

    Up to 2,000 rows the odds ratio is the conditional maximum likelihood estimate with its exact interval, beyond
    that ad / bc with the logarithmic interval of Woolf (1955).

    Raises:
        ComputeError: `wrong_groups`.
    """
    two_of(table.rows, table.rows, parameters.column)
    two_of(table.columns, table.columns, parameters.second)
    p_value = float(stats.fisher_exact(table.counts, alternative=parameters.alternative).pvalue)
    kind = "conditional" if table.n <= CONDITIONAL_UP_TO else "sample"
    ratio = contingency.odds_ratio(table.counts, kind=kind)
    interval = ratio.confidence_interval(1 - parameters.alpha)
    effect = Effect("odds_ratio", float(ratio.statistic), float(interval.low), float(interval.high))
    said = _associated(p_value, parameters)
    evidence = Evidence(effect.value, p_value, table.n, said, None, effect, [INDEPENDENT])
    return Finding(evidence, {"odds_ratio_kind": kind}, _infinite(effect))


def _infinite(effect: Effect) -> list[Notice]:
    if effect.ci_high is not None and math.isfinite(effect.ci_high) and math.isfinite(effect.value):
        return []
    return [Notice("infinite_ratio", "A count is 0, so the odds ratio has no upper limit; null stands for infinity.")]


def _associated(p_value: float, parameters: HypothesisTestParameters) -> str:
    pair = f"{parameters.column!r} and {parameters.second!r}"
    direction = {"two-sided": "", "less": " (odds ratio below 1)", "greater": " (odds ratio above 1)"}
    said = f"are associated{direction[parameters.alternative]}"
    return verdict(p_value, parameters.alpha, f"{pair} {said}", f"It is not shown that {pair} {said}")


def one_proportion(levels: Levels, parameters: HypothesisTestParameters) -> Finding:
    """Score test that a proportion is `mu`, with Wilson's interval, which agrees with it; `p_value_exact` is binomial.

    Raises:
        ComputeError: `wrong_groups`, `too_few_rows` or `constant_column`.
    """
    levels = _completed(levels)
    codes = levels.codes[levels.codes >= 0]
    if len(codes) == 0:
        raise ComputeError("too_few_rows", f"Column {parameters.column!r} has no value.")
    position = _success(levels, parameters)
    n, hits = len(codes), int((codes == position).sum())
    null = 0.5 if parameters.mu is None else parameters.mu
    statistic = (hits / n - null) / math.sqrt(null * (1 - null) / n)
    p_value = normal_p_value(statistic, parameters.alternative)
    effect = Effect("proportion", hits / n, *wilson(hits, n, parameters.alpha))
    enough = Assumption(
        "expected_counts", n * min(null, 1 - null) >= EXPECTED_AT_LEAST, f"n {n}; 5 or more of both kinds are expected."
    )
    word = {"two-sided": "differs from", "less": "is below", "greater": "is above"}[parameters.alternative]
    claim = f"the proportion of {levels.names[position]!r} ({hits / n:.4g}) {word} {null:g}"
    said = verdict(p_value, parameters.alpha, f"T{claim[1:]}", f"It is not shown that {claim}")
    exact = stats.binomtest(hits, n, null, parameters.alternative).pvalue
    more = {"successes": hits, "success": levels.names[position], "p_value_exact": exact}
    return Finding(Evidence(statistic, p_value, n, said, None, effect, [enough, INDEPENDENT]), more)


def _completed(levels: Levels) -> Levels:
    """With both values where a yes-or-no column has a single one, which would else count as success whatever it is."""
    if len(levels.names) != 1:
        return levels
    only = levels.names[0]
    pair = ("0", "1") if only in {"0", "1"} else ("false", "true")
    if only not in pair:
        detail = f"Column {levels.column!r} has the single value {only!r}, so a proportion of it tells nothing."
        raise ComputeError("constant_column", detail)
    return Levels(levels.column, pair, np.where(levels.codes < 0, -1, pair.index(only)))


def two_proportions(table: CrossTable, parameters: HypothesisTestParameters) -> Finding:
    """Score test of two proportions (pooled z, whose square is Pearson's chi-squared), and Newcombe's interval.

    Raises:
        ComputeError: `wrong_groups`.
    """
    first, second = two_of(table.columns, table.columns, parameters.second)
    position = _success(Levels(parameters.column, table.rows, np.zeros(0, np.intp)), parameters)
    n1, n2 = (int(n) for n in table.counts.sum(axis=0))
    hits1, hits2 = (int(hits) for hits in table.counts[position])
    pooled = (hits1 + hits2) / (n1 + n2)
    difference = hits1 / n1 - hits2 / n2
    statistic = difference / math.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
    p_value = normal_p_value(statistic, parameters.alternative)
    effect = Effect("difference_of_proportions", difference, *newcombe((hits1, n1), (hits2, n2), parameters.alpha))
    expected = min(n1, n2) * min(pooled, 1 - pooled)
    enough = Assumption(
        "expected_counts", expected >= EXPECTED_AT_LEAST, f"The smallest expected count is {expected:.3g}; 5 are asked."
    )
    word = {"two-sided": "differs from", "less": "is below", "greater": "is above"}[parameters.alternative]
    claim = (
        f"the proportion of {table.rows[position]!r} in {first!r} ({hits1 / n1:.4g}) {word} that in {second!r} "
        f"({hits2 / n2:.4g})"
    )
    said = verdict(p_value, parameters.alpha, f"T{claim[1:]}", f"It is not shown that {claim}")
    more: dict[str, object] = {"success": table.rows[position], "proportions": [hits1 / n1, hits2 / n2]}
    return Finding(Evidence(statistic, p_value, n1 + n2, said, None, effect, [enough, INDEPENDENT]), more)


def _success(levels: Levels, parameters: HypothesisTestParameters) -> int:
    return levels.position(None if parameters.success is None else value_text(parameters.success))


def normal_p_value(statistic: float, alternative: Alternative) -> float:
    """The tail of the standard normal distribution that the alternative names."""
    if alternative == "two-sided":
        return 2 * float(special.ndtr(-abs(statistic)))
    return float(special.ndtr(statistic if alternative == "less" else -statistic))
