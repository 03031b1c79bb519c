"""What a drill says: each step with its time, figures, and promises with whether they held."""

import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

WIDTH = 58
# Whether something holds, or what is wrong with it.
Found = bool | str | Mapping[str, object] | list[str]


class DrillError(Exception):
    """The drill cannot go on; the message says why."""


@dataclass
class Transcript:
    """Lines for whoever reads them now, and the same as data for the end."""

    out: TextIO = field(default_factory=lambda: sys.stdout)
    seconds: dict[str, float] = field(default_factory=dict)
    figures: dict[str, str] = field(default_factory=dict)
    promises: dict[str, bool] = field(default_factory=dict)

    def say(self, text: str) -> None:
        """A line."""
        self.out.write(text + "\n")
        self.out.flush()

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """One thing that is done; its time is a figure."""
        self.say(f"\n== {title}")
        begun = time.monotonic()
        yield
        self.seconds[title] = time.monotonic() - begun
        self.say(f"   {self.seconds[title]:.1f} s")

    def figure(self, name: str, value: str) -> None:
        """Something that was measured."""
        self.figures[name] = value
        self.say(f"   {name:<{WIDTH}} {value}")

    def promise(self, text: str, found: Found) -> bool:
        """Something that has to hold: true, or an empty account of what is wrong."""
        held = found if isinstance(found, bool) else not found
        self.promises[text] = self.promises.get(text, True) and held
        self.say(f"   {'held  ' if held else 'BROKEN'} {text}")
        if not held and not isinstance(found, bool):
            self.say(f"          {json.dumps(found)[:2000]}")
        return held

    @property
    def broken(self) -> list[str]:
        """Promises that did not hold."""
        return [text for text, held in self.promises.items() if not held]

    def end(self, name: str) -> int:
        """The summary; the exit code."""
        self.say(f"\n== {name}: {len(self.promises) - len(self.broken)} of {len(self.promises)} promises held")
        for title, seconds in self.seconds.items():
            self.say(f"   {title:<{WIDTH}} {seconds:.1f} s")
        for figure, value in self.figures.items():
            self.say(f"   {figure:<{WIDTH}} {value}")
        for text in self.broken:
            self.say(f"   BROKEN {text}")
        return 1 if self.broken or not self.promises else 0
