"""People at work while something happens to the instance, and what they noticed of it."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise

from drill_person import Answer

PAUSE_SECONDS = 0.1


@dataclass
class Load:
    """Answers in order of time: (when it was asked, how long it took, the answer's word)."""

    noticed: list[tuple[float, float, str]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, asked: float, answer: Answer) -> None:
        """Take note of an answer."""
        word = "ok" if answer.ok else "cut" if not answer.status else f"{answer.status} {answer.code}".strip()
        with self._lock:
            self.noticed.append((asked, time.monotonic() - asked, word))

    @property
    def counts(self) -> Counter[str]:
        """How often each word was heard."""
        return Counter(word for _, _, word in self.noticed)

    @property
    def failed(self) -> int:
        """Requests that brought no success."""
        return len(self.noticed) - self.counts["ok"]

    @property
    def unexplained(self) -> dict[str, int]:
        """Failures that are neither a lost connection nor a refusal with a code that says to come again."""
        return {word: many for word, many in self.counts.items() if word not in {"ok", "cut"} and word[:4] != "503 "}

    def longest_gap(self) -> float:
        """The longest time in which nobody had a success."""
        good = sorted(asked + took for asked, took, word in self.noticed if word == "ok")
        return max((after - before for before, after in pairwise(good)), default=0.0)

    def slowest(self) -> float:
        """The longest that an answer took."""
        return max((took for _, took, _ in self.noticed), default=0.0)

    def __str__(self) -> str:
        words = ", ".join(f"{many} {word}" for word, many in self.counts.most_common())
        return f"{len(self.noticed)}: {words}"


@contextmanager
def under_load(acts: list[Callable[[], Answer]]) -> Iterator[Load]:
    """Each act is done again and again by somebody of its own while the block runs."""
    load, over = Load(), threading.Event()

    def work(act: Callable[[], Answer]) -> None:
        try:
            while not over.is_set():
                asked = time.monotonic()
                load.note(asked, act())
                over.wait(PAUSE_SECONDS)
        except Exception as error:  # noqa: BLE001 - whatever it is, the drill tells it as a promise that did not hold
            load.errors.append(repr(error))

    threads = [threading.Thread(target=work, args=(act,), daemon=True) for act in acts]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        over.set()
        for thread in threads:
            thread.join(120)
