"""Following a task by server-sent events (HTML Living Standard, section 9.2)."""

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Query, Request
from fastapi.sse import ServerSentEvent

from shared.identity import CurrentCaller

from .ledger import TaskLedger
from .records import TaskEvent

Sequence = Annotated[int, Query(ge=0, le=2**31 - 1, description="Begin after the event with this number.")]
LastEventId = Annotated[
    str | None, Header(max_length=20, description="Sent by browsers that reconnect; resumes after that event.")
]


async def task_events(
    request: Request, task_id: UUID, caller: CurrentCaller, after: Sequence = 0, last_event_id: LastEventId = None
) -> AsyncIterator[ServerSentEvent]:
    """Dependency: the task's events as they come. Whether the caller may see it is settled before the stream begins.

    Raises:
        NotFound: the task is absent, or not the caller's to see.
    """
    # A stream lasts as long as its task; only its start could be called slow.
    request.scope["long_running"] = True
    ledger: TaskLedger = request.app.state.resources.ledger
    await ledger.read(task_id, caller.id)
    return _as_sent(ledger.events(task_id, caller.id, resume_point(after, last_event_id)))


# A route is `@router.get("/…/{task_id}/events", response_class=EventSourceResponse)` over
# `async def events(stream: TaskEvents) -> AsyncIterator[ServerSentEvent]`, whose body yields each item of the stream.
TaskEvents = Annotated[AsyncIterator[ServerSentEvent], Depends(task_events)]


def resume_point(after: int, last_event_id: str | None) -> int:
    """The later of the two ways to say it; an id that is not ours counts as none."""
    if last_event_id is not None and last_event_id.isascii() and last_event_id.isdigit():
        return max(after, min(int(last_event_id), 2**31 - 1))
    return after


async def _as_sent(events: AsyncIterator[TaskEvent]) -> AsyncIterator[ServerSentEvent]:
    async for event in events:
        data = {"task_id": str(event.task_id), "at": event.at.isoformat(), **event.data}
        yield ServerSentEvent(event=event.event, id=str(event.sequence), data=data)
