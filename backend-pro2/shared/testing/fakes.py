"""Twins in memory, for unit tests of the layers above."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from shared.compute import ComputeError, ComputeFailed, ComputePool, Progress
from shared.compute.child import resolve
from shared.config import Settings
from shared.object_store import ObjectInfo, ObjectStore, StoredObject
from shared.object_store.errors import MissingObject


class MemoryStore(ObjectStore):
    """An object store in a dict; `reads` counts downloads, `delay_seconds` slows them."""

    def __init__(self) -> None:
        super().__init__(Settings())
        self.objects: dict[str, bytes] = {}
        self.reads = 0
        self.delay_seconds = 0.0

    async def open(self) -> None:
        """Nothing to open."""

    async def ensure_bucket(self) -> None:
        """There is always a bucket."""

    async def ping(self) -> None:
        """Always there."""

    async def put_stream(self, key: str, chunks: AsyncIterator[bytes]) -> StoredObject:
        """Keep the bytes once all have come."""
        data = b"".join([chunk async for chunk in chunks])
        self.objects[key] = data
        return StoredObject(key, len(data), hashlib.sha256(data).hexdigest())

    async def get_stream(self, key: str, *, start: int = 0) -> AsyncIterator[bytes]:
        """The bytes in one piece."""
        self.reads += 1
        await asyncio.sleep(self.delay_seconds)
        if key not in self.objects:
            raise MissingObject("A stored file is missing.")
        yield self.objects[key][start:]

    async def stat(self, key: str) -> int | None:
        """Size in bytes."""
        return len(self.objects[key]) if key in self.objects else None

    async def remove(self, *keys: str) -> None:
        """Forget objects."""
        for key in keys:
            self.objects.pop(key, None)

    async def list(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        """Objects in the order of their keys, all of now."""
        for key in sorted(self.objects):
            if key.startswith(prefix):
                yield ObjectInfo(key, len(self.objects[key]), datetime.now(UTC))

    def presigned_get(self, key: str, expires_seconds: int) -> str:
        """A URL that leads nowhere."""
        return f"memory:///{key}?expires={expires_seconds}"


class InlineCompute(ComputePool):
    """Runs the function in this process, without any limit; `runs` notes (function, job)."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[tuple[str, dict[str, Any]]] = []

    async def run(
        self,
        function: str,
        job: dict[str, Any],
        *,
        timeout_seconds: float,  # noqa: ARG002 - what it fakes has it
        memory_mb: int,  # noqa: ARG002 - the same
        on_progress: Any = None,
    ) -> dict[str, Any]:
        """Call the function at once; its progress is told after it has ended."""
        self.runs.append((function, job))
        reported: list[Progress] = []
        try:
            answer = resolve(function)(job, lambda *step: reported.append(Progress(*step)))
        except ComputeError as error:
            raise ComputeFailed(error.code, error.detail) from error
        for progress in reported if on_progress else ():
            await on_progress(progress)
        return answer
