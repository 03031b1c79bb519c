"""The forwarder: passes requests below a service's prefix on, streaming both ways and keeping nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.addresses import AddressResolver
from shared.logging import get_logger

from ..clients.upstreams import Upstreams
from ..core.exceptions import MethodNotAllowed, UpstreamUnavailable
from ..core.headers import body_length, request_headers, response_headers
from ..core.paths import PathMap, Target, ascii_only

log = get_logger(__name__)

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PUBLIC_PREFIX = "/api/v1"
# Most answers are there sooner; only for those that are not is a task spent on noticing that the client has gone.
WATCH_AFTER_SECONDS = 0.05


class ClientGone(Exception):
    """The client hung up before its request was complete."""


class RequestBody:
    """The request's body as it arrives; what may still come after it is only word that the client left."""

    def __init__(self, receive: Receive, *, empty: bool) -> None:
        self._receive = receive
        self._sent = asyncio.Event()
        self.client_gone = False
        self.refusal: HTTPException | None = None
        if empty:
            self._sent.set()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body; nothing is read from the client before the service has taken what came before.

        Raises:
            ClientGone: before the end.
            HTTPException: it is longer than allowed; kept in `refusal`, since the HTTP client hides its cause.
        """
        more = True
        while more:
            try:
                message = await self._receive()
            except HTTPException as refusal:
                self.refusal = refusal
                raise
            if message["type"] != "http.request":
                self.client_gone = True
                raise ClientGone
            more = message.get("more_body", False)
            if chunk := message.get("body", b""):
                yield chunk
        self._sent.set()

    async def client_leaves(self) -> None:
        """Returns once the body is complete and the client has hung up."""
        await self._sent.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.client_gone = True


@asynccontextmanager
async def while_client_waits(body: RequestBody) -> AsyncIterator[None]:
    """Cancels the block when the client leaves, and then ends quietly: there is nobody to answer.

    The cancellation is that of asyncio.timeout, whose deadline is set to now when the client goes.
    """
    loop = asyncio.get_running_loop()
    watchers: list[asyncio.Task[None]] = []

    async def watch() -> None:
        await body.client_leaves()
        patience.reschedule(loop.time())

    timer = loop.call_later(WATCH_AFTER_SECONDS, lambda: watchers.append(loop.create_task(watch())))
    try:
        async with asyncio.timeout(None) as patience:
            try:
                yield
            finally:
                timer.cancel()
                for watcher in watchers:
                    watcher.cancel()
    except TimeoutError:
        if not body.client_gone:
            raise
        log.info("client_disconnected")


class Forwarder:
    """A plain ASGI application: no framework object is made for a forwarded request."""

    def __init__(self, upstreams: Upstreams, addresses: AddressResolver) -> None:
        self._upstreams = upstreams
        self._addresses = addresses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request from the service that `scope["target"]` names."""
        if scope["method"] not in METHODS:
            raise MethodNotAllowed(
                "No service understands this method; the Allow header lists those that work.",
                headers={"Allow": ", ".join(METHODS)},
            )
        length = body_length(scope["headers"])
        body = RequestBody(receive, empty=length == 0)
        async with while_client_waits(body):
            try:
                await self._exchange(scope, send, body, length)
            except UpstreamUnavailable as error:
                # A body that ended in an error looks to the HTTP client like a connection that failed.
                if body.refusal is not None:
                    raise body.refusal from None
                if not body.client_gone:
                    log.warning("upstream_unavailable", upstream=error.service, error=type(error.__cause__).__name__)
                    raise
            except aiohttp.ClientError as error:
                # Half of the answer is out: only cutting the connection tells the client that the rest is missing.
                log.warning("upstream_broke_off", upstream=scope["target"].service, error=type(error).__name__)

    async def _exchange(self, scope: Scope, send: Send, body: RequestBody, length: int | None) -> None:
        target: Target = scope["target"]
        query: bytes = scope["query_string"]
        path = f"{target.path}?{ascii_only(query)}" if query else target.path
        data = None if length == 0 else body.chunks()
        headers = self._headers(scope, length)
        async with self._upstreams.exchange(target.service, scope["method"], path, headers, data) as response:
            await _relay(response, send)

    def _headers(self, scope: Scope, length: int | None) -> list[tuple[str, str]]:
        headers = request_headers(scope["headers"])
        if length:
            headers.append(("content-length", str(length)))
        headers.append(("x-request-id", scope["state"]["request_id"]))
        headers.append(("x-forwarded-for", self._addresses.of(scope)))
        headers.append(("x-forwarded-prefix", PUBLIC_PREFIX))
        return headers


async def _relay(response: aiohttp.ClientResponse, send: Send) -> None:
    headers = response_headers(response.raw_headers, response.status)
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    content = response.content
    while True:
        chunk = await content.readany()
        done = content.at_eof()
        await send({"type": "http.response.body", "body": chunk, "more_body": not done})
        if done:
            return


class ForwardingRoute(BaseRoute):
    """Every path below a service's prefix, whatever the method; first in the table, since most requests end here."""

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
