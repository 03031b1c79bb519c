"""HTTP/1.1 with bounds and one write per answer: `uvicorn --http shared.http_protocol:BoundedHttpProtocol`."""

import asyncio
import sys
from fcntl import ioctl
from http import HTTPStatus
from termios import TIOCOUTQ
from typing import cast

import httptools
from starlette.requests import Request
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from shared.config import get_settings
from shared.errors import RequestTooSlow
from shared.gathering_transport import GatheringTransport
from shared.problems import problem_response
from shared.slow_clients import ANSWER, BODY, HEAD, Expectation, Sweeper, sweeper_of

MAXIMUM_HEAD_BYTES = 64 * 1024


class _HeadTooLarge(Exception):
    """Ends the parser's work."""


def _refusal(status: HTTPStatus, headers: dict[str, str], body: bytes) -> bytes:
    fields = {**headers, "content-length": str(len(body)), "connection": "close"}
    lines = [f"HTTP/1.1 {status.value} {status.phrase}", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


_TEXT = {"content-type": "text/plain; charset=utf-8"}
_HEAD_TOO_LARGE = _refusal(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    _TEXT,
    f"The head of a request may have at most {MAXIMUM_HEAD_BYTES} bytes.".encode(),
)
_HEAD_TOO_LATE = _refusal(
    HTTPStatus.REQUEST_TIMEOUT, _TEXT, f"The head of a request must be here within {HEAD.window} seconds.".encode()
)


def _body_too_late(scope: Scope) -> bytes:
    error = RequestTooSlow("The body of the request came too slowly, or not at all; send it again.")
    answer = problem_response(Request(scope), error)
    headers = {"content-type": answer.headers["content-type"]}
    if request_id := scope["state"].get("request_id"):
        headers["x-request-id"] = request_id
    return _refusal(error.status, headers, bytes(answer.body))


def _unacknowledged(transport: asyncio.Transport) -> int:
    """Bytes that the system has taken from us and the client's system not yet from ours."""
    try:
        return int.from_bytes(ioctl(transport.get_extra_info("socket"), TIOCOUTQ, bytes(4)), sys.byteorder)
    except (OSError, ValueError):  # closed meanwhile, or a system that cannot tell
        return 0


# In a request's state: what ends its answer before its time, in good order.
END_EARLY = "end_early"
# There: that the server stops already. Its lifespan is told only when the last answer has gone.
STOPPING = "stopping"


class BoundedHttpProtocol(HttpToolsProtocol):
    """Closes a connection that sends more than 64 KiB without completing a head or bringing a byte of a body.

    The parser keeps an unfinished line, header, chunk extension or trailer whole and copies it whenever more of it
    comes: without a bound one anonymous client fills the memory and stops the event loop.

    What is said in trailers stays there: a proxy in front has judged the head alone. And what is no HTTP is called so
    only where no answer is on its way that would be taken for it.

    The parser takes what follows an offer to change the protocol for that protocol. No other is spoken here, so such a
    request is read again without its offer: else its body would be missed, and a service be promised bytes that never
    come, in whose place it would take the next request on that connection.

    It also closes connections whose client is too slow (`shared.slow_clients`), for which uvicorn knows no limit but
    that of an idle connection: each one holds a file descriptor, and a body or an answer holds what serves it.
    """

    _fruitless = 0
    _is_much = False
    _again: bytes | None = None
    _in_body = False
    _body_bytes = 0
    _drains = 0
    _is_leaving = False
    _wire: asyncio.Transport
    _sweeper: Sweeper

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A client is there."""
        super().connection_made(transport)
        self._wire = transport
        self.transport = cast("asyncio.Transport", GatheringTransport(transport, self.loop))
        self._sweeper = sweeper_of(self.server_state, self.loop)
        self._sweeper.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._sweeper.discard(self)
        super().connection_lost(exc)

    def resume_writing(self) -> None:
        """The client has taken most of what waited for it."""
        self._drains += 1
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Parse what came; the callbacks below tell whether it led anywhere."""
        self._fruitless += len(data)
        # Only then is a head measured that is complete at once: one that comes in pieces is stopped below.
        self._is_much = self._fruitless > MAXIMUM_HEAD_BYTES
        self._unset_keepalive_if_required()
        try:
            self._feed(data)
        except httptools.HttpParserError:
            self.logger.warning("Invalid HTTP request received.")
            self.send_400_response("Invalid HTTP request received.")
        if self._fruitless > MAXIMUM_HEAD_BYTES and not self.transport.is_closing():
            self._refuse()

    def _feed(self, data: bytes) -> None:
        rest = memoryview(data)
        while True:
            try:
                self.parser.feed_data(rest)
            except httptools.HttpParserUpgrade as offer:
                rest = rest[offer.args[0] :]
                again, self._again = self._again, None
                if again is None:
                    # A tunnel, to which the answer is the last word: the parser has it so.
                    return
                self.parser.feed_data(again)
            else:
                return

    def on_headers_complete(self) -> None:
        """A head is complete."""
        if self._is_much and self._head_bytes() > MAXIMUM_HEAD_BYTES:
            raise _HeadTooLarge
        if self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT":
            self._again = self._head_without_offer()
            return
        self._fruitless = 0
        super().on_headers_complete()
        self._in_body = True
        # The application has the list that was; trailers would be added to it.
        self.headers = []
        if self._is_leaving and self.cycle is not None:
            self.cycle.keep_alive = False
            self.cycle.scope["state"][STOPPING] = True

    def on_body(self, body: bytes) -> None:
        """Some of a body is here."""
        self._fruitless = 0
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is complete."""
        if self._again is not None:
            return
        self._fruitless = 0
        self._in_body = False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """The parser has given up: say so, or else let the answer on its way be the last."""
        if self._head_begun() and self._head_bytes() > MAXIMUM_HEAD_BYTES:
            self._refuse()
        elif self._may_speak():
            super().send_400_response(msg)
        elif self._in_body:
            self.transport.close()
        else:
            self.cycle.keep_alive = False

    def shutdown(self) -> None:
        """The server stops: answers end as soon as they can, and those without an end of their own at once.

        An idle connection may carry a request that is on its way. Closed now, it would be lost; so the connection stays
        for KEEP_ALIVE_DRAIN_SECONDS, and the answer to what comes says that it is the last.
        """
        self._is_leaving = True
        if self._is_idle():
            self.loop.call_later(get_settings().keep_alive_drain_seconds, self._leave)
            return
        super().shutdown()
        cycle: RequestResponseCycle = self.cycle
        if END_EARLY in cycle.scope["state"]:
            cycle.scope["state"][END_EARLY]()

    def is_idle(self) -> bool:
        """Whether nothing of a request or an answer is on its way."""
        return self._is_idle() and not self._fruitless and not self._head_begun() and not self._in_body

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _leave(self) -> None:
        if self._is_idle():
            self.transport.close()

    def expectation(self) -> Expectation | None:
        """What the client owes at this moment: to take an answer, to bring a body or a head, or nothing.

        Asked once a second, so it looks at what uvicorn notes anyway instead of noting more with each request.
        """
        cycle: RequestResponseCycle | None = self.cycle
        answered = cycle is None or cycle.response_complete
        owed = self._wire.get_write_buffer_size()
        # Only where nobody can write more: what an answer in progress adds would hide what the client takes.
        if owed and (answered or self.flow.write_paused or self._wire.is_closing()):
            return Expectation(ANSWER, self._drains, -owed - _unacknowledged(self._wire))
        # A connection with an answer on its way before this request is alive for its sake.
        if self._wire.is_closing() or self.pipeline:
            return None
        if cycle is not None and self._in_body:
            # Not while it is we who take no more, or have not yet said that we will.
            held = self.flow.read_paused or cycle.waiting_for_100_continue
            return None if held else Expectation(BODY, cycle, self._body_bytes)
        if cycle is None or (answered and (self._fruitless or self._head_begun())):
            return Expectation(HEAD, cycle, 0)
        return None

    def give_up(self, stage: str) -> None:
        """End a connection whose client is too slow, with a word if that can be understood; the application is told."""
        if stage == HEAD.stage and self._head_begun():
            self._say_last(_HEAD_TOO_LATE)
        elif stage == BODY.stage and not self.cycle.response_started:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            self._say_last(_body_too_late(cast("Scope", self.cycle.scope)))
        else:
            # Who has said nothing yet, or has an answer, would take a last word for the answer to the next request.
            self.transport.abort()

    def _head_begun(self) -> bool:
        # The parser's first callback makes a new scope, which stands in no cycle before the head is complete.
        return self.scope is not None and (self.cycle is None or self.cycle.scope is not self.scope)

    def _head_without_offer(self) -> bytes:
        version = self.parser.get_http_version().encode()
        fields = [b"%b: %b" % (name, value) for name, value in self.headers if name != b"upgrade"]
        return b"\r\n".join([b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version), *fields, b"", b""])

    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _may_speak(self) -> bool:
        """Whether a last word would be taken for what it is: the answer to what is just being said."""
        if self._in_body:
            return not self.pipeline and not self.cycle.response_started
        return self._is_idle()

    def _say_last(self, words: bytes) -> None:
        self.transport.write(words)
        self.transport.close()

    def _refuse(self) -> None:
        # In the middle of an answer only the end of the connection can be understood.
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(_HEAD_TOO_LARGE)
        self.transport.close()
