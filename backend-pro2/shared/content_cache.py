"""Verified local copies of stored objects, named by the SHA-256 of their content and bounded in size."""

import asyncio
import contextlib
import hashlib
import os
import time
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from shared.errors import ServiceUnavailable
from shared.logging import get_logger
from shared.metrics.caches import CONTENTS
from shared.object_store import ObjectStore

log = get_logger(__name__)

# A path that was handed out is opened by a child soon after; until then its file must stay.
GRACE_SECONDS = 600


class CorruptObject(ServiceUnavailable):
    """The store gave bytes that are not those that were stored; trying again does not help."""

    code = "corrupt_object"


class ContentCache:
    """Files in `directory` (mode 700), at most `max_bytes` of them once the recently used ones are set aside.

    Several processes may share the directory: a file appears whole and verified, by a rename, or not at all.
    """

    def __init__(self, directory: Path, max_bytes: int, store: ObjectStore) -> None:
        self._directory = directory.resolve()
        self._max_bytes = max_bytes
        self._store = store
        self._fetching: dict[str, asyncio.Task[Path]] = {}

    async def fetch(self, key: str, sha256: str) -> Path:
        """Path of a local copy of the object; concurrent calls for one content share one download.

        Raises:
            CorruptObject: the object's bytes do not have this SHA-256.
            ServiceUnavailable: the store, or the local disk, failed.
        """
        path = await self.find(sha256)
        if path is not None:
            return path
        CONTENTS.miss()
        task = self._fetching.get(sha256)
        if task is None:
            task = asyncio.create_task(self._download(key, sha256))
            self._fetching[sha256] = task
            task.add_done_callback(lambda _: self._fetching.pop(sha256, None))
        # Shielded: one caller that gives up must not take the download from the others.
        return await asyncio.shield(task)

    async def find(self, sha256: str) -> Path | None:
        """Path of the local copy, if there is one."""
        path = self._directory / sha256
        if not await asyncio.to_thread(_touch, path):
            # Nobody is content with that; `fetch`, which follows, counts it.
            return None
        CONTENTS.hit()
        return path

    async def close(self) -> None:
        """End downloads that nobody will wait for any more."""
        running = list(self._fetching.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _download(self, key: str, sha256: str) -> Path:
        partial = self._directory / f".{sha256}.{uuid4().hex}"
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            with partial.open("xb") as target:
                found = await self._copy(key, target)
            if found != sha256:
                log.error("corrupt_object", object_name=key, expected=sha256, found=found)
                raise CorruptObject("A stored file is damaged; restore it from a backup or upload it again.")
            path = partial.replace(self._directory / sha256)
        except OSError as error:
            log.exception("cache_failed")
            raise ServiceUnavailable("The local disk cannot take the file at the moment; try again later.") from error
        finally:
            with contextlib.suppress(OSError):
                partial.unlink()
        await asyncio.to_thread(self._evict)
        return path

    async def _copy(self, key: str, target: BinaryIO) -> str:
        digest = hashlib.sha256()
        async for chunk in self._store.get_stream(key):
            digest.update(chunk)
            target.write(chunk)
        return digest.hexdigest()

    def _evict(self) -> None:
        entries = sorted(_entries(self._directory), key=lambda entry: entry.modified)
        for entry in entries:
            # Nobody writes to it any more: its process was killed during the download.
            if entry.path.name.startswith(".") and entry.modified < time.time() - GRACE_SECONDS:
                entry.path.unlink(missing_ok=True)
        surplus = sum(entry.bytes for entry in entries) - self._max_bytes
        for entry in entries:
            if surplus <= 0 or entry.modified > time.time() - GRACE_SECONDS:
                return
            entry.path.unlink(missing_ok=True)
            surplus -= entry.bytes


class _Entry:
    """One file of the cache: its size and when it was last asked for."""

    def __init__(self, path: Path) -> None:
        state = path.stat()
        self.path = path
        self.bytes = state.st_size
        self.modified = state.st_mtime


def _entries(directory: Path) -> list[_Entry]:
    found = []
    for path in directory.iterdir():
        try:
            found.append(_Entry(path))
        except FileNotFoundError:
            continue
    return found


def _touch(path: Path) -> bool:
    try:
        os.utime(path)
    except OSError:
        return False
    return True
