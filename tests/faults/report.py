"""What the long form says: how far it is, and at the end what happened and what was wrong."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from console import note
from instance import ROOT

from .ledger import Ledger
from .records import Records
from .scheduler import Harm
from .stage import clear

SHOWN = 40
AUDITS = {
    "L": "everything acknowledged has ended, or is there with the same hash",
    "X": "every effect happened once",
    "S": "only 2xx, 4xx, and 503 with Retry-After",
    "R": "recovery without a human in time",
    "A": "nothing is left behind",
    "B": "sums agree with what is there, and whoever listens was told",
    "G": "nothing grows: memory, descriptors, threads, pools, latency",
}


@dataclass(slots=True)
class Report:
    """Filled while the audit goes on."""

    seed: int
    seconds: float = 0.0
    recovery: float = 0.0
    flaws: dict[str, list[str]] = field(default_factory=lambda: {letter: [] for letter in AUDITS})

    @property
    def is_clean(self) -> bool:
        """Whether it came to an end, and nothing was wrong."""
        return self.seconds > 0 and not any(self.flaws.values())

    def tell(self, ledger: Ledger, harms: Iterable[Harm], records: Records, poisoned: int) -> None:
        """Print all of it."""
        faults = Counter(harm.fault.kind for harm in harms)
        works = Counter(entry["work"] for entry in ledger.of("task"))
        tasks = records.tasks.values()
        note("")
        note(f"seed {self.seed}: {sum(works.values())} tasks, {sum(faults.values())} faults, {self.seconds:.0f} s")
        note(f"  faults       {_line(faults)}")
        note(f"  poisoned     {poisoned} computations were killed on purpose")
        note(f"  tasks        {_line(works)}")
        note(f"  ends         {_line(Counter(_ending(task.status, task.error_code) for task in tasks))}")
        note(f"  claims       {_line(Counter(task.claims for task in tasks))}")
        note(f"  runs         {_line(Counter(run.outcome for task in tasks for run in task.runs))}")
        note(f"  answers      {_line(ledger.answers)}; {ledger.cuts} connections broke")
        note(f"  recovery     {self.recovery:.1f} s after the last fault; longest pause {_pause(records):.1f} s")
        for letter, flaws in self.flaws.items():
            note(f"  {letter} {'clean' if not flaws else f'{len(flaws)} FLAWS':9} {AUDITS[letter]}")
            for flaw in flaws[:SHOWN]:
                note(f"      {flaw}")


def _line(counts: Mapping[Any, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items(), key=lambda item: str(item[0])))


def _ending(status: str, code: str | None) -> str:
    return f"{status} ({code})" if code else status


def _pause(records: Records) -> float:
    """The longest time in which no task ended."""
    moments = sorted(task.finished for task in records.tasks.values() if task.finished is not None)
    return max((later - earlier for earlier, later in pairwise(moments)), default=0.0)


@contextmanager
def judged(name: str, number: int, report: Report) -> Iterator[None]:
    """Play what is judged by a report: a stage without flaws is removed afterwards, one with flaws stays, and fails."""
    try:
        yield
    except KeyboardInterrupt:
        clear(name, number)
        raise
    finally:
        if not report.is_clean:
            note(f"logs, data and the ledger stay in {ROOT / '.run' / name} and {name}-stores until the next run")
    assert report.is_clean, "see above"
    clear(name, number)
