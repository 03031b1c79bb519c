"""Following a task by server-sent events (HTML Living Standard, section 9.2)."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import Depends, Header, Query, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from shared.http_protocol import END_EARLY
from shared.identity import CurrentCaller

from .ledger import TaskLedger
from .records import TaskEvent

Sequence = Annotated[int, Query(ge=0, le=2**31 - 1, description="Begin after the event with this number.")]
LastEventId = Annotated[
    str | None, Header(max_length=20, description="Sent by browsers that reconnect; resumes after that event.")
]
_EXAMPLE = (
    'event: progress\ndata: {"task_id":"01890a5d-ac96-774b-bcce-b302099a8057","at":"2026-01-31T12:00:00.500000+00:00",'
    '"progress":{"done":40,"total":100,"message":"Fitting"}}\nid: 3\n\n'
)
# What each event is, once a reader of streams has taken it apart: `schema` would be read as that of an event, too.
_EVENT = {
    "type": "object",
    "properties": {
        "event": {"type": "string"},
        "data": {"type": "string", "contentMediaType": "application/json", "contentSchema": {"type": "object"}},
        "id": {"type": "string"},
    },
    "required": ["event", "data", "id"],
}
MEDIA_TYPE = "text/event-stream"
HEARTBEAT = b": ping\n\n"


def event_stream(description: str, example: str) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of a route that streams."""
    content = {MEDIA_TYPE: {"itemSchema": _EVENT, "example": example}}
    return {200: {"description": description, "content": content}}


STREAMED = event_stream(
    "Events as they come, each with its number as `id`; a comment every 15 seconds of silence.", _EXAMPLE
)


class EventStream(Response):
    """Sends events as they come: one task beside the request's own for each, since there may be thousands of them.

    Nothing is held for a client that reads slowly: the next event is only fetched once the last one has left.
    """

    def __init__(self, beats: AsyncGenerator[TaskEvent | None, None], status_code: int = 200) -> None:
        # No-buffering for proxies of nginx's kind.
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        # Not the class's: the framework would describe the whole stream by it, as one text.
        super().__init__(status_code=status_code, headers=headers, media_type=MEDIA_TYPE)
        del self.headers["content-length"]
        self._beats = beats

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve until the events end or the client is gone."""
        # A stream lasts as long as its task; only its start could be called slow.
        scope["long_running"] = True
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        sending = asyncio.create_task(self._send(send))
        # Clients come back to the next process, and a restart need not wait for the ends of tasks.
        scope.setdefault("state", {})[END_EARLY] = sending.cancel
        try:
            # What has been sent to its end counts as gone, too.
            while (await receive())["type"] != "http.disconnect":
                continue
        finally:
            sending.cancel()
            await asyncio.wait([sending])
        if not sending.cancelled():
            sending.result()

    async def _send(self, send: Send) -> None:
        try:
            async with aclosing(self._beats) as beats:
                async for event in beats:
                    body = HEARTBEAT if event is None else as_sent(event)
                    await send({"type": "http.response.body", "body": body, "more_body": True})
        finally:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def task_events(
    request: Request, task_id: UUID, caller: CurrentCaller, after: Sequence = 0, last_event_id: LastEventId = None
) -> EventStream:
    """Dependency: the task's events as they come. Whether the caller may see it is settled before the stream begins.

    Raises:
        NotFound: the task is absent, or not the caller's to see. TooManyStreams: this process is full.
    """
    ledger: TaskLedger = request.app.state.resources.ledger
    begin = await ledger.follow.admit(task_id, caller.id, resume_point(after, last_event_id))
    return EventStream(ledger.follow.beats(task_id, caller.id, begin))


# A route is `@router.get("/…/{task_id}/events", response_class=EventStream, responses=STREAMED | problems(…))`
# over `async def events(stream: TaskEvents) -> Response`, which returns the stream.
TaskEvents = Annotated[EventStream, Depends(task_events)]


def resume_point(after: int, last_event_id: str | None) -> int:
    """The later of the two ways to say it; an id that is not ours counts as none."""
    if last_event_id is not None and last_event_id.isascii() and last_event_id.isdigit():
        return max(after, min(int(last_event_id), 2**31 - 1))
    return after


def as_sent(event: TaskEvent) -> bytes:
    """The event on the wire."""
    data = orjson.dumps({"task_id": event.task_id, "at": event.at, **event.data})
    return b"event: %b\ndata: %b\nid: %d\n\n" % (event.event.encode(), data, event.sequence)
