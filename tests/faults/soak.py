"""The long form: thousands of tasks under hundreds of random faults, then an audit. `scripts/soak.sh` runs it."""

import os
import time
from contextlib import ExitStack, closing

from console import note
from instance import ROOT

from .harm import Harms
from .ledger import Ledger
from .leftovers import Leftovers
from .report import Report
from .show import Order, Show, judge
from .stage import clear, staged

NAME = "soak"


def test_soak() -> None:
    seed, tasks, faults, number, patience = (
        int(os.environ[f"SOAK_{word}"]) for word in ("SEED", "TASKS", "FAULTS", "NUMBER", "PATIENCE")
    )
    note(f"seed {seed}: {tasks} tasks under {faults} faults")
    report = Report(seed)
    try:
        _play(Order(seed, tasks, faults, patience), number, report)
    except KeyboardInterrupt:
        clear(NAME, number)
        raise
    finally:
        if not report.is_clean:
            note(f"logs, data and the ledger stay in {ROOT / '.run' / NAME} and {NAME}-stores until the next run")
    assert report.is_clean, "see above"
    clear(NAME, number)


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
