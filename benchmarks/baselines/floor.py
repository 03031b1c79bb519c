"""The least that uvicorn can do: a fixed answer of the same size, no router, no middleware, no stores."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

BODY = (
    b'{"id":"01990000-0000-7000-8000-000000000000","email":"bench@example.com","full_name":"Bench Mark","role":"user",'
    b'"is_active":true,"created_at":"2026-01-01T00:00:00.000000Z"}'
)
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """Answer any request with `BODY`."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
