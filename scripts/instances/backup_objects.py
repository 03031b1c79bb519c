"""Objects on their way into a backup, out of it, and checked: several at once, in bounded memory, in their order."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar
from xml.etree.ElementTree import ParseError

import asyncpg
import urllib3
from minio.error import MinioException

from backup_manifest import OBJECTS, Listed
from backup_places import REFUSALS, Measure, Place, code_of, is_absence
from backup_references import Reference
from console import Refusal, note

THREADS = 8
AHEAD = 64
TRIES = 3
PAUSE_SECONDS = 0.5
SAY_SECONDS = 5.0
TRANSFER_FAILURES = (MinioException, urllib3.exceptions.HTTPError, ParseError)

Item = TypeVar("Item")
Done = TypeVar("Done")


@contextmanager
def explained() -> Iterator[None]:
    """Failures of servers become words; messages of drivers may hold addresses with credentials.

    Raises:
        Refusal: a server refused, or was lost.
    """
    try:
        yield
    except REFUSALS as error:
        raise Refusal(f"the object store refuses: {code_of(error)}") from error
    except TRANSFER_FAILURES as error:
        raise Refusal(f"the object store does not answer, or broke off: {type(error).__name__}") from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise Refusal(f"the database was lost or refused on the way: {type(error).__name__}") from error


class Stopped(Exception):
    """Somebody else has failed, or the person at the terminal has had enough."""


class Progress:
    """Says every few seconds how far it is; a stop reaches every thread at its next piece."""

    def __init__(self, verb: str) -> None:
        self.bytes = 0
        self.items = 0
        self._verb = verb
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._begun = self._said = time.monotonic()

    def stop(self) -> None:
        """Make everybody who moves bytes end."""
        self._stopped.set()

    def over(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """The same chunks, counted.

        Raises:
            Stopped: by `stop`.
        """
        for chunk in chunks:
            if self._stopped.is_set():
                raise Stopped
            self._add(len(chunk))
            yield chunk

    def _add(self, size: int) -> None:
        with self._lock:
            self.bytes += size
            if time.monotonic() - self._said > SAY_SECONDS:
                self._said = time.monotonic()
                note(f"  {self}")

    def __str__(self) -> str:
        seconds = max(time.monotonic() - self._begun, 0.001)
        rate = self.bytes / seconds / 1e6
        return f"{self._verb} {self.items} objects, {self.bytes / 1e6:.1f} MB in {seconds:.1f} s ({rate:.0f} MB/s)"


def in_order(work: Callable[[Item], Done], items: Iterator[Item], progress: Progress) -> Iterator[Done]:
    """What `work` makes of each, several at once; the first failure ends all of them."""
    pool, waiting = ThreadPoolExecutor(THREADS), deque[Future[Done]]()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) == AHEAD:
                yield _next(waiting, progress)
        while waiting:
            yield _next(waiting, progress)
    finally:
        if waiting:
            progress.stop()
        pool.shutdown(cancel_futures=True)


def _next(waiting: deque[Future[Done]], progress: Progress) -> Done:
    done = waiting[0].result()
    waiting.popleft()
    progress.items += 1
    return done


@dataclass(frozen=True)
class Damaged:
    """An object that rows need and that cannot be had as they describe it."""

    key: str
    why: str


def copy(one: Reference, source: Place, target: Place, progress: Progress) -> Listed | Damaged | None:
    """Copy an object into a backup; None if it is absent and not required.

    Raises:
        Refusal: source or target fail again and again. OSError: the disk is full, for instance.
    """
    found: Listed | Damaged | None = None
    for _ in range(TRIES):
        try:
            written = patiently(lambda: target.write(OBJECTS + one.key, progress.over(source.read(one.key))))
        except REFUSALS as error:
            if not is_absence(error):
                raise Refusal(f"{one.key}: the object store refuses it: {code_of(error)}") from error
            return Damaged(one.key, "it is not in the object store") if one.is_required else None
        found = Listed(one.key, written.bytes, written.sha256)
        if fits(one, found):
            return found
    return Damaged(one.key, "it is not what its row says") if one.is_required else None


def fits(one: Reference, found: Listed) -> bool:
    """Whether the object is what the rows say, as far as they do."""
    return one.bytes in (None, found.bytes) and one.sha256 in (None, found.sha256)


def matches(place: Place, name: str, expected: Listed, progress: Progress) -> bool:
    """Whether the file is there with the bytes that it should have."""
    if place.size(name) != expected.bytes:
        return False
    measure = Measure()
    for _ in measure.over(progress.over(place.read(name))):
        pass
    return measure.sha256 == expected.sha256


def put_back(one: Listed, backup: Place, bucket: Place, progress: Progress) -> None:
    """Have the object in the bucket, read back from there; what is there already stays.

    Raises:
        Refusal: the backup has changed since it was checked, or the object store does not keep what it is given.
    """
    if patiently(lambda: matches(bucket, one.key, one, progress)):
        return
    written = patiently(lambda: bucket.write(one.key, progress.over(backup.read(one.name))))
    if (written.bytes, written.sha256) != (one.bytes, one.sha256):
        raise Refusal(f"{one.name} has changed since it was checked: keep others from the backup, then start anew")
    if not patiently(lambda: matches(bucket, one.key, one, progress)):
        raise Refusal(f"the object store does not give back what it was given as {one.key}")


def patiently(act: Callable[[], Done]) -> Done:
    """Do it, again after failures of the network or of a server.

    Raises:
        One of REFUSALS: the server refuses. Refusal: it failed every time.
    """
    for attempt in range(TRIES):
        try:
            return act()
        except REFUSALS:
            raise
        except TRANSFER_FAILURES as error:
            if attempt == TRIES - 1:
                raise Refusal(f"the object store fails again and again ({type(error).__name__})") from error
            time.sleep(PAUSE_SECONDS * 2**attempt)
    raise AssertionError
