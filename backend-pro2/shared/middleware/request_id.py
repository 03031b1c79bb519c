"""Gives every request an id, returns it, and binds it to the log lines written on the way."""

import os
import re

from starlette.types import ASGIApp, Receive, Scope, Send

from shared.logging import REQUEST_STATE
from shared.middleware.answer import Answer, header

ID_BYTES = 16
IDS_A_DRAW = 256
_ACCEPTED = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class RequestIds:
    """32 random hexadecimal digits each; the system is asked for randomness once for many."""

    def __init__(self) -> None:
        self._drawn: list[str] = []

    def new(self) -> str:
        """An id that nobody had before."""
        if not self._drawn:
            digits = os.urandom(ID_BYTES * IDS_A_DRAW).hex()
            self._drawn = [digits[at : at + 2 * ID_BYTES] for at in range(0, len(digits), 2 * ID_BYTES)]
        return self._drawn.pop()


_ids = RequestIds()


def request_id_from(value: bytes | None) -> str:
    """The client's own id if it is short and plain, else a new one."""
    if value is not None and _ACCEPTED.fullmatch(value):
        return value.decode()
    return _ids.new()


class RequestIdMiddleware:
    """Outermost: everything inside sees `scope["state"]["request_id"]`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = request_id_from(header(scope["headers"], b"x-request-id"))
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        answer = Answer.of(send)
        answer.headers.append((b"x-request-id", request_id.encode()))
        around = REQUEST_STATE.set(state)
        try:
            await self._app(scope, receive, answer)
        finally:
            REQUEST_STATE.reset(around)
