"""A full disk: under the object store, the database, the cache and the logs by turns, filled by real work."""

import re
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from drill_database import ask
from drill_figures import Figures
from drill_filling import Filling
from drill_mounts import SmallDisk, require_mounts, small_disk
from drill_person import Person
from drill_stage import Stage, staged
from drill_transcript import Found, Transcript

FILE = 1_000_000
FILL_SECONDS = 240.0
BACK_SECONDS = 300.0
# The services read how full disks are every 15 s; Prometheus asks as often.
SHOWN_SECONDS = 90.0
CRITICAL = 0.03
# A server that cannot start is tried again with growing pauses: long enough to be given up by whoever gives up.
STAYS_SECONDS = 40.0
# Codes that tell a client that it is not to blame.
CLEAR = re.compile(r"(503|507) [a-z_]+|2\d\d failed [a-z_]+")


def _grown(metric: str, label: str = "") -> Callable[[Figures, Figures], bool]:
    def is_shown(before: Figures, now: Figures) -> bool:
        return now.total(metric, label) > before.total(metric, label)

    return is_shown


def _little_is_free(_: Figures, now: Figures) -> bool:
    return now.total("disk_free_bytes", "cache") < CRITICAL * now.total("disk_size_bytes", "cache")


def _nothing() -> None:
    """Uploads alone fill it."""


@dataclass(frozen=True)
class Turn:
    """What is full, by how much, and what has to show it."""

    folder: Callable[[Stage], Path]
    free: int
    # None: supervisord writes the logs and counts nothing; as set up, the disk is that of the cache, which is watched.
    shown: Callable[[Figures, Figures], bool] | None
    reads: bool = True
    writes: bool = False
    stays: float = 0.0
    # What makes it a disk of which so little is a small part.
    ballast: int = 0


PLACES = {
    "objects": Turn(
        lambda stage: stage.run / "objects", 12_000_000, _grown("object_store_requests_total", "unavailable|refused")
    ),
    "database": Turn(
        lambda stage: stage.postgres_data, 3_000_000, _grown("db_errors_total"), reads=False, stays=STAYS_SECONDS
    ),
    "cache": Turn(lambda stage: stage.run / "cache-disk", 4_000_000, _little_is_free, ballast=100_000_000),
    "logs": Turn(lambda stage: stage.run / "logs", 200_000, None, writes=True),
}


def drill(said: Transcript, number: int, places: list[str]) -> None:
    """Do it."""
    require_mounts()
    # Cache and scratch files are beside each other: a folder around them is what can be a disk.
    cache = {"CACHE_DIR": "../.run/drill-disk/cache-disk/cache", "CACHE_MAX_BYTES": "10000000000"}
    stage = Stage("drill-disk", number, settings=cache)
    with staged(stage), ExitStack() as stack:
        disks = _small_disks(said, stage, stack, places)
        people = {name: Filling(Person(stage.url).sign_up()) for name in places}
        for name in places:
            _Turn(said, stage, name, disks[name], people[name]).done()
        with said.step("Everything that was acknowledged, read again"):
            for name, filling in people.items():
                said.promise(f"{name}: nothing that was acknowledged is lost", filling.lost())


def _small_disks(said: Transcript, stage: Stage, stack: ExitStack, places: list[str]) -> dict[str, SmallDisk]:
    with said.step("Put what the instance writes on small disks"):
        stage.down()
        disks = {name: stack.enter_context(small_disk(PLACES[name].folder(stage))) for name in places}
        # Before they are unmounted.
        stack.callback(stage.down)
        stage.up()
    return disks


class _Turn:
    """One disk that gets full and is given room."""

    def __init__(self, said: Transcript, stage: Stage, name: str, disk: SmallDisk, filling: Filling) -> None:
        self._said, self._stage, self._name, self._disk, self._filling = said, stage, name, disk, filling
        self._turn, self._before = PLACES[name], Figures("")

    def done(self) -> None:
        """All of it."""
        self._filling.upload(FILE)
        known = next(iter(self._filling.kept), "")
        self._before = Figures.of(self._stage)
        with self._said.step(f"{self._name}: {self._turn.free / 1e6:.1f} MB are left, and filled by work"):
            (self._disk.folder / "ballast").write_bytes(bytes(self._turn.ballast))
            self._disk.leave(self._turn.free)
            self._fill()
        self._judge(known)
        time.sleep(self._turn.stays)
        with self._said.step(f"{self._name}: the disk is given room; nobody restarts anything"):
            self._disk.grow()
            back = self._until(lambda: self._filling.upload(FILE // 10), BACK_SECONDS)
        self._promise("recovers by itself", "" if back else f"no upload is taken after {BACK_SECONDS:.0f} s")
        if back:
            self._figure("the next upload is taken after", f"{back:.1f} s")
        if self._name == "logs":
            self._promise("lines are written again", bool(self._until(self._is_logged, BACK_SECONDS)))
        bad = [f"{part} is {state}" for part, state in self._stage.states().items() if state == "failed"]
        self._promise("every part is healthy again", bad)

    def _fill(self) -> None:
        self._filling.words.clear()
        presses = {"database": self._switch_segment, "cache": self._read_last, "logs": self._chatter}
        size = FILE // 4 if self._name == "database" else FILE
        enough = FILL_SECONDS / 4 if self._turn.writes else FILL_SECONDS
        seconds = self._filling.until_refused(size, enough, presses.get(self._name, _nothing))
        words = ", ".join(f"{many} {word}" for word, many in self._filling.words.most_common())
        self._figure("uploads and what they were told", words)
        self._figure("bytes that are still free", f"{self._disk.free}, after {seconds:.0f} s")

    def _switch_segment(self) -> None:
        """As when a segment of the write-ahead log ends, which otherwise takes 16 MB of work."""
        try:
            ask(self._stage.values["DATABASE_URL"], "SELECT pg_switch_wal()")
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            # By then it is expected to be away; which way is a figure.
            self._figure("the database answers", type(error).__name__)

    def _read_last(self) -> None:
        """What is read as a table is kept in the cache."""
        last = next(reversed(self._filling.kept))
        self._filling.ask("GET", f"/datasets/{last}/download?format=csv")

    def _chatter(self) -> None:
        for _ in range(300):
            self._filling.person.send("GET", "/auth/me")

    def _is_logged(self) -> bool:
        file = self._disk.folder / "api-gateway.log"
        before = file.stat().st_size
        self._filling.person.send("GET", "/projects")
        return bool(self._until(lambda: file.stat().st_size > before, 5))

    def _judge(self, known: str) -> None:
        unclear = {w: n for w, n in self._filling.words.items() if not CLEAR.fullmatch(w) and not w.endswith("ready")}
        self._promise("who is refused is told so clearly, by a code", unclear)
        if self._turn.writes:
            self._promise("uploads go on", all("ready" in word for word in self._filling.words))
        else:
            self._promise("the disk is full in earnest", any("ready" not in word for word in self._filling.words))
        if self._turn.reads:
            answer = self._filling.person.send("GET", f"/datasets/{known}/download?format=parquet")
            self._promise("what is there is read as ever", "" if answer.ok else str(answer))
        answer = self._filling.person.send("GET", "/projects")
        self._promise("requests get an answer", "" if answer.ok or answer.code else str(answer))
        if is_shown := self._turn.shown:
            shown = self._until(lambda: is_shown(self._before, Figures.of(self._stage)), SHOWN_SECONDS)
            self._promise("a metric of an alert shows it", bool(shown))

    def _until(self, holds: Callable[[], bool], seconds: float) -> float:
        """Seconds until it holds; 0 when it never does."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            if holds():
                return max(time.monotonic() - began, 0.1)
            time.sleep(1)
        return 0.0

    def _promise(self, text: str, found: Found) -> None:
        self._said.promise(f"{self._name}: {text}", found)

    def _figure(self, name: str, value: str) -> None:
        self._said.figure(f"{self._name}: {name}", value)
