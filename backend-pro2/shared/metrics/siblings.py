"""Several HTTP processes of a service that answer as one: each keeps its figures in a file, and any adds them all up.

The library's own way maps files into memory, and a full disk would then kill the process that counts; here it costs the
others' latest second.
"""

import asyncio
import fcntl
import os
import uuid
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import psutil
from prometheus_client.core import Metric

from shared.logging import get_logger
from shared.metrics.frozen import GROWING, Frozen, Sums, freeze

log = get_logger(__name__)

# Set by `shared.serve` for the processes that it starts: where their figures are, and its own process id.
FOLDER_VARIABLE, PARENT_VARIABLE = "HTTP_METRICS_FOLDER", "HTTP_PARENT"
KEEP_SECONDS = 1.0
_LOCK, _ENDED = "lock", "ended.json"


class Siblings:
    """The figures of this process's siblings, in a folder of theirs alone.

    What a process that has ended had counted stays: its successor adds it to the file of those that are gone.
    """

    def __init__(self, folder: Path, collect: Callable[[], Iterable[Metric]], modes: dict[str, str]) -> None:
        self._folder = folder
        self._collect = collect
        self._modes = modes
        # A process id may come again.
        self._name = f"{os.getpid()}-{uuid.uuid4().hex}.json"
        self._failing = False

    async def keep(self) -> None:
        """Write this process's figures down once a second, for ever; first bury those that are gone."""
        await self._try(lambda: asyncio.to_thread(self._bury))
        while True:
            await self.write()
            await asyncio.sleep(KEEP_SECONDS)

    async def write(self) -> None:
        """Write them down now."""
        await self._try(self._write)

    async def together(self, own: Iterable[Metric]) -> list[Metric]:
        """This process's figures, which are at hand, and those of the others up to a second ago."""
        return await asyncio.to_thread(self._sum, freeze(own))

    def _sum(self, own: list[Frozen]) -> list[Metric]:
        sums = Sums(self._modes)
        sums.add(own)
        with self._held(fcntl.LOCK_SH):
            ended = _read(self._folder / _ENDED)
            sums.add(ended.get("families", ()))
            for path in self._others(ended):
                sums.add(_of_gone(path) if _is_gone(path) else _read(path).get("families", ()))
        return sums.families()

    def _others(self, ended: dict[str, Any]) -> list[Path]:
        counted = {_LOCK, _ENDED, self._name, *ended.get("names", ())}
        return sorted(path for path in self._folder.glob("*.json") if path.name not in counted)

    def _bury(self) -> None:
        with self._held(fcntl.LOCK_EX):
            ended = _read(self._folder / _ENDED)
            for name in ended.get("names", ()):
                (self._folder / name).unlink(missing_ok=True)
            gone = [path for path in self._others(ended) if _is_gone(path)]
            sums = Sums(self._modes)
            for families in (ended.get("families", ()), *map(_of_gone, gone)):
                sums.add(families)
            names = [path.name for path in gone]
            # First counted there, then removed: whoever is killed between the two has counted nothing twice.
            self._replace(_ENDED, orjson.dumps({"names": names, "families": freeze(sums.families())}))
            for path in gone:
                path.unlink()

    async def _write(self) -> None:
        # Collected here, since only this thread may look at the plain numbers.
        content = orjson.dumps({"families": freeze(self._collect())})
        await asyncio.to_thread(self._replace, self._name, content)

    def _replace(self, name: str, content: bytes) -> None:
        self._make_folder()
        draft = self._folder / f"{name}.new"
        draft.write_bytes(content)
        draft.replace(self._folder / name)

    def _make_folder(self) -> None:
        # Whoever tidies up a folder for temporary files may take it for an old one.
        self._folder.mkdir(mode=0o700, exist_ok=True)

    @contextmanager
    def _held(self, how: int) -> Iterator[None]:
        self._make_folder()
        with (self._folder / _LOCK).open("ab") as lock:
            fcntl.flock(lock, how)
            yield

    async def _try(self, action: Callable[[], Awaitable[None]]) -> None:
        try:
            await action()
            self._failing = False
        except Exception:
            # A full disk, say: the others miss what comes now, and nobody else notices.
            if not self._failing:
                log.exception("metrics_not_kept")
            self._failing = True


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    return content


def _of_gone(path: Path) -> list[Any]:
    return [family for family in _read(path).get("families", ()) if family[1] in GROWING]


def _is_gone(path: Path) -> bool:
    """Whether the process that wrote the file has ended; one of the same number has another parent."""
    try:
        process = psutil.Process(int(path.name.partition("-")[0]))
        return process.ppid() != os.getppid() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return True
