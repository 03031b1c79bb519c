"""A task that a request waits for; whoever hangs up meanwhile is waited for no longer."""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request

from shared.identity import CurrentCaller

from .ledger import TaskLedger
from .records import Task

Wait = Annotated[float, Query(ge=0, le=60, description="Seconds to wait for the task to end before it is answered.")]


async def awaited_task(request: Request, task_id: UUID, caller: CurrentCaller, wait: Wait = 0) -> Task:
    """Dependency: the task once it has ended, or as it stands after `wait` seconds.

    Raises:
        NotFound: it is absent, or not the caller's to see.
    """
    ledger: TaskLedger = request.app.state.resources.ledger
    if wait <= 0:
        return await ledger.read(task_id, caller.id)
    request.scope["long_running"] = True
    waiting = asyncio.create_task(ledger.wait(task_id, caller.id, wait))
    leaving = asyncio.create_task(_left(request))
    try:
        await asyncio.wait({waiting, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return waiting.result() if waiting.done() else await ledger.read(task_id, caller.id)
    finally:
        waiting.cancel()
        leaving.cancel()
        await asyncio.gather(waiting, leaving, return_exceptions=True)


AwaitedTask = Annotated[Task, Depends(awaited_task)]


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        continue
