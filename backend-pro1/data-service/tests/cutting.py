"""Clients that hang up in the middle of a body, and what is left of them."""

from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp, Message

from shared.database import Database
from shared.object_store import ObjectStore

CHUNK = 64 * 1024


async def hang_up(app: ASGIApp, method: str, path: str, headers: Mapping[str, str], body: bytes, after: int) -> int:
    """Send the head and the first `after` bytes, then go; the status that nobody was there to read."""
    sent = [body[start : min(start + CHUNK, after)] for start in range(0, after, CHUNK)]
    messages: list[Message] = [{"type": "http.request", "body": piece, "more_body": True} for piece in sent]
    statuses: list[int] = []

    async def receive() -> Message:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(int(message["status"]))

    await app(_scope(method, path, {**headers, "content-length": str(len(body))}), receive, send)
    return statuses[0]


def _scope(method: str, path: str, headers: Mapping[str, str]) -> dict[str, Any]:
    fields = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"data"), *fields],
        "client": ("127.0.0.1", 1),
        "server": ("data", 80),
    }


async def keys(store: ObjectStore) -> list[str]:
    """Every object there is."""
    return [entry.key async for entry in store.list("")]


async def count(database: Database, table: str) -> int:
    """How many rows the table has."""
    async with database.transaction(read_only=True) as session:
        return int(await session.fetch_value(f"SELECT count(*) FROM {table}"))  # noqa: S608 - our own words
