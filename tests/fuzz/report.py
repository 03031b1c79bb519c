"""What a campaign says at its end: seed, what became of its cases, how long it took, how to repeat what failed."""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import ClassVar

from console import note

SHOWN = 40
SHOWN_AT_ONCE = 300


@dataclass(frozen=True, slots=True)
class Failure:
    """A case that broke a rule; with the seed, part and number make it again."""

    part: str
    number: int
    what: str


@dataclass(slots=True)
class Report:
    """Filled while the cases run; the one that was begun last can be told by whoever has to stop before its end."""

    latest: ClassVar["Report | None"] = None

    campaign: str
    seed: int
    outcomes: dict[str, Counter[str]] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    # What was measured besides, by name.
    figures: dict[str, str] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        Report.latest = self

    @property
    def cases(self) -> int:
        return sum(counts.total() for counts in self.outcomes.values())

    @property
    def is_clean(self) -> bool:
        """Whether anything ran, and nothing was wrong."""
        return self.cases > 0 and not self.failures

    def count(self, part: str, outcome: str) -> None:
        """One more case of `part` that ended so."""
        self.outcomes.setdefault(part, Counter())[outcome] += 1

    def fail(self, part: str, number: int, what: str) -> None:
        """Case `number` of `part` broke a rule. It is counted by `count` as any other."""
        self.failures.append(Failure(part, number, what))
        # At once, too: a long run may be given up.
        note(f"{self.campaign}, {part} {number}: {what[:SHOWN_AT_ONCE]}")

    def ended(self) -> "Report":
        """The same, with the time it took."""
        self.seconds = time.monotonic() - self.began
        return self

    def tell(self) -> None:
        """Print all of it."""
        note("")
        note(f"{self.campaign}, seed {self.seed}: {self.cases} cases, {self.seconds:.0f} s")
        for part, counts in self.outcomes.items():
            ends = ", ".join(f"{name} {count}" for name, count in counts.most_common())
            note(f"  {part}: {counts.total()} ({ends})")
        for name, figure in self.figures.items():
            note(f"  {name}: {figure}")
        note(f"  {'CLEAN' if self.is_clean else f'{len(self.failures)} FAILURES'}")
        for failure in self.failures[:SHOWN]:
            note(f"    {failure.part} {failure.number}: {failure.what}")
            note(f"      again: scripts/fuzz.sh {self.repeating(failure)}")

    def repeating(self, failure: Failure) -> str:
        """The arguments that make the same case once more."""
        return f"{self.campaign} --seed {self.seed} --part '{failure.part}' --only {failure.number}"
