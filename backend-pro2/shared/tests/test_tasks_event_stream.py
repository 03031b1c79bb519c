"""How events leave, and what becomes of them when the client or the server goes first."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from uuid import UUID

import pytest
from starlette.types import Message, Scope

from shared.http_protocol import END_EARLY
from shared.tasks import TaskEvent
from shared.tasks.streaming import HEARTBEAT, EventStream, as_sent, resume_point

TASK = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
EVENT = TaskEvent(TASK, 3, datetime(2026, 1, 31, 12, tzinfo=UTC), "log", {"message": "one\ntwo"})
SENT = (
    b'event: log\ndata: {"task_id":"01890a5d-ac96-774b-bcce-b302099a8057","at":"2026-01-31T12:00:00+00:00",'
    b'"message":"one\\ntwo"}\nid: 3\n\n'
)


class Client:
    """A server's side of one request: what was sent, and word of the client's leaving."""

    def __init__(self) -> None:
        self.scope: Scope = {"type": "http", "state": {}}
        self.sent: list[Message] = []
        self.moved = asyncio.Event()
        self.gone = asyncio.Event()

    async def send(self, message: Message) -> None:
        self.sent.append(message)
        self.moved.set()
        if message["type"] == "http.response.body" and not message["more_body"]:
            self.gone.set()

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    @property
    def bodies(self) -> list[bytes]:
        return [message["body"] for message in self.sent[1:]]


class Beats:
    """Some beats, and then silence unless they end."""

    def __init__(self, *beats: TaskEvent | None, ends: bool = False) -> None:
        self.is_closed = False
        self._beats, self._ends = beats, ends

    async def __call__(self) -> AsyncGenerator[TaskEvent | None, None]:
        try:
            for beat in self._beats:
                yield beat
            if not self._ends:
                await asyncio.Event().wait()
        finally:
            self.is_closed = True


async def serve(beats: Beats, client: Client, count: int) -> asyncio.Task[None]:
    """A stream under way that has sent so many pieces."""
    serving = asyncio.create_task(EventStream(beats())(client.scope, client.receive, client.send))
    async with asyncio.timeout(30):
        while len(client.bodies) < count:
            client.moved.clear()
            await client.moved.wait()
    return serving


async def test_events_and_beats_leave_as_they_come_and_the_end_is_said() -> None:
    client, beats = Client(), Beats(EVENT, None, ends=True)
    await (await serve(beats, client, 3))
    head = dict(client.sent[0]["headers"])
    assert head[b"content-type"].startswith(b"text/event-stream")
    assert (head[b"cache-control"], head[b"x-accel-buffering"]) == (b"no-cache", b"no")
    assert b"content-length" not in head
    assert client.bodies == [SENT, HEARTBEAT, b""]
    assert client.scope["long_running"]


async def test_a_client_that_leaves_is_followed_for_no_longer() -> None:
    client, beats = Client(), Beats(EVENT)
    serving = await serve(beats, client, 1)
    assert not beats.is_closed
    client.gone.set()
    async with asyncio.timeout(30):
        await serving
    assert beats.is_closed


async def test_a_server_that_stops_ends_the_stream_in_good_order() -> None:
    client, beats = Client(), Beats(EVENT)
    serving = await serve(beats, client, 1)
    client.scope["state"][END_EARLY]()
    async with asyncio.timeout(30):
        await serving
    assert (client.bodies, client.sent[-1]["more_body"], beats.is_closed) == ([SENT, b""], False, True)


async def test_a_fault_on_the_way_is_not_hidden() -> None:
    async def broken() -> AsyncGenerator[TaskEvent | None, None]:
        yield EVENT
        raise ZeroDivisionError

    client = Client()
    with pytest.raises(ZeroDivisionError):
        await EventStream(broken())(client.scope, client.receive, client.send)


def test_an_event_is_three_lines() -> None:
    assert as_sent(EVENT) == SENT


@pytest.mark.parametrize(
    ("after", "last", "expected"),
    [
        (0, None, 0),
        (4, None, 4),
        (4, "7", 7),
        (7, "4", 7),
        (4, "x", 4),
        (4, "-1", 4),
        (0, "9" * 20, 2**31 - 1),
        (4, "\u00b2", 4),
    ],
)
def test_the_later_of_two_places_counts(after: int, last: str | None, expected: int) -> None:
    assert resume_point(after, last) == expected
