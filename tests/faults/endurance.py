"""The long form by time: a season of mixed work under storms of faults. `scripts/soak.sh --minutes N` runs it.

Whatever the audit of the long form asks is asked here too; besides, sums have to agree, webhooks to be told, and no
process, pool or waiting time may grow.
"""

import os
import time
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from console import note

from ..e2e.llm import scripted
from ..e2e.receiver import Receiver, receiver
from . import books
from .growth import Growth
from .harm import Harms
from .judging import Bounds
from .leftovers import Leftovers
from .report import Report, judged
from .residents import MARK, PLAN
from .season import STORM, Season, TimedLedger
from .show import Order, judge
from .soak import NAME
from .stage import Stage, staged
from .vitals import Vitals

FAULT_SECONDS = 5.0
PEOPLE = 5
FOLLOWERS = 2
PAUSE_SECONDS = 0.4
TROUBLE_SECONDS = 12.0
MODEL_OFFSET = 98


def test_endurance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seed, minutes, number, patience = (
        int(os.environ[f"SOAK_{word}"]) for word in ("SEED", "MINUTES", "NUMBER", "PATIENCE")
    )
    order = _order(seed, minutes, patience)
    note(f"seed {seed}: {minutes} minutes under {order.faults} faults")
    report = Report(seed)
    with judged(NAME, number, report), ExitStack() as stack:
        stage = stack.enter_context(staged(NAME, number, _settings(number)))
        monkeypatch.setenv("ENV_FILE", str(stage.services.env_file))
        stack.enter_context(scripted({MARK: [PLAN]}, tmp_path))
        _play(stage, order, stack.enter_context(receiver()), report)


def _order(seed: int, minutes: int, patience: float) -> Order:
    return Order(
        *(seed, 1, max(1, int(minutes * 60 * (STORM[1] - STORM[0]) / FAULT_SECONDS)), patience),
        customers=PEOPLE,
        followers=FOLLOWERS,
        gap=0.5,
        trouble_gap=TROUBLE_SECONDS,
        pause=PAUSE_SECONDS,
        seconds=minutes * 60.0,
    )


def _settings(number: int) -> dict[str, str]:
    """Receivers of webhooks on this machine, and a scripted model."""
    return {
        "WEBHOOK_NETWORKS": "127.0.0.0/8",
        "OPENAI_API_KEY": "sk-scripted-0123456789abcdef",
        "OPENAI_MODEL": "scripted",
        "OPENAI_BASE_URL": f"http://127.0.0.1:{8000 + 100 * (number - 1) + MODEL_OFFSET}",
    }


def _play(stage: Stage, order: Order, there: Receiver, report: Report) -> None:
    began = time.monotonic()
    with ExitStack() as stack:
        canary = stage.services.run / "canary"
        ledger = stack.enter_context(closing(TimedLedger(stage.services.run / "ledger.jsonl")))
        leftovers = Leftovers(stage, canary)
        season = Season(stage, order, ledger, Harms(stage, canary).kinds(), stack, there.url)
        with Vitals(stage) as vitals:
            season.play()
        growth = Growth(vitals, ledger.by_kind, season.scheduler.harms)
        report.flaws["G"] += growth.flaws(season.started, season.over, Bounds())
        growth.tell(season.started, season.over)
        records = judge(season, report, leftovers)
        report.flaws["B"] += [
            *books.share_flaws(season.people(), stage, ledger),
            *books.meter_flaws(stage),
            *books.message_flaws(there, season.hooked(), records, ledger),
            *books.keeping_flaws(stage.place.gateway, season.people(), ledger),
        ]
        report.seconds = time.monotonic() - began
        report.tell(ledger, season.scheduler.harms, records, len(season.poisoner.harms))
        note(f"  webhooks     {len(there.messages)} messages came, of {len(books.told(there))} ends of tasks")
