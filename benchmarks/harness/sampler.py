"""Watch the memory of running processes while something else happens."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import psutil

from .usage import family, rss_of

PERIOD_SECONDS = 0.2


@dataclass(slots=True)
class Peak:
    """Largest resident bytes seen: before anything happened, of the process itself, and of its largest descendant."""

    idle: int = 0
    own: int = 0
    child: int = 0


class Sampler:
    """Within the `with` block, samples the named processes and their descendants five times a second."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self.peaks = {name: Peak(idle=rss_of(psutil.Process(pid))) for name, pid in pids.items()}
        self._pids = pids
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(PERIOD_SECONDS):
            for name, pid in self._pids.items():
                self._note(self.peaks[name], family(pid))

    def _note(self, peak: Peak, members: list[psutil.Process]) -> None:
        sizes = [rss_of(member) for member in members]
        peak.own = max([peak.own, *sizes[:1]])
        peak.child = max([peak.child, *sizes[1:]])
