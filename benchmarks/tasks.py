"""Tasks that do nothing, through the ledger and one worker: how soon they run, how many, and what they cost."""

import argparse
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from .harness.celery_worker import CeleryWorker, Load, load
from .harness.errors import run_main
from .harness.instance import QUIET, running
from .harness.report import PUBLISH, PUBLISH_HELP, Check, finish, table

SINGLE, BURST, ROUNDS, EACH = 300, 2000, 5, 300
P50_TARGET_MS, P99_TARGET_MS, RATE_TARGET, CPU_TARGET_MS = 50, 250, 200, 10
MILLISECONDS = 1000
UNLIMITED = {"QUOTA_TASKS": "1000000", "QUOTA_RUNNING_TASKS": "1000"}
OURS, CELERY = "shared.testing.worker_app", "shared.testing.bare_worker"


@dataclass(slots=True)
class Cost:
    """Milliseconds of processor time a task, of who submits and of who works, by round."""

    submitter: list[float] = field(default_factory=list)
    worker: list[float] = field(default_factory=list)

    @property
    def totals(self) -> list[float]:
        """Both together."""
        return [a + b for a, b in zip(self.submitter, self.worker, strict=True)]

    def row(self, name: str) -> tuple[str, ...]:
        """A line of the table."""
        figures = (statistics.median(taken) for taken in (self.submitter, self.worker, self.totals))
        return name, *(f"{figure:.2f}" for figure in figures)


def measure(work: Load, worker: CeleryWorker, command: str, into: Cost) -> None:
    """One round of EACH tasks."""
    before = worker.cpu_seconds
    answer = work.ask(f"{command} {EACH}")
    into.submitter.append(answer["cpu"] / EACH * MILLISECONDS)
    into.worker.append((worker.cpu_seconds - before) / EACH * MILLISECONDS)


def checks(late_ms: Sequence[float], rate: float, dearer: float) -> list[Check]:
    """What was promised."""
    p50, p99 = statistics.median(late_ms), statistics.quantiles(late_ms, n=100)[98]
    return [
        Check(f"from submitted to running, median: at most {P50_TARGET_MS} ms", f"{p50:.1f} ms", p50 <= P50_TARGET_MS),
        Check(f"the same, 99 of 100: at most {P99_TARGET_MS} ms", f"{p99:.1f} ms", p99 <= P99_TARGET_MS),
        Check(f"through one worker: at least {RATE_TARGET} tasks a second", f"{rate:.0f}", rate >= RATE_TARGET),
        Check(f"processor a task over Celery: at most {CPU_TARGET_MS} ms", f"{dearer:.1f} ms", dearer <= CPU_TARGET_MS),
    ]


def main() -> int:
    """Start everything, measure, print, stop everything."""
    parser = argparse.ArgumentParser(prog="tasks.sh", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"interleaved rounds (default {ROUNDS})")
    parser.add_argument(PUBLISH, action="store_true", help=PUBLISH_HELP)
    options = parser.parse_args()
    ledger, bare, rates = Cost(), Cost(), []
    with running(QUIET | UNLIMITED), CeleryWorker(OURS) as ours, CeleryWorker(CELERY) as theirs, load() as work:
        for command in ("latency 5", "ledger 50", "bare 50"):
            work.ask(command)
        late_ms = work.ask(f"latency {SINGLE}")["ms"]
        for _ in range(options.rounds):
            burst = work.ask(f"burst {BURST // options.rounds}")
            rates.append(burst["count"] / burst["seconds"])
            measure(work, ours, "ledger", ledger)
            measure(work, theirs, "bare", bare)
    dearer = statistics.median(a - b for a, b in zip(ledger.totals, bare.totals, strict=True))
    found = checks(late_ms, statistics.median(rates), dearer)
    head = ("processor time a task, ms", "submitter", "worker", "together")
    lines = table(head, [ledger.row("ledger and worker"), bare.row("Celery alone")])
    about = f"{SINGLE} single tasks, {options.rounds} rounds."
    return finish("tasks.sh", [about, lines], found, publish=options.publish)


if __name__ == "__main__":
    run_main(main)
