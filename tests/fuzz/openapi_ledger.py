"""What was sent and answered, by operation, and what was wrong with it, by kind."""

import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace

from console import note

from .report import Report

Place = tuple[str, int]
# Part, operation, and what was wrong.
Kind = tuple[str, str, str]


@dataclass
class Ledger:
    """Writes a campaign's report: one failure for each operation and kind, with the first request that had it."""

    report: Report
    _answers: dict[str, dict[str, Counter[int]]] = field(default_factory=dict)
    _seconds: defaultdict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))
    _lock: threading.Lock = field(default_factory=threading.Lock)
    # The failure's place in the report, and how often it was seen.
    _kinds: dict[Kind, tuple[int, int]] = field(default_factory=dict)
    _told: dict[Kind, str] = field(default_factory=dict)

    def answered(self, place: Place, operation: str, status: int, seconds: float) -> None:
        """One more case."""
        part, _ = place
        with self._lock:
            self.report.count(part, str(status))
            self._answers.setdefault(part, {}).setdefault(operation, Counter())[status] += 1
            self._seconds[part, operation] += seconds

    def cases(self, part: str) -> int:
        """How many there were."""
        counts = self.report.outcomes.get(part)
        return counts.total() if counts else 0

    def wrong(self, place: Place, operation: str, kind: str, told: str) -> None:
        """The case had a fault of this kind; `told` shows it, with the request."""
        part, number = place
        key = (part, operation, kind)
        with self._lock:
            if key not in self._kinds:
                self._kinds[key] = (len(self.report.failures), 0)
                self.report.fail(part, number, "")
                note(f"{part} {number}, {operation}: {kind}\n      {told}")
            at, times = self._kinds[key]
            self._kinds[key] = (at, times + 1)
            told = self._told.setdefault(key, told)
            what = f"{operation}: {kind}, {times + 1} times\n      {told}"
            self.report.failures[at] = replace(self.report.failures[at], what=what)

    def summarize(self, part: str) -> None:
        """The part has ended: how often each operation was called, and with which answers."""
        for operation, statuses in self._answers.get(part, {}).items():
            answers = ", ".join(f"{status} {count}" for status, count in sorted(statuses.items()))
            mean = 1000 * self._seconds[part, operation] / statuses.total()
            self.report.figures[f"{part}, {operation}"] = f"{statuses.total()} ({answers}; {mean:.0f} ms)"
