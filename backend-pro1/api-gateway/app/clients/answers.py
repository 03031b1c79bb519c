"""A service's answer as its bytes arrive, without any socket: where its head and body end, and what may follow."""

import httptools

from shared.http_protocol import MAXIMUM_HEAD_BYTES

_BODILESS = frozenset({204, 304})


class BrokenAnswer(Exception):
    """The service ended the connection early, stayed silent, or said something that is not HTTP."""


class EndedEarly(BrokenAnswer):
    """The service ended the connection before the answer was complete."""


class Answer:
    """The answer to one request, fed with what the connection brings.

    Interim answers (1xx) are swallowed and trailers dropped: neither can cross the gateway. The parser keeps an
    unfinished line whole, so what brings neither a head nor a byte of a body is bounded.
    """

    def __init__(self, *, to_head_request: bool = False) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.begun = False
        self.has_head = False
        self.complete = False
        # Whether another request may follow on the same connection.
        self.reusable = False
        self.buffered = 0
        self._pieces: list[bytes] = []
        self._bodiless = to_head_request
        self._interim = False
        self._framed = False
        self._fruitless = 0
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Take what arrived.

        Raises:
            BrokenAnswer: it is not HTTP, or a head without end.
        """
        self.begun = True
        self._fruitless += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self.complete:
                raise BrokenAnswer("not an HTTP answer") from error
            self.reusable = False
        if self._fruitless > MAXIMUM_HEAD_BYTES:
            raise BrokenAnswer("too long a head")

    def end(self) -> None:
        """The service has closed the connection: the end of a body without a length, and of nothing else."""
        self.reusable = False
        if self.has_head and not self._framed:
            self.complete = True

    def close(self) -> None:
        """Nothing more will be fed. The parser knows this object: left to the garbage collector, they cost a tenth."""
        del self._parser

    def take(self) -> bytes:
        """What has arrived of the body since the last call."""
        pieces = self._pieces
        if len(pieces) == 1:
            piece = pieces.pop()
        else:
            piece = b"".join(pieces)
            pieces.clear()
        self.buffered = 0
        return piece

    def on_message_begin(self) -> None:
        """Called by the parser, also when more comes than was asked for: then nothing can be trusted to be next."""
        if self.complete:
            self.reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser, for trailers too."""
        if self.has_head:
            return
        name = name.lower()
        if name == b"transfer-encoding":
            if value.lower() != b"chunked":
                raise BrokenAnswer("a transfer coding that nobody asked for")
            self._framed = True
        elif name == b"content-length":
            self._framed = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        if self.has_head:
            return
        self.status = self._parser.get_status_code()
        if self.status < 200:
            self._interim = True
            self.headers.clear()
            self._framed = False
            return
        self._fruitless = 0
        self.has_head = True
        self.reusable = self._parser.should_keep_alive()
        self.complete = self._bodiless or self.status in _BODILESS

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        self._fruitless = 0
        if self.complete:
            self.reusable = False
            return
        self._pieces.append(body)
        self.buffered += len(body)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        if self._interim:
            self._interim = False
            return
        self._fruitless = 0
        self.complete = True
