"""HTTP/1.1 with a bound on request heads, for `uvicorn --http shared.http_protocol:BoundedHttpProtocol`."""

from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAXIMUM_HEAD_BYTES = 64 * 1024
_STATUS = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
_TEXT = f"The head of a request may have at most {MAXIMUM_HEAD_BYTES} bytes."
_REFUSAL = (
    f"HTTP/1.1 {_STATUS.value} {_STATUS.phrase}\r\ncontent-type: text/plain; charset=utf-8\r\n"
    f"content-length: {len(_TEXT)}\r\nconnection: close\r\n\r\n{_TEXT}"
).encode()


class BoundedHttpProtocol(HttpToolsProtocol):
    """Closes a connection that sends more than 64 KiB without completing a head or bringing a byte of a body.

    The parser keeps an unfinished line, header, chunk extension or trailer whole and copies it whenever more of it
    comes: without a bound one anonymous client fills the memory and stops the event loop.
    """

    _fruitless = 0

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
