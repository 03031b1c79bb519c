"""HTTP/1.1 with bounded heads and one write per answer: `uvicorn --http shared.http_protocol:BoundedHttpProtocol`."""

import asyncio
from http import HTTPStatus
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAXIMUM_HEAD_BYTES = 64 * 1024
LARGEST_HELD_BYTES = 8 * 1024
_STATUS = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
_TEXT = f"The head of a request may have at most {MAXIMUM_HEAD_BYTES} bytes."
_REFUSAL = (
    f"HTTP/1.1 {_STATUS.value} {_STATUS.phrase}\r\ncontent-type: text/plain; charset=utf-8\r\n"
    f"content-length: {len(_TEXT)}\r\nconnection: close\r\n\r\n{_TEXT}"
).encode()


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


class BoundedHttpProtocol(HttpToolsProtocol):
    """Closes a connection that sends more than 64 KiB without completing a head or bringing a byte of a body.

    The parser keeps an unfinished line, header, chunk extension or trailer whole and copies it whenever more of it
    comes: without a bound one anonymous client fills the memory and stops the event loop.
    """

    _fruitless = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A client is there."""
        super().connection_made(transport)
        self.transport = cast("asyncio.Transport", GatheringTransport(transport, self.loop))

    def data_received(self, data: bytes) -> None:
        """Parse what came; the callbacks below tell whether it led anywhere."""
        self._fruitless += len(data)
        super().data_received(data)
        if self._fruitless > MAXIMUM_HEAD_BYTES and not self.transport.is_closing():
            self._refuse()

    def on_headers_complete(self) -> None:
        """A head is complete."""
        self._fruitless = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Some of a body is here."""
        self._fruitless = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is complete."""
        self._fruitless = 0
        super().on_message_complete()

    def _refuse(self) -> None:
        # In the middle of an answer only the end of the connection can be understood.
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(_REFUSAL)
        self.transport.close()
