"""A question followed while it runs: the ledger's events and the pieces of the answer, in one stream.

Nothing is held for a client that reads slowly: pieces wait in Redis, and those that came meanwhile are merged.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from enum import Enum, auto
from itertools import groupby
from typing import Any
from uuid import UUID

from shared.errors import APIException, NotFound
from shared.resources import Resources
from shared.tasks import Task, TaskEvent, TaskStatus

from ..repositories.analyses import ASK
from ..schemas.asks import AskAnswer
from .ask_deltas import AskDeltas, Piece, Place

# What comes in the meantime is read together.
GAP_SECONDS = 0.02
_TOLD = frozenset({"state", "progress"})

ReadAnswer = Callable[[UUID, UUID], Awaitable[dict[str, Any]]]
Beat = TaskEvent | None


class _Sign(Enum):
    """Instead of an event: there are pieces to read."""

    PIECES = auto()


class AskStreams:
    """Streams of questions; `read_answer` gives the whole answer of a user's finished task."""

    def __init__(self, resources: Resources, deltas: AskDeltas, read_answer: ReadAnswer) -> None:
        self._ledger = resources.ledger
        self._deltas = deltas
        self._read_answer = read_answer

    def require_room(self, user_id: UUID) -> None:
        """Return if one more stream can be opened, before a question is asked for it.

        Raises:
            TooManyStreams: this process is full.
        """
        self._ledger.follow.require_room(user_id)

    async def open(self, user_id: UUID, task_id: UUID) -> AsyncGenerator[Beat, None]:
        """`state`, `progress`, `sql`, `table` and `delta` as they come, then `answer` or `error`; None in silence.

        Each has the number of the task's last event: with it the task's own events can be followed further.

        Raises:
            NotFound: the task is absent, not the user's to see, or no question. TooManyStreams: this process is full.
        """
        await self._ledger.follow.admit(task_id, user_id)
        if (await self._ledger.read(task_id, user_id)).kind != ASK:
            raise NotFound
        return self._beats(user_id, task_id)

    async def _beats(self, user_id: UUID, task_id: UUID) -> AsyncGenerator[Beat, None]:
        pieces = _Pieces(self._deltas, task_id)
        with self._deltas.subscribe(task_id) as changed:
            async with (
                aclosing(self._ledger.follow.beats(task_id, user_id, 0)) as told,
                aclosing(_either(told, changed)) as both,
            ):
                async for beat in both:
                    if isinstance(beat, _Sign):
                        async for piece in pieces.read():
                            yield piece
                    elif beat is None:
                        yield None
                    else:
                        pieces.sequence = beat.sequence
                        if beat.event in _TOLD:
                            yield beat
            async for piece in pieces.read():
                yield piece
        end = await self._end(user_id, task_id)
        if end is not None:
            yield pieces.event(*end)

    async def _end(self, user_id: UUID, task_id: UUID) -> tuple[str, dict[str, Any]] | None:
        """The answer, or what went wrong; nothing for who may not see the task any more."""
        try:
            task = await self._ledger.read(task_id, user_id)
            if task.status == TaskStatus.SUCCEEDED:
                answer = AskAnswer.model_validate(await self._read_answer(user_id, task_id))
                return "answer", answer.model_dump(mode="json")
        except NotFound:
            return None
        except APIException as error:
            return "error", {"code": error.code, "detail": error.detail}
        return ("error", _problem(task)) if task.is_finished else None


class _Pieces:
    """How far one stream has read the pieces of a task."""

    def __init__(self, deltas: AskDeltas, task_id: UUID) -> None:
        self.sequence = 0
        self._deltas = deltas
        self._task_id = task_id
        self._place = Place()

    async def read(self) -> AsyncGenerator[TaskEvent, None]:
        """All that have come since the last time."""
        while True:
            pieces, self._place = await self._deltas.read(self._task_id, self._place)
            if not pieces:
                return
            for name, data in merged(pieces):
                yield self.event(name, data)

    def event(self, name: str, data: dict[str, Any]) -> TaskEvent:
        """An event between two of the ledger's."""
        return TaskEvent(self._task_id, self.sequence, datetime.now(UTC), name, data)


def merged(pieces: Sequence[Piece]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The pieces, with texts that follow each other as one: `from` and `n` are the numbers of its first and last."""
    for name, group in groupby(pieces, lambda piece: piece.event):
        together = list(group)
        if name != "delta":
            yield from ((name, {"n": piece.n, **piece.data}) for piece in together)
            continue
        text = "".join(piece.data["text"] for piece in together)
        yield name, {"from": together[0].n, "n": together[-1].n, "text": text}


async def _either(told: AsyncGenerator[Beat, None], changed: asyncio.Event) -> AsyncGenerator[Beat | _Sign, None]:
    """What the ledger tells, and a sign whenever pieces have come, until the ledger has told all."""
    ledger, pieces = asyncio.ensure_future(anext(told)), asyncio.ensure_future(changed.wait())
    try:
        # A stream begins with the task, also for who comes when there are pieces already.
        await asyncio.wait({ledger})
        while True:
            await asyncio.wait({ledger, pieces}, return_when=asyncio.FIRST_COMPLETED)
            if ledger.done():
                try:
                    beat = ledger.result()
                except StopAsyncIteration:
                    return
                yield beat
                ledger = asyncio.ensure_future(anext(told))
            if pieces.done():
                changed.clear()
                yield _Sign.PIECES
                await asyncio.sleep(GAP_SECONDS)
                pieces = asyncio.ensure_future(changed.wait())
    finally:
        ledger.cancel()
        pieces.cancel()
        # The generator can only be closed once nobody waits for it.
        await asyncio.gather(ledger, pieces, return_exceptions=True)


def _problem(task: Task) -> dict[str, Any]:
    if task.status == TaskStatus.CANCELLED:
        return {"code": "cancelled", "detail": "The question was called off.", "status": task.status}
    return {"code": task.error_code, "detail": task.error_detail, "status": task.status}
