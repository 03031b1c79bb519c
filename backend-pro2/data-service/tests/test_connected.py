"""Work ends when the client who waits for it leaves."""

import asyncio
import json
from pathlib import Path

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message

from shared.resources import Resources
from shared.testing.patience import eventually
from shared.testing.project import Workspace

from ..app.main import create_app
from ..app.routers.connected import WhileConnected


def connection(*messages: Message) -> Request:
    """A request whose client sends these, and then nothing for ever."""
    pending = list(messages)

    async def receive() -> Message:
        if not pending:
            await asyncio.Event().wait()
        return pending.pop(0)

    return Request({"type": "http"}, receive)


async def test_who_stays_gets_the_answer() -> None:
    async def work(number: int) -> bytes:
        return b"%d" % number

    answer = await WhileConnected(connection())(Response, work, 7)
    assert answer.body == b"7"


async def test_an_error_is_the_works_own() -> None:
    async def work() -> bytes:
        raise ValueError("its own")

    with pytest.raises(ValueError, match="its own"):
        await WhileConnected(connection())(Response, work)


async def test_who_leaves_ends_the_work() -> None:
    ended = asyncio.Event()

    async def work() -> bytes:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.set()
        return b""

    with pytest.raises(ClientDisconnect):
        await WhileConnected(connection({"type": "http.disconnect"}))(Response, work)
    assert ended.is_set()


def computing(resources: Resources) -> list[str]:
    """Ids of the children that compute now."""
    server = resources.compute._server
    if server is None:
        return []
    path = Path(f"/proc/{server.pid}/task/{server.pid}/children")
    return path.read_text().split()


@pytest.mark.integration
@pytest.mark.usefixtures("warm_compute")
async def test_a_client_who_leaves_ends_the_computation(
    resources: Resources, workspace: Workspace, editor: dict[str, str]
) -> None:
    app = create_app(resources.settings, resources)
    gone = asyncio.Event()
    order = {"project_id": str(workspace.project_id), "sql": "SELECT count(*) FROM range(1000000000000)"}
    body = json.dumps(order).encode()
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[Message] = []

    async def receive() -> Message:
        if messages:
            return messages.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"authorization", editor["Authorization"].encode()), (b"content-type", b"application/json")]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/process/query",
        "raw_path": b"/process/query",
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("data", 80),
    }
    request = asyncio.ensure_future(app(scope, receive, send))
    await eventually(lambda: bool(computing(resources)))
    # The plan has its own child, which ends by itself; the other one computes for hours.
    await asyncio.sleep(1)
    assert (len(computing(resources)), request.done()) == (1, False)
    child = computing(resources)[0]
    gone.set()
    await asyncio.wait_for(request, 30)
    await eventually(lambda: not Path(f"/proc/{child}").exists())
    assert sent[0]["status"] == 499
