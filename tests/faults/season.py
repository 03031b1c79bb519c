"""A run by time: mixed work at an even pace, and storms of faults with calm between them."""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import httpx

from .clients import Insistent
from .judging import Answer
from .ledger import Ledger
from .residents import Resident, kind_of
from .scheduler import Kind
from .show import Order, Show
from .stage import Stage
from .workload import Customer

ROUND_SECONDS = 300.0
# The part of each round in which faults happen; before it all is calm, and after it all has to recover.
STORM = (0.45, 0.85)
# What may come on top of a run's time: the last faults, and a machine that is busy.
GRACE_SECONDS = 15 * 60.0


class TimedLedger(Ledger):
    """Remembers of each answer to which class of requests it belongs, by the clock on the wall."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.by_kind: list[Answer] = []

    def answered(self, answer: httpx.Response, sent: float) -> None:
        """Take note of an answer."""
        super().answered(answer, sent)
        took, request = time.monotonic() - sent, answer.request
        self.by_kind.append(Answer(time.time() - took, kind_of(request.method, request.url.path), took))


def storm_share(elapsed: float, seconds: float) -> float:
    """Which part of all storms of a run is over; below zero before the first."""
    rounds = max(1, round(seconds / ROUND_SECONDS))
    whole, rest = divmod(elapsed / (seconds / rounds), 1)
    if whole >= rounds:
        return 1.0
    now = min(max(rest - STORM[0], 0.0) / (STORM[1] - STORM[0]), 1.0)
    return (whole + now) / rounds or -1.0


class Season(Show):
    """People who use all that there is for a time, however much they get done in it."""

    def __init__(
        self, stage: Stage, order: Order, ledger: Ledger, kinds: Mapping[str, Kind], stack: ExitStack, hook: str
    ) -> None:
        self._hook = hook
        self.longest = order.seconds + GRACE_SECONDS
        super().__init__(stage, order, ledger, kinds, stack)
        self._began = time.monotonic()
        self.started = time.time()

    def done(self) -> float:
        """How much of the storms is over."""
        return storm_share(time.monotonic() - self._began, self.order.seconds)

    def is_over(self) -> bool:
        """Whether its time is."""
        return time.monotonic() - self._began >= self.order.seconds

    def people(self) -> dict[str, Insistent]:
        """By project, whoever owns it."""
        return {one.project: one.person for one in (*self.customers, self.trouble)}

    def hooked(self) -> set[str]:
        """The projects whose webhooks are told of all."""
        return {one.project for one in self.customers}

    def _customer(self, seed: int) -> Customer:
        return Resident(self._person(), seed, self._hook)
