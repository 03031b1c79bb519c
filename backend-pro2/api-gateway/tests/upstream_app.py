"""A service behind the gateway that does what its path says."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Coroutine
from typing import Any

from starlette.types import Receive, Scope, Send

CHUNK = bytes(range(256)) * 1024
CHUNKS_IN_64_MIB = 256


class Upstream:
    """Notes what happened to it."""

    def __init__(self) -> None:
        self.disconnected = asyncio.Event()
        self.proceed = asyncio.Event()
        self.chunks_sent = 0
        self.requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.requests += 1
        act: Callable[..., Coroutine[Any, Any, None]] = getattr(self, "do_" + scope["path"].rpartition("/")[2])
        await act(scope, receive, send)

    async def do_echo(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Says what it was asked."""
        headers = [[name.decode(), value.decode()] for name, value in scope["headers"]]
        asked = {"method": scope["method"], "path": scope["raw_path"].decode(), "query": scope["query_string"].decode()}
        await answer(send, json.dumps({**asked, "headers": headers, "body": len(await whole(receive))}).encode())

    async def do_cookies(self, scope: Scope, receive: Receive, send: Send) -> None:
        pairs = [
            (b"set-cookie", b"a=1"),
            (b"set-cookie", b"b=2"),
            (b"ratelimit", b"other"),
            (b"x-request-id", b"other"),
        ]
        await answer(send, b"ok", headers=[*pairs, (b"connection", b"x-hop"), (b"x-hop", b"1")])

    async def do_digest(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The SHA-256 of what it was sent."""
        digest = hashlib.sha256()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.disconnected.set()
                return
            digest.update(message.get("body", b""))
            more = message.get("more_body", False)
        await answer(send, digest.hexdigest().encode())

    async def do_large(self, scope: Scope, receive: Receive, send: Send) -> None:
        """64 MiB; chunked, since no length is said."""
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(CHUNKS_IN_64_MIB):
            await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
            self.chunks_sent += 1
        await send({"type": "http.response.body"})

    async def do_events(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One event at once, another when told to, then silence until the client leaves."""
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
        await self.proceed.wait()
        await send({"type": "http.response.body", "body": b"data: 2\n\n", "more_body": True})
        await self.until_left(receive)

    async def do_wait(self, scope: Scope, receive: Receive, send: Send) -> None:
        """No answer at all."""
        await self.until_left(receive)

    async def do_early(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An answer before the body is read."""
        await answer(send, b"too large", status=413)

    async def do_nothing(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def do_unchanged(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 304, "headers": [(b"etag", b'"a"')]})
        await send({"type": "http.response.body"})

    async def do_moved(self, scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send, b"", status=307, headers=[(b"location", b"/tasks/echo")])

    async def until_left(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.disconnected.set()


async def answer(
    send: Send, body: bytes, *, status: int = 200, headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    """A whole answer with its length."""
    fields = [(b"content-length", b"%d" % len(body)), *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


async def whole(receive: Receive) -> bytes:
    """The whole body of a request."""
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body
