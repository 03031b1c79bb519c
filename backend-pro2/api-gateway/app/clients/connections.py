"""One connection to a service: a request goes out, its answer comes in, and neither end is ever overrun."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from .answers import Answer, BrokenAnswer, EndedEarly

READ_AHEAD_BYTES = 256 * 1024
WRITE_AHEAD_BYTES = 256 * 1024


class Connection(asyncio.Protocol):
    """Carries one exchange at a time; once `failure` is set it is of no more use."""

    def __init__(self, on_lost: Callable[["Connection"], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_lost = on_lost
        self._transport: asyncio.Transport
        self._answer: Answer | None = None
        self._request_sent = False
        self._reading_paused = False
        self._writing_paused = False
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._progress_at = 0.0
        self.failure: BaseException | None = None
        self.idle_since = 0.0
        self.address: tuple[Any, ...] = ()

    def start(self, data: bytes, *, to_head_request: bool, last: bool) -> Answer:
        """Send a request's head and what there is of its body; its answer, still empty."""
        self._answer = answer = Answer(to_head_request=to_head_request)
        self._sending(last)
        self._transport.write(data)
        return answer

    async def write(self, *pieces: bytes, last: bool) -> None:
        """Send more of the body; returns when the service has taken enough of it.

        Raises:
            BaseException: `failure`.
        """
        if self.failure is None:
            self._sending(last)
            self._transport.writelines(pieces)
            if self._writing_paused:
                await self._room()
        if self.failure is not None:
            raise self.failure

    async def head(self) -> Answer:
        """The answer once its head is here.

        Raises:
            BaseException: `failure`.
        """
        answer = cast("Answer", self._answer)
        while not answer.has_head:
            await self._more()
        return answer

    async def read(self) -> tuple[bytes, bool]:
        """The next piece of the answer's body, and whether more follows.

        Raises:
            BaseException: `failure`.
        """
        answer = cast("Answer", self._answer)
        while not answer.buffered and not answer.complete:
            await self._more()
        piece = answer.take()
        if self._reading_paused and self.failure is None:
            self._reading_paused = False
            self._transport.resume_reading()
        return piece, not answer.complete

    def rest(self) -> bool:
        """End the exchange and cut the connection unless another may follow; whether one may."""
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.close()
            if not (answer.complete and answer.reusable and self._request_sent):
                self.fail(BrokenAnswer("given up"))
        self.idle_since = self._loop.time()
        return self.failure is None

    def fail(self, error: BaseException) -> None:
        """Cut the connection; whoever waits on it gets `error`."""
        if self.failure is None:
            self.failure = error
            self._transport.abort()
            self._wake()

    def silence(self) -> float:
        """For how many seconds the service has owed us something; 0 if it owes nothing."""
        owed = self._writer is not None or (self._reader is not None and self._request_sent)
        return self._loop.time() - self._progress_at if owed else 0.0

    def fail_if_silent(self, seconds: float) -> None:
        """Cut the connection if the service has owed us something for so long."""
        if self.silence() > seconds:
            self.fail(BrokenAnswer("silent"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport = cast("asyncio.Transport", transport)
        self.address = transport.get_extra_info("peername") or ()
        self._transport.set_write_buffer_limits(WRITE_AHEAD_BYTES)

    def connection_lost(self, error: Exception | None) -> None:
        """Called by the loop: nobody waits for ever."""
        if self.failure is None:
            self.failure = EndedEarly("closed")
            if error is None and self._answer is not None:
                self._answer.end()
        self._on_lost(self)
        self._wake()

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        answer = self._answer
        if answer is None:
            self.fail(BrokenAnswer("spoke unasked"))
            return
        self._progress_at = self._loop.time()
        try:
            answer.feed(data)
        except BrokenAnswer as broken:
            self.fail(broken)
            return
        if answer.buffered > READ_AHEAD_BYTES and not self._reading_paused:
            self._reading_paused = True
            self._transport.pause_reading()
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def pause_writing(self) -> None:
        """Called by the loop."""
        self._writing_paused = True

    def resume_writing(self) -> None:
        """Called by the loop."""
        self._writing_paused = False
        self._wake()

    def _sending(self, last: bool) -> None:
        self._request_sent = last
        self._progress_at = self._loop.time()

    async def _more(self) -> None:
        if self.failure is not None:
            raise self.failure
        self._progress_at = self._loop.time()
        self._reader = self._loop.create_future()
        try:
            await self._reader
        finally:
            self._reader = None

    async def _room(self) -> None:
        self._writer = self._loop.create_future()
        try:
            await self._writer
        finally:
            self._writer = None

    def _wake(self) -> None:
        for waiting in (self._reader, self._writer):
            if waiting is not None and not waiting.done():
                waiting.set_result(None)
