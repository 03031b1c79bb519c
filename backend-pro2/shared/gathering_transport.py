"""How answers leave: a head together with the body that follows it."""

import asyncio
from typing import cast

LARGEST_HELD_BYTES = 8 * 1024


class GatheringTransport:
    """What uvicorn writes to: an answer's head waits for the body that follows at once, so that both leave together.

    uvloop sends each write by itself, and each costs a system call here and a wake-up at the other end. What nothing
    follows leaves at the end of the loop's turn. Two writes are never held, so back-pressure works as ever.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: bytes | None = None
        self._flushing: asyncio.Handle | None = None
        self.is_closing = transport.is_closing
        self.get_extra_info = transport.get_extra_info

    def write(self, data: bytes) -> None:
        """Send `data`, or hold it for a moment when nothing is held."""
        if self._transport.is_closing():
            # The client has gone in this turn of the loop, and uvicorn is told in the next: uvloop would raise.
            self._held = None
            return
        held, self._held = self._held, None
        if held is not None:
            cast("asyncio.Handle", self._flushing).cancel()
            self._transport.writelines((held, data))
        elif len(data) > LARGEST_HELD_BYTES:
            self._transport.write(data)
        else:
            self._held = data
            self._flushing = self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Send what is held."""
        held, self._held = self._held, None
        if held is not None and not self._transport.is_closing():
            self._transport.write(held)

    def close(self) -> None:
        """Close the connection once all is sent."""
        self.flush()
        self._transport.close()

    def abort(self) -> None:
        """Close the connection at once."""
        self._transport.abort()
