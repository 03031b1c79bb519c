"""A request to a service and its answer, both streamed."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import NamedTuple, Self, cast

from shared.errors import BadRequest

from ..core.exceptions import UpstreamUnavailable
from .answers import Answer, BrokenAnswer, EndedEarly
from .connections import Connection
from .pool import ConnectTimeout, Pool

# The next piece of a body, and whether more follows.
Body = Callable[[], Awaitable[tuple[bytes, bool]]]
Headers = Iterable[tuple[bytes, bytes]]

_NAMES_AN_EMPTY_BODY = frozenset({"POST", "PUT", "PATCH"})
_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})


class Request(NamedTuple):
    """What is asked: the head as it is sent, where the body comes from if there is one, and its length where known."""

    method: str
    head: bytes
    body: Body | None = None
    length: int | None = None


def request(
    method: str, host: bytes, path: str, headers: Headers, body: Body | None = None, length: int | None = None
) -> Request:
    """A request with the framing of its body: `length` bytes, or chunked where that is None.

    Raises:
        ValueError: something in it holds a line break, by which one request would become two.
    """
    lines = [b"%b %b HTTP/1.1\r\nhost: %b" % (method.encode(), path.encode("ascii"), host)]
    lines += [b"%b: %b" % field for field in headers]
    if body is None:
        if method in _NAMES_AN_EMPTY_BODY:
            lines.append(b"content-length: 0")
    else:
        lines.append(b"transfer-encoding: chunked" if length is None else b"content-length: %d" % length)
    head = b"\r\n".join([*lines, b"", b""])
    breaks = len(lines) + 2
    if head.count(b"\n") != breaks or head.count(b"\r") != breaks:
        raise ValueError("a line break in a request's head")
    return Request(method, head, body, length)


class Exchange:
    """Within the `async with` block the answer can be read; leaving it before its end cuts the connection.

    Entering waits for the answer's head. Meanwhile, and while the answer is read, the rest of the body is sent: a
    service may answer before it has taken all of it.
    """

    def __init__(self, service: str, pool: Pool, request: Request) -> None:
        self._service = service
        self._pool = pool
        self._request = request
        self._first: tuple[bytes, bool] | None = None
        self._connection: Connection | None = None
        self._used = False
        self._sent = 0
        self._answer: Answer | None = None
        self._pump: asyncio.Task[None] | None = None
        self._abandoned: BaseException | None = None

    @property
    def status(self) -> int:
        """Of the answer."""
        return cast("Answer", self._answer).status

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Of the answer, names in lower case."""
        return cast("Answer", self._answer).headers

    def read(self) -> Awaitable[tuple[bytes, bool]]:
        """The next piece of the answer's body, and whether more follows.

        Raises:
            BrokenAnswer: it ends too early.
            BaseException: what `body` raised, or what the exchange was abandoned with.
        """
        return cast("Connection", self._connection).read()

    def abandon(self, error: BaseException) -> None:
        """Cut the connection; whoever waits for the answer, or will, gets `error`."""
        self._abandoned = error
        if self._connection is not None:
            self._connection.fail(error)

    async def __aenter__(self) -> Self:
        """Wait for the head.

        Raises:
            UpstreamUnavailable: no connection, or it ended or stayed silent before the head.
            BadRequest: the body has another length than it said.
            BaseException: as in `read`.
        """
        try:
            try:
                await self._attempt(fresh=False)
            except EndedEarly:
                if not self._may_repeat():
                    raise
                await self._attempt(fresh=True)
        except (BrokenAnswer, ConnectTimeout, OSError) as error:
            raise UpstreamUnavailable(self._service) from error
        return self

    async def __aexit__(self, *_: object) -> None:
        """Give the connection back."""
        self._leave()

    async def _attempt(self, *, fresh: bool) -> None:
        self._connection, self._used = await self._pool.acquire(fresh=fresh)
        try:
            await self._ask(self._connection)
        except BaseException:
            self._leave()
            raise

    async def _ask(self, connection: Connection) -> None:
        if self._abandoned is not None:
            raise self._abandoned
        body, data, more = self._request.body, self._request.head, False
        if body is not None:
            # A client that waits for "100 Continue" is told to go on by this, now that there is a service to hear it.
            self._first = self._first or await body()
            piece, more = self._first
            self._sent = 0
            data = b"".join((data, *self._framed(piece, more)))
        if connection.failure is not None:
            raise connection.failure
        self._answer = connection.start(data, to_head_request=self._request.method == "HEAD", last=not more)
        if body is not None and more:
            self._pump = asyncio.create_task(self._send_rest(connection, body))
            self._pump.add_done_callback(partial(_pass_on, connection))
        await connection.head()

    async def _send_rest(self, connection: Connection, body: Body) -> None:
        more = True
        while more:
            piece, more = await body()
            await connection.write(*self._framed(piece, more), last=not more)

    def _framed(self, piece: bytes, more: bool) -> Iterable[bytes]:
        if self._request.length is not None:
            self._sent += len(piece)
            if self._sent > self._request.length or (not more and self._sent < self._request.length):
                # The service would take the next request on this connection for the rest.
                raise BadRequest("The body is not as long as its Content-Length says.", headers={"Connection": "close"})
            return (piece,) if piece else ()
        chunk = (b"%x\r\n" % len(piece), piece, b"\r\n") if piece else ()
        return chunk if more else (*chunk, b"0\r\n\r\n")

    def _may_repeat(self) -> bool:
        """Whether a kept connection had ended before the service can have acted on this request."""
        if not self._used or self._answer is None:
            return self._used
        return self._request.body is None and self._request.method in _REPEATABLE and not self._answer.begun

    def _leave(self) -> None:
        if self._pump is not None:
            self._pump.cancel()
        if self._connection is not None:
            self._pool.release(self._connection)
            self._connection = None


def _pass_on(connection: Connection, pump: asyncio.Task[None]) -> None:
    """What ended the body too early ends the answer too."""
    error = None if pump.cancelled() else pump.exception()
    if error is not None:
        connection.fail(error)
