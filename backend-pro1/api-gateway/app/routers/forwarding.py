"""The forwarder: passes requests below a service's prefix on, streaming both ways and keeping nothing."""

import asyncio
import time
from functools import partial

from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.addresses import AddressResolver
from shared.config import MEBIBYTE
from shared.errors import BadRequest, PayloadTooLarge
from shared.http_protocol import END_EARLY
from shared.logging import get_logger
from shared.metrics.parts import UPSTREAM, spend
from shared.middleware.metrics import ANSWERED_AFTER
from shared.middleware.tracing import traceparent_of
from shared.tracing import CLIENT, Span, inject, span

from ..clients.answers import BrokenAnswer
from ..clients.exchange import Exchange
from ..clients.upstreams import Upstreams
from ..core.exceptions import MethodNotAllowed, UpstreamUnavailable
from ..core.headers import body_length, request_headers, response_headers
from ..core.paths import PathMap, Target, ascii_only

log = get_logger(__name__)

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PUBLIC_PREFIX = "/api/v1"
_PREFIX = (b"x-forwarded-prefix", PUBLIC_PREFIX.encode())
# Most answers are there sooner; only for those that are not is a task spent on noticing that the client has gone.
WATCH_AFTER_SECONDS = 0.05


_EVENTS = b"text/event-stream"


class ClientGone(Exception):
    """The client hung up before its answer was complete."""


class Stopping(Exception):
    """The gateway stops, and an answer without an end of its own ends here."""


class RequestBody:
    """The request's body as it arrives; what may still come after it is only word that the client left."""

    def __init__(self, receive: Receive, *, empty: bool) -> None:
        self._receive = receive
        # None where there is nothing to wait for, as for most requests.
        self._complete = None if empty else asyncio.Event()

    async def read(self) -> tuple[bytes, bool]:
        """The next piece, and whether more follows; nothing is read before the service has taken what came before.

        Raises:
            ClientGone: before the end.
            PayloadTooLarge: it is longer than allowed.
        """
        try:
            message = await self._receive()
        except HTTPException:
            raise PayloadTooLarge("The body is larger than this route accepts.") from None
        if message["type"] != "http.request":
            raise ClientGone
        more = message.get("more_body", False)
        if not more and self._complete is not None:
            self._complete.set()
        return message.get("body", b""), more

    async def client_leaves(self) -> None:
        """Returns once the body is complete and the client has hung up."""
        if self._complete is not None:
            await self._complete.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass


class Watch:
    """Abandons an exchange when its client leaves, so that no service works for nobody."""

    __slots__ = ("_body", "_exchange", "_task")

    def __init__(self, exchange: Exchange, body: RequestBody) -> None:
        self._exchange = exchange
        self._body = body
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Watch from now on."""
        self._task = asyncio.get_running_loop().create_task(self._watch())

    def stop(self) -> None:
        """The exchange is over."""
        if self._task is not None:
            self._task.cancel()

    async def _watch(self) -> None:
        await self._body.client_leaves()
        self._exchange.abandon(ClientGone())


class Watches:
    """Begins the watches of exchanges that last longer than others.

    One timer for all that are under way together, where one for each would cost as much as building its request.
    """

    def __init__(self) -> None:
        self._young: set[Watch] = set()
        self._older: set[Watch] = set()
        self._ticking = False

    def add(self, watch: Watch) -> None:
        """Have it begin after 0.05 s, or up to twice as late."""
        self._young.add(watch)
        if not self._ticking:
            self._ticking = True
            asyncio.get_running_loop().call_later(WATCH_AFTER_SECONDS, self._tick)

    def remove(self, watch: Watch) -> None:
        """Its exchange is over."""
        self._young.discard(watch)
        self._older.discard(watch)
        watch.stop()

    def _tick(self) -> None:
        for watch in self._older:
            watch.begin()
        self._older, self._young = self._young, set()
        self._ticking = bool(self._older)
        if self._ticking:
            asyncio.get_running_loop().call_later(WATCH_AFTER_SECONDS, self._tick)


class Forwarder:
    """A plain ASGI application before the framework, whose layers would cost as much as the forwarding itself."""

    def __init__(self, upstreams: Upstreams, addresses: AddressResolver) -> None:
        self._upstreams = upstreams
        self._addresses = addresses
        self._watches = Watches()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request from the service that `scope["target"]` names."""
        if scope["method"] not in METHODS:
            raise MethodNotAllowed(
                "No service understands this method; the Allow header lists those that work.",
                headers={"Allow": ", ".join(METHODS)},
            )
        service = scope["target"].service
        with span(f"{scope['method']} {service}", {"peer.service": service}, kind=CLIENT) as call:
            await self._forward(scope, receive, send, call)

    async def _forward(self, scope: Scope, receive: Receive, send: Send, call: Span) -> None:
        length = body_length(scope["headers"])
        body = RequestBody(receive, empty=length == 0)
        exchange = self._exchange(scope, body, length)
        watch = Watch(exchange, body)
        self._watches.add(watch)
        started = time.perf_counter()
        try:
            async with exchange as answer:
                _note_wait(scope, time.perf_counter() - started, length)
                call.set("http.response.status_code", answer.status)
                if _lasts(answer):
                    scope["state"][END_EARLY] = partial(exchange.abandon, Stopping())
                await _relay(answer, send, scope["target"].service)
        except UpstreamUnavailable as error:
            _note_wait(scope, time.perf_counter() - started, length)
            log.warning("upstream_unavailable", upstream=error.service, error=_named(error.__cause__))
            raise
        except ClientGone:
            log.info("client_disconnected")
        finally:
            self._watches.remove(watch)

    def _exchange(self, scope: Scope, body: RequestBody, length: int | None) -> Exchange:
        target: Target = scope["target"]
        query: bytes = scope["query_string"]
        path = f"{target.path}?{ascii_only(query)}" if query else target.path
        headers = request_headers(scope["headers"])
        headers.append((b"x-request-id", scope["state"]["request_id"].encode()))
        headers.append((b"x-forwarded-for", self._addresses.of(scope).encode()))
        headers.append(_PREFIX)
        # Where nothing is traced here, the client's own leads on to services that may be.
        if (traceparent := inject() or traceparent_of(scope)) is not None:
            headers.append((b"traceparent", str(traceparent).encode()))
        read = None if length == 0 else body.read
        return self._upstreams.exchange(target.service, scope["method"], path, headers, read, length)


async def _relay(answer: Exchange, send: Send, service: str) -> None:
    headers = response_headers(answer.headers, answer.status)
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    more = True
    try:
        while more:
            piece, more = await answer.read()
            await send({"type": "http.response.body", "body": piece, "more_body": more})
    except Stopping:
        # In good order, so that the client comes back to the next process with the number of the last event.
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    except (BrokenAnswer, PayloadTooLarge, BadRequest) as error:
        # Half of the answer is out: only cutting the connection tells the client that the rest is missing.
        log.warning("upstream_broke_off", upstream=service, error=_named(error))


def _note_wait(scope: Scope, seconds: float, length: int | None) -> None:
    """How long the service took to answer; what follows, and a large body before it, is for the client to hurry."""
    spend(UPSTREAM, seconds)
    scope[ANSWERED_AFTER] = seconds
    scope["long_running"] = b"wait=" in scope["query_string"] or length is None or length > MEBIBYTE


def _lasts(answer: Exchange) -> bool:
    return any(name == b"content-type" and value.startswith(_EVENTS) for name, value in answer.headers)


def _named(error: BaseException | None) -> str:
    return f"{type(error).__name__}: {error}"


class ForwardingRoute(BaseRoute):
    """Every path below a service's prefix, whatever the method; asked first, since most requests end here."""

    def __init__(self, paths: PathMap, forwarder: ASGIApp) -> None:
        self._paths = paths
        self._forwarder = forwarder

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Full match with the target as `scope["target"]`, or none."""
        if scope["type"] != "http":
            return Match.NONE, {}
        target = self._paths.target(scope["raw_path"])
        if target is None:
            return Match.NONE, {}
        template = f"{PUBLIC_PREFIX}/({target.service})"
        return Match.FULL, {"target": target, "route_template": template, "long_running": True}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward."""
        await self._forwarder(scope, receive, send)
