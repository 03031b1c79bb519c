"""What every statistical test reports, in one shape: statistic, effect, assumptions, and a plain sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Effect:
    """How large the effect is, in the units that its name says, with the limits of its confidence interval."""

    name: str
    value: float
    ci_low: float | None = None
    ci_high: float | None = None


@dataclass(frozen=True, slots=True)
class Assumption:
    """What a test takes for granted; `holds` is None where data cannot tell."""

    name: str
    holds: bool | None
    detail: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """The result of one test; `df` is a number, a pair (numerator, denominator), or None."""

    statistic: float
    p_value: float
    n: int
    conclusion: str
    df: float | tuple[float, float] | None = None
    effect: Effect | None = None
    assumptions: Sequence[Assumption] = ()

    def summary(self, more: Mapping[str, object] | None = None) -> dict[str, object]:
        """The members that the contract gives the summary of a test, and `more` of its own."""
        return {
            "statistic": self.statistic,
            "df": self.df,
            "p_value": self.p_value,
            "n": self.n,
            "effect_size": None if self.effect is None else asdict(self.effect),
            "assumptions": [asdict(assumption) for assumption in self.assumptions],
            "conclusion": self.conclusion,
            **(more or {}),
        }


def verdict(p_value: float, alpha: float, found: str, not_found: str) -> str:
    """One sentence for a person: `found` where p is below alpha, else `not_found`, which claims no absence."""
    said = found if p_value < alpha else not_found
    return f"{said} (p {shown_p(p_value)}, level {alpha:g})."


def shown_p(p_value: float) -> str:
    """A p-value as people read it: never 0, three digits."""
    return "< 0.001" if p_value < 0.001 else f"= {p_value:.3f}"
