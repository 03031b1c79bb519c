"""Random faults: a plan that follows from a seed alone, and what carries it out."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

AT_ONCE = 6
END_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a plan: so long after the one before it, for so long; `choice` decides what the kind leaves open."""

    number: int
    kind: str
    gap: float
    seconds: float
    choice: int


@dataclass(frozen=True, slots=True)
class Kind:
    """A class of faults. Of two that hurt the same, one waits for the other."""

    target: str
    act: Callable[[Fault], str]
    seconds: tuple[float, float] = (0.0, 0.0)
    # It comes in every round, in every second one, and so on.
    every: int = 1


@dataclass(slots=True)
class Harm:
    """A fault that happened, by the clock on the wall; without an end it still lasts."""

    fault: Fault
    began: float
    ended: float = float("inf")
    what: str = ""


def plan(seed: int, count: int, kinds: Mapping[str, Kind], gap_seconds: float) -> list[Fault]:
    """So many faults, every kind before any comes again, with such a gap between two on the average."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    faults: list[Fault] = []
    turn = 0
    while len(faults) < count:
        names = sorted(name for name, kind in kinds.items() if turn % kind.every == 0)
        chance.shuffle(names)
        for name in names[: count - len(faults)]:
            seconds = chance.uniform(*kinds[name].seconds)
            gap = chance.uniform(0.5, 1.5) * gap_seconds
            faults.append(Fault(len(faults) + 1, name, gap, seconds, chance.randrange(2**31)))
        turn += 1
    return faults


@dataclass(slots=True)
class Scheduler:
    """Carries a plan out in threads while the block runs.

    It keeps pace with the work: a fault waits until that part of the work is done which its place in the plan says.
    """

    faults: list[Fault]
    kinds: Mapping[str, Kind]
    work_done: Callable[[], float]
    harms: list[Harm] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    _locks: dict[str, threading.Lock] = field(init=False)
    _room: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(AT_ONCE))
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._locks = {kind.target: threading.Lock() for kind in self.kinds.values()}

    def __enter__(self) -> Self:
        self._threads.append(threading.Thread(target=self._run, name="faults", daemon=True))
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in tuple(self._threads):
            thread.join(END_SECONDS)

    @property
    def is_through(self) -> bool:
        """Whether all faults have happened and are over."""
        return len(self.harms) == len(self.faults) and all(harm.ended < float("inf") for harm in self.harms)

    @property
    def last_end(self) -> float:
        """When the last fault was over."""
        return max((harm.ended for harm in self.harms), default=0.0)

    def counts(self) -> Counter[str]:
        """How often each kind happened."""
        return Counter(harm.fault.kind for harm in self.harms)

    def _run(self) -> None:
        for fault in self.faults:
            if self._over.wait(fault.gap) or not self._is_due(fault):
                return
            self._room.acquire()
            thread = threading.Thread(target=self._inflict, args=(fault,), name=fault.kind, daemon=True)
            self._threads.append(thread)
            thread.start()

    def _is_due(self, fault: Fault) -> bool:
        while self.work_done() < (fault.number - 1) / len(self.faults):
            if self._over.wait(0.2):
                return False
        return True

    def _inflict(self, fault: Fault) -> None:
        kind = self.kinds[fault.kind]
        try:
            with self._locks[kind.target]:
                harm = Harm(fault, time.time())
                self.harms.append(harm)
                try:
                    harm.what = kind.act(fault)
                finally:
                    harm.ended = time.time()
        except Exception as error:  # noqa: BLE001 - a fault that could not be inflicted is told in the report
            self.errors.append(f"{fault.kind}: {type(error).__name__}: {error}")
        finally:
            self._room.release()
