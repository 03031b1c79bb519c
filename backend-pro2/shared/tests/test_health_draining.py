"""A service that was asked to stop says so to those who are still connected."""

import asyncio
import json
import signal
from typing import Any

import pytest
from fastapi import FastAPI, Request
from starlette.testclient import TestClient

from shared.health import Health, health_router
from shared.http_protocol import STOPPING
from shared.testing.served import serving


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> tuple[int, dict[str, Any]]:
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
    return int(head.split(" ")[1]), json.loads(await reader.readexactly(length))


async def test_readiness_ends_when_the_door_closes() -> None:
    async with serving(KEEP_ALIVE_DRAIN_SECONDS="15") as (process, port):
        connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        for reader, writer in connections:
            assert (await ask(reader, writer, "/health/detailed"))[1]["draining"] is False
        process.send_signal(signal.SIGTERM)
        with pytest.raises(OSError):  # noqa: PT011 - refused or reset, as the system likes
            for _ in range(1500):
                (await asyncio.open_connection("127.0.0.1", port))[1].close()
                await asyncio.sleep(0.01)
        paths = ("/health/detailed", "/ready", "/health")
        answers = [await ask(*there, path) for there, path in zip(connections, paths, strict=True)]
        for _, writer in connections:
            writer.close()
        await asyncio.wait_for(process.wait(), 60)
    (_, detailed), (status, ready), (alive, health) = answers
    assert detailed["draining"] is True
    assert (status, ready["ready"], ready["draining"]) == (503, False, True)
    assert (alive, health["status"]) == (200, "healthy")


def test_nothing_but_the_stop_ends_readiness() -> None:
    app = FastAPI()
    health = Health("api-gateway", "1", "pro1")

    @app.middleware("http")
    async def stopping(request: Request, call_next: Any) -> Any:
        if "stop" in request.headers:
            request.scope.setdefault("state", {})[STOPPING] = True
        return await call_next(request)

    app.include_router(health_router(health))
    client = TestClient(app)
    assert [client.get("/ready").status_code for _ in range(2)] == [200, 200]
    assert client.get("/ready", headers={"stop": "1"}).status_code == 503
    # It does not begin anew.
    assert client.get("/ready").json()["draining"] is True
