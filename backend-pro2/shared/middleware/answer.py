"""The `send` of a request, wrapped once for all middleware: every further wrapping would cost every message."""

from collections.abc import Awaitable

from starlette.types import Message, Send

_NEVER_TWICE = b"x-request-id"


class Answer:
    """What has become of the answer so far, and the headers that layers have left for it.

    Attributes:
        status: of the answer, None until it has started.
        sent: bytes of its body so far.
        headers: added to the answer's own when it starts.
    """

    __slots__ = ("_send", "headers", "sent", "status")

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status: int | None = None
        self.sent = 0
        self.headers: list[tuple[bytes, bytes]] = []

    @classmethod
    def of(cls, send: Send) -> "Answer":
        """The answer under way, begun here unless a layer further out has done so."""
        return send if isinstance(send, Answer) else cls(send)

    def __call__(self, message: Message) -> Awaitable[None]:
        """Take note of a message and pass it on."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            own = [pair for pair in message.get("headers", ()) if pair[0] != _NEVER_TWICE]
            message["headers"] = own + self.headers
        else:
            self.sent += len(message.get("body", b""))
        return self._send(message)


def header(pairs: list[tuple[bytes, bytes]], wanted: bytes) -> bytes | None:
    """The first value of a header; `wanted` in lower case."""
    for name, value in pairs:
        if name == wanted:
            return value
    return None
