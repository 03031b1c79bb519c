"""The parts of the campaign, cut into batches: each a number that, with the seed, says what is sent."""

import itertools
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from functools import cached_property

from schemathesis import GenerationMode

from console import note

from ..adversarial.places import Place
from . import parsing
from .cases import chance
from .openapi_batches import chains, singles
from .openapi_callers import Callers
from .openapi_doors import Door, doors
from .openapi_exchange import Exchange
from .openapi_ledger import Ledger
from .report import Report

PARTS = ("gateway", "data", "ai", "chains")
WORKERS = 4
SIZE = 10
CHAINS = 6
# So often a part says how far it is.
PROGRESS = 500
# Each so many batches somebody looks whether there still is what is asked for.
LOOKING = 5
# In turn what the document allows and what it does not.
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE, GenerationMode.POSITIVE)


class Campaign:
    """One instance, and what is found out about it."""

    def __init__(self, place: Place, report: Report, workers: int = WORKERS, size: int = SIZE) -> None:
        self._report, self._size = report, size
        self._ledger = Ledger(report)
        self._told: dict[str, int] = {}
        self._ended = False
        self._workers = [Worker(place, self._ledger, report.seed, size) for _ in range(workers)]

    def run(self, part: str, cases: int, only: int | None = None) -> None:
        """So many cases of `part` at least, or those of one batch."""
        numbers = itertools.count() if only is None else iter([only])
        with parsing.one_at_a_time(), ThreadPoolExecutor(len(self._workers)) as pool:
            working = [pool.submit(self._work, worker, part, numbers, cases) for worker in self._workers]
            try:
                for ended in as_completed(working):
                    ended.result()
            except BaseException:
                # Who is interrupted waits for the batches that are under way, and no more.
                self._ended = True
                raise
        self._ledger.summarize(part)

    def _work(self, worker: "Worker", part: str, numbers: Iterator[int], cases: int) -> None:
        for number in numbers:
            if self._ended or self._ledger.cases(part) >= cases:
                return
            worker.batch(part, number)
            if self._ledger.cases(part) // PROGRESS > self._told.get(part, 0):
                self._told[part] = self._ledger.cases(part) // PROGRESS
                note(f"{part}: {self._told[part] * PROGRESS} of {cases} cases")

    def close(self) -> None:
        """Let everybody go."""
        for worker in self._workers:
            worker.callers.close()


class Worker:
    """Makes one batch after the other, with people and documents of its own."""

    def __init__(self, place: Place, ledger: Ledger, seed: int, size: int) -> None:
        self._place, self._ledger, self._seed, self._size = place, ledger, seed, size
        self.callers = Callers(place)

    @cached_property
    def _doors(self) -> dict[str, list[Door]]:
        return doors(self._place, self._seed)

    def batch(self, part: str, number: int) -> None:
        """What is sent follows from the seed and these two, but for the ids of what there is."""
        rng = chance(self._seed, part, number)
        if number % LOOKING == 0:
            self.callers.revive()
        count, at = divmod(number, len(self._doors[part]))
        door = self._doors[part][at]
        with closing(Exchange(self._place, door, self.callers, self._ledger, (part, number), rng)) as exchange:
            if part == "chains":
                chains(door, exchange, rng, CHAINS)
            else:
                self._one(door, exchange, rng, count)

    def _one(self, door: Door, exchange: Exchange, rng: random.Random, count: int) -> None:
        """The operation whose turn it is; in its first turn it is asked for what is known to be allowed, too."""
        turn, index = divmod(count, len(door.operations))
        operation = door.operations[index]
        if turn == 0:
            exchange.known(operation)
        singles(operation, MODES[turn % len(MODES)], exchange, rng, self._size)
