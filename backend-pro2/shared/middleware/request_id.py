"""Gives every request an id, returns it, and binds it to the log lines written on the way."""

import os
import re

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ACCEPTED = re.compile(rb"[A-Za-z0-9._-]{1,64}")


def request_id_from(header: bytes | None) -> str:
    """The client's own id if it is short and plain, else 32 random hexadecimal digits."""
    if header is not None and _ACCEPTED.fullmatch(header):
        return header.decode()
    return os.urandom(16).hex()


class RequestIdMiddleware:
    """Outermost: everything inside sees `scope["state"]["request_id"]`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = request_id_from(next((value for name, value in scope["headers"] if name == b"x-request-id"), None))
        scope.setdefault("state", {})["request_id"] = request_id
        header = (b"x-request-id", request_id.encode())

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *(pair for pair in message.get("headers", ()) if pair[0] != b"x-request-id"),
                    header,
                ]
            await send(message)

        tokens = structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await self._app(scope, receive, send_with_id)
        finally:
            structlog.contextvars.reset_contextvars(**tokens)
