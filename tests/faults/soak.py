"""The long form: thousands of tasks under hundreds of random faults, then an audit. `scripts/soak.sh` runs it."""

import os
import time
from contextlib import ExitStack, closing

from console import note

from .harm import Harms
from .ledger import Ledger
from .leftovers import Leftovers
from .report import Report, judged
from .show import Order, Show, judge
from .stage import staged

NAME = "soak"


def test_soak() -> None:
    seed, tasks, faults, number, patience = (
        int(os.environ[f"SOAK_{word}"]) for word in ("SEED", "TASKS", "FAULTS", "NUMBER", "PATIENCE")
    )
    note(f"seed {seed}: {tasks} tasks under {faults} faults")
    report = Report(seed)
    with judged(NAME, number, report):
        _play(Order(seed, tasks, faults, patience), number, report)


def _play(order: Order, number: int, report: Report) -> None:
    began = time.monotonic()
    with ExitStack() as stack:
        stage = stack.enter_context(staged(NAME, number))
        canary = stage.services.run / "canary"
        ledger = stack.enter_context(closing(Ledger(stage.services.run / "ledger.jsonl")))
        leftovers = Leftovers(stage, canary)
        show = Show(stage, order, ledger, Harms(stage, canary).kinds(), stack)
        show.play()
        records = judge(show, report, leftovers)
        report.seconds = time.monotonic() - began
        report.tell(ledger, show.scheduler.harms, records, len(show.poisoner.harms))
