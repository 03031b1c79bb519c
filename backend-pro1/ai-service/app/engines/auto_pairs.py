"""The hypotheses of a scan: which pairs of columns are tested, and by which of the tests that stand alone elsewhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy import stats

from ..schemas.auto_parameters import AutoParameters
from ..schemas.tests_parameters import AnovaParameters, HypothesisTestParameters
from .anova import kruskal
from .auto_columns import Scanned
from .correlation import coefficient
from .counts import CrossTable, chi_square, cross_table, fisher
from .evidence import Effect, Evidence
from .levels import Levels
from .ranks import mann_whitney
from .samples import Sample, Samples, split_by
from .source import FloatArray

ROWS_AT_LEAST = 10
GROUP_AT_LEAST = 5
# Of an indicator of missing values: with fewer rows of one kind nothing can be seen.
MISSING_AT_LEAST = 5
PRESENCE = ("present", "missing")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two columns to test for a relation; `kind` says how."""

    kind: str
    first: Scanned
    second: Scanned

    @property
    def names(self) -> tuple[str, str]:
        """What the hypothesis is about."""
        return self.first.name, self.second.name


@dataclass(frozen=True, slots=True)
class Tested:
    """A tested hypothesis with what was compared; `strength` is from 0 to 1, see `strength_of`."""

    pair: Pair
    test: str
    evidence: Evidence
    strength: float
    parts: Sequence[Sample] = ()
    table: CrossTable | None = None


def list_pairs(columns: Sequence[Scanned]) -> list[Pair]:
    """All pairs that can be tested, in the order of the columns; then those of missing values."""
    usable = [column for column in columns if column.role in ("numeric", "category", "time")]
    pairs = [_pair(one, other) for one, other in combinations(usable, 2)]
    gaps = [_presence(column) for column in columns if _has_pattern(column)]
    for gap in gaps:
        pairs += [_missing_pair(gap, column) for column in usable if column.name != gap.name]
    pairs += [_missing_pair(one, other, both=True) for one, other in combinations(gaps, 2)]
    return [pair for pair in pairs if pair is not None]


def choose_pairs(pairs: Sequence[Pair], target: str | None, most: int, seed: int) -> list[Pair]:
    """At most `most` of them: those of the target first, of the others a random choice in their order."""
    about = [pair for pair in pairs if target in pair.names][:most]
    others = [pair for pair in pairs if target not in pair.names]
    left = most - len(about)
    if len(others) > left:
        chosen = np.sort(np.random.default_rng(seed).choice(len(others), size=left, replace=False))
        others = [others[i] for i in chosen]
    return [*about, *others]


def run_pair(pair: Pair, parameters: AutoParameters) -> Tested | None:
    """The test of one pair; None where there are too few rows, or no variation, to test it."""
    if pair.kind in ("correlation", "trend"):
        return _correlation(pair, parameters)
    if pair.kind == "missing_together" or pair.second.levels is None or pair.first.levels is not None:
        return _association(pair, parameters)
    return _groups(pair, parameters)


def strength_of(effect: Effect) -> float:
    """The size of the effect that the data vouch for: 0 for none, 1 for a relation without exception.

    It is the limit of the interval that is nearer to none, on the scale of a correlation: epsilon squared by its root.
    """
    low, high = effect.ci_low, effect.ci_high
    if low is None or high is None or not math.isfinite(low + high):
        return 0.0
    nearest = 0.0 if low <= 0 <= high else min(abs(low), abs(high))
    return math.sqrt(nearest) if effect.name == "epsilon_squared" else nearest


def spearman_limits(rho: float, n: int, alpha: float) -> tuple[float, float]:
    """Interval of a rank correlation by Fisher's z with the standard error of Bonett and Wright (2000)."""
    if abs(rho) >= 1 or n <= 3:
        return rho, rho
    z = math.atanh(rho)
    margin = float(stats.norm.isf(alpha / 2)) * math.sqrt((1 + rho * rho / 2) / (n - 3))
    return math.tanh(z - margin), math.tanh(z + margin)


def _pair(one: Scanned, other: Scanned) -> Pair | None:
    if one.role == "category" and other.role != "category":
        one, other = other, one
    if one.role == "time" and other.role == "numeric":
        one, other = other, one
    kinds = {
        ("numeric", "numeric"): "correlation",
        ("numeric", "time"): "trend",
        ("numeric", "category"): "group_difference",
        ("category", "category"): "association",
    }
    kind = kinds.get((one.role, other.role))
    return None if kind is None else Pair(kind, one, other)


def _has_pattern(column: Scanned) -> bool:
    absent = int(column.missing.sum())
    named = column.role in ("numeric", "category", "time", "text", "id")
    return named and MISSING_AT_LEAST <= absent <= len(column.missing) - MISSING_AT_LEAST


def _presence(column: Scanned) -> Scanned:
    codes = column.missing.astype(np.intp)
    return Scanned(column.name, column.kind, "presence", column.missing, levels=Levels(column.name, PRESENCE, codes))


def _missing_pair(gap: Scanned, column: Scanned, *, both: bool = False) -> Pair:
    if both:
        return Pair("missing_together", gap, column)
    return Pair("missing_pattern", column, gap)


def _correlation(pair: Pair, parameters: AutoParameters) -> Tested | None:
    x, y = np.asarray(pair.first.numbers), np.asarray(pair.second.numbers)
    both = ~np.isnan(x) & ~np.isnan(y)
    n = int(both.sum())
    if n < ROWS_AT_LEAST:
        return None
    rho, p_value = coefficient(x[both], y[both], "spearman")
    if math.isnan(p_value):
        return None
    effect = Effect("spearman_rho", rho, *spearman_limits(rho, n, parameters.alpha))
    return Tested(pair, "spearman", Evidence(rho, p_value, n, "", n - 2, effect), strength_of(effect))


def _groups(pair: Pair, parameters: AutoParameters) -> Tested | None:
    if pair.second.levels is None:
        return None
    samples = split_by(pair.first.name, np.asarray(pair.first.numbers), pair.second.levels)
    parts = [part for part in samples.parts if len(part) >= GROUP_AT_LEAST]
    if len(parts) < 2 or np.ptp(np.concatenate([part.values for part in parts])) == 0:
        return None
    column, group = pair.names
    if len(parts) == 2:
        asked = HypothesisTestParameters(method="mann_whitney", column=column, group=group, alpha=parameters.alpha)
        evidence, test = mann_whitney(Samples(parts, samples.dropped), asked).evidence, "mann_whitney"
    else:
        several = AnovaParameters(method="kruskal", column=column, group=group, alpha=parameters.alpha)
        evidence, test = kruskal(parts, several), "kruskal"
    return _tested(pair, test, evidence, parts=parts)


def _association(pair: Pair, parameters: AutoParameters) -> Tested | None:
    if pair.first.levels is None or pair.second.levels is None:
        return None
    table = _common(pair.first.levels, pair.second.levels)
    if table is None:
        return None
    asked = HypothesisTestParameters(
        method="chi_square", column=pair.first.name, column2=pair.second.name, alpha=parameters.alpha
    )
    evidence, test = chi_square(table, asked).evidence, "chi_square"
    enough = evidence.assumptions[0].holds
    if not enough and table.counts.shape != (2, 2):
        return None
    if not enough:
        exact, test = fisher(table, asked).evidence, "fisher"
        evidence = Evidence(exact.statistic, exact.p_value, exact.n, "", None, evidence.effect, exact.assumptions)
    return _tested(pair, test, evidence, table=table)


def _common(first: Levels, second: Levels) -> CrossTable | None:
    """Counts of the levels that are frequent enough for Pearson's approximation; None where no two are left."""
    present = (first.codes >= 0) & (second.codes >= 0)
    if int(present.sum()) < ROWS_AT_LEAST:
        return None
    kept = (_frequent(first, present), _frequent(second, present))
    if any(len(np.unique(levels.codes[levels.codes >= 0])) < 2 for levels in kept):
        return None
    both = (kept[0].codes >= 0) & (kept[1].codes >= 0)
    if any(len(np.unique(levels.codes[both])) < 2 for levels in kept):
        return None
    return cross_table(kept[0], kept[1])


def _frequent(levels: Levels, present: npt.NDArray[np.bool_]) -> Levels:
    codes = np.where(present, levels.codes, -1)
    counts = np.bincount(codes[codes >= 0], minlength=len(levels.names))
    rare = counts < GROUP_AT_LEAST
    return Levels(levels.column, levels.names, np.where((codes >= 0) & rare[codes], -1, codes))


def _tested(
    pair: Pair, test: str, evidence: Evidence, parts: Sequence[Sample] = (), table: CrossTable | None = None
) -> Tested | None:
    if math.isnan(evidence.p_value) or evidence.effect is None:
        return None
    return Tested(pair, test, evidence, strength_of(evidence.effect), parts, table)


def numbers_of(column: Scanned) -> FloatArray | None:
    """The column as numbers where that keeps an order: a category of two values is 0 and 1."""
    if column.numbers is not None:
        return column.numbers
    if column.levels is None or len(column.levels.names) != 2:
        return None
    codes = column.levels.codes.astype(np.float64)
    codes[codes < 0] = np.nan
    return codes
