"""Whether B is slower than A, judged over rounds in which both were measured beside each other."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

# With fewer rounds even B worse in each of them could be chance.
LEAST_ROUNDS = 5
CHANCE = 0.05


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of both sides, round by round."""

    what: str
    unit: str
    a: Sequence[float]
    b: Sequence[float]
    more_is_better: bool = False

    @property
    def ratios(self) -> list[float]:
        """How many times as bad B was in each round; above one is worse."""
        pairs = zip(self.b, self.a, strict=True) if self.more_is_better else zip(self.a, self.b, strict=True)
        return [b / a for a, b in pairs]

    @property
    def ratio(self) -> float:
        """Their median."""
        return statistics.median(self.ratios)

    @property
    def chance(self) -> float:
        """How likely so many rounds or more are worse where neither side is: the one-sided sign test.

        Rounds without a difference do not count (W. J. Dixon, A. M. Mood: The statistical sign test, JASA 41 (1946)).
        """
        worse = sum(ratio > 1 for ratio in self.ratios)
        differing = sum(ratio != 1 for ratio in self.ratios)
        outcomes: int = 2**differing
        return sum(math.comb(differing, count) for count in range(worse, differing + 1)) / outcomes

    def is_regression(self, bound: float) -> bool:
        """Whether B is worse by more than `bound`, and too often for chance."""
        return self.ratio > 1 + bound and self.chance <= CHANCE

    def row(self, bound: float) -> list[str]:
        """A line of a table."""
        medians = (f"{statistics.median(side):.4g}" for side in (self.a, self.b))
        worse = f"{sum(ratio > 1 for ratio in self.ratios)} of {len(self.ratios)}"
        verdict = "**slower**" if self.is_regression(bound) else "as before"
        return [self.what, self.unit, *medians, f"{self.ratio:.2f}", worse, verdict]
