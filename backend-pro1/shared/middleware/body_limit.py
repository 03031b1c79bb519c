"""Bounds request bodies: a small limit for JSON, a large one where files arrive."""

import re
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.errors import PayloadTooLarge
from shared.middleware.answer import header


class BodyLimitMiddleware:
    """Refuses a body by its announced length before it is read, and any other as soon as it grows too long.

    How much came is in the request's state as `bytes_in`; it is absent where nothing did.
    """

    def __init__(self, app: ASGIApp, limit: int, upload_limit: int, upload_paths: re.Pattern[str] | None) -> None:
        self._app = app
        self._limit = limit
        self._upload_limit = upload_limit
        self._upload_paths = upload_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        large = self._upload_paths is not None and self._upload_paths.fullmatch(scope["path"])
        limit = self._upload_limit if large else self._limit
        if announced_length(scope) > limit:
            raise PayloadTooLarge(f"The body may have at most {limit} bytes here.")
        received = 0

        async def receive_bounded() -> Message:
            nonlocal received
            message = await receive()
            if body := message.get("body"):
                received += len(body)
                scope["state"]["bytes_in"] = received
                if received > limit:
                    # FastAPI lets only this kind of error out of its reading of a body.
                    raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return message

        await self._app(scope, receive_bounded, send)


def announced_length(scope: Scope) -> int:
    """Content-Length, 0 where there is none or rubbish; the server has refused contradictory ones before."""
    value = header(scope["headers"], b"content-length")
    return int(value) if value is not None and value.isdigit() else 0
