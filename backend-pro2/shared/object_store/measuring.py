"""Counts and times a request to the object store, whoever sends it."""

import time
from types import TracebackType
from typing import Self

from shared.metrics.object_store import request
from shared.object_store.errors import StoreRefused
from shared.tracing import CLIENT, span

_STORE = {"rpc.system": "aws-api", "rpc.service": "S3"}


class Asking:
    """A block that sends a request and has all of its answer; what it pauses for is not the store's time."""

    __slots__ = ("_operation", "_running", "_seconds", "_since", "_span")

    def __init__(self, operation: str) -> None:
        self._operation = operation.lower()
        self._seconds = 0.0

    def __enter__(self) -> Self:
        # Never the present span: the block of a stream gives way to whoever reads it.
        self._span = span(f"s3 {self._operation}", _STORE, kind=CLIENT)
        self.resume()
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        if self._running:
            self.pause()
        self._span.end(error)
        request(self._operation, _outcome(error), self._seconds)

    def pause(self) -> None:
        """What follows is somebody else's time."""
        self._seconds += time.perf_counter() - self._since
        self._running = False

    def resume(self) -> None:
        """The store is waited for again."""
        self._since = time.perf_counter()
        self._running = True


def _outcome(error: BaseException | None) -> str:
    if error is None:
        return "ok"
    if isinstance(error, StoreRefused):
        return "absent" if error.is_absence else "refused"
    return "unavailable" if isinstance(error, Exception) else "cancelled"
