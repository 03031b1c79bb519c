"""Following tasks, shared by all who do it in a process: few reads, and nothing held for slow readers.

Whoever follows reads what came before by himself and then takes part in the looks of the process: one at a time, at all
tasks that may have changed. Of what looks bring some events are kept for each task; who is further behind reads again.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections import Counter, deque
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import ExitStack, aclosing, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from uuid import UUID

import asyncpg

from shared.database import Database
from shared.errors import NotFound, ServiceUnavailable
from shared.logging import get_logger

from . import follow_repository
from .follow_repository import News
from .records import TaskEvent
from .wakes import TaskWakes, pause

log = get_logger(__name__)

POLL_SECONDS = 2.0
# Proxies cut what is silent for a minute, some after half of it.
SILENCE_SECONDS = 15.0
# What comes in the meantime is read together, at the price of latency: the less the fewer tasks are followed.
GAP_SECONDS, GAP_SECONDS_A_TASK = 0.02, 0.001
TASKS_A_LOOK = 100
EVENTS_KEPT, EVENTS_A_READ = 100, 200
# Of the pool's connections, so that a thousand who come back at once leave some for requests.
READS_AT_ONCE = 3
STREAMS = 5000
STREAMS_OF_ONE = 1000  # half of what the gateway keeps connections for
RETRY_SECONDS = 1.0
AWAY = (ServiceUnavailable, asyncpg.QueryCanceledError)


class TooManyStreams(ServiceUnavailable):
    """As many streams as one process serves, all in all or for one user, are open."""

    code = "too_many_streams"

    def __init__(self) -> None:
        super().__init__(
            "Too many streams of events are open; poll the task, or try again later.", headers={"Retry-After": "5"}
        )


@dataclass(slots=True, eq=False)
class _Seat:
    """Somebody who follows a task."""

    user_id: UUID
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    is_welcome: bool = True


@dataclass(slots=True, eq=False)
class _Followed:
    """A task, as far as the process has looked: its last events up to `known`, and at which one it was seen to end."""

    known: int
    ended_at: int | None = None
    seats: set[_Seat] = field(default_factory=set)
    woken: ExitStack = field(default_factory=ExitStack)
    recent: deque[TaskEvent] = field(default_factory=lambda: deque(maxlen=EVENTS_KEPT))

    def since(self, after: int) -> Sequence[TaskEvent] | None:
        """Events after `after`; None when some of them are no longer kept."""
        if after >= self.known:
            return ()
        if not self.recent or self.recent[0].sequence > after + 1:
            return None
        return [event for event in self.recent if event.sequence > after]

    def learn(self, news: News) -> bool:
        """Take in what a look brought; whether it is of interest to anybody."""
        self.recent.extend(news.events)
        if news.events:
            self.known = news.events[-1].sequence
        ended_at = self.known if news.is_finished and news.is_all else None
        changed = bool(news.events) or ended_at != self.ended_at
        self.ended_at = ended_at
        return changed

    def tell(self) -> None:
        """Everybody shall look up."""
        for seat in self.seats:
            seat.changed.set()

    def send_off(self, user_id: UUID) -> None:
        """This user may no longer see the task."""
        for seat in self.seats:
            if seat.user_id == user_id:
                seat.is_welcome = False
                seat.changed.set()


class Follow:
    """The looks of one process. They end when nobody follows, and begin anew with whoever comes."""

    def __init__(self, database: Database, wakes: TaskWakes) -> None:
        self._database = database
        self._wakes = wakes
        self._followed: dict[UUID, _Followed] = {}
        self._streams: Counter[UUID] = Counter()
        self._woken: set[UUID] = set()
        self._bell = asyncio.Event()
        self._reading = asyncio.Semaphore(READS_AT_ONCE)
        self._looking: asyncio.Task[None] | None = None

    async def admit(self, task_id: UUID, user_id: UUID, after: int = 0) -> int:
        """Return if there is room for one more stream, and the user may follow this task; from where on.

        That is `after`, but never beyond the last event: all who follow a task would be taken to be as far.

        Raises:
            NotFound: the task is absent, or not the user's to see. TooManyStreams: this process is full.
        """
        self.require_room(user_id)
        async with self._reading, self._database.transaction(read_only=True) as session:
            if not await follow_repository.welcome(session, [(task_id, user_id)]):
                raise NotFound
            return after and min(after, await follow_repository.newest(session, task_id))

    async def events(self, task_id: UUID, user_id: UUID, after: int) -> AsyncGenerator[TaskEvent, None]:
        """Events after sequence `after`, as they come, up to the final one or until the user may not see the task.

        While the database is away it waits: whoever listens has been promised the rest.
        """
        async with aclosing(self.beats(task_id, user_id, after)) as beats:
            async for event in beats:
                if event is not None:
                    yield event

    async def beats(self, task_id: UUID, user_id: UUID, after: int) -> AsyncGenerator[TaskEvent | None, None]:
        """The same, and None now and then while nothing happens."""
        self._streams[user_id] += 1
        try:
            news = None
            while news is None or not news.is_all:
                news = await self._read(task_id, user_id, after)
                if news is None:
                    yield None
                    await asyncio.sleep(RETRY_SECONDS)
                    continue
                for event in news.events:
                    after = event.sequence
                    yield event
            if news.is_finished:
                return
            with self._seated(task_id, user_id, after) as (followed, seat):
                async for beat in self._live(task_id, followed, seat, after):
                    yield beat
        finally:
            self._streams -= Counter([user_id])

    async def end(self, task_id: UUID, user_id: UUID) -> None:
        """Return once the task has ended, or is not the user's to see.

        Raises:
            TooManyStreams: there is no room for one more who waits.
        """
        self.require_room(user_id)
        async for _ in self.events(task_id, user_id, await self._newest(task_id)):
            continue

    async def close(self) -> None:
        """End the looks."""
        looking, self._looking = self._looking, None
        if looking is not None:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    def require_room(self, user_id: UUID) -> None:
        """Raise TooManyStreams if this process is full; for those who must know before there is a task."""
        if self._streams[user_id] >= STREAMS_OF_ONE or self._streams.total() >= STREAMS:
            raise TooManyStreams

    async def _live(
        self, task_id: UUID, followed: _Followed, seat: _Seat, after: int
    ) -> AsyncGenerator[TaskEvent | None, None]:
        while seat.is_welcome:
            seat.changed.clear()
            found = followed.since(after)
            if found is None:
                news = await self._read(task_id, seat.user_id, after)
                found = news.events if news else ()
            for event in found:
                if not seat.is_welcome:
                    return
                after = event.sequence
                yield event
            if found:
                continue
            if after == followed.ended_at:
                return
            if not await _within(seat.changed, SILENCE_SECONDS):
                yield None

    @contextmanager
    def _seated(self, task_id: UUID, user_id: UUID, after: int) -> Iterator[tuple[_Followed, _Seat]]:
        seat = _Seat(user_id)
        followed = self._followed.get(task_id)
        if followed is None:
            followed = self._followed[task_id] = _Followed(after)
            followed.woken.enter_context(self._wakes.watching(task_id, lambda: self._wake(task_id)))
        followed.seats.add(seat)
        # Something may have happened since the newcomer read.
        self._wake(task_id)
        if self._looking is None or self._looking.done():
            # In a context of its own: it must not log the ids of whoever happened to come first.
            self._looking = asyncio.create_task(self._look_for_ever(), context=contextvars.Context())
        try:
            yield followed, seat
        finally:
            followed.seats.discard(seat)
            if not followed.seats:
                del self._followed[task_id]
                followed.woken.close()

    def _wake(self, task_id: UUID) -> None:
        self._woken.add(task_id)
        self._bell.set()

    async def _look_for_ever(self) -> None:
        poll_at = 0.0
        while self._followed:
            await pause(self._bell, poll_at - time.monotonic())
            if time.monotonic() >= poll_at:
                poll_at = time.monotonic() + POLL_SECONDS
                self._woken.update(self._followed)
            while self._woken:
                await self._look_at_some()
            await asyncio.sleep(min(GAP_SECONDS, GAP_SECONDS_A_TASK * len(self._followed)))

    async def _look_at_some(self) -> None:
        task_ids = list(islice(self._woken, TASKS_A_LOOK))
        self._woken.difference_update(task_ids)
        try:
            await self._look({task_id: self._followed[task_id] for task_id in task_ids if task_id in self._followed})
        except Exception as error:
            if isinstance(error, AWAY):
                log.info("look_missed", error=type(error).__name__)
            else:
                log.exception("look_failed")
            self._woken.update(task_ids)
            await asyncio.sleep(RETRY_SECONDS)

    async def _look(self, followed: Mapping[UUID, _Followed]) -> None:
        if not followed:
            return
        asked = {(task_id, seat.user_id) for task_id, entry in followed.items() for seat in entry.seats}
        async with self._database.transaction(read_only=True) as session:
            found = await follow_repository.news(session, {task_id: entry.known for task_id, entry in followed.items()})
            welcome = await follow_repository.welcome(session, list(asked))
        for task_id, user_id in asked - welcome:
            followed[task_id].send_off(user_id)
        for task_id, entry in followed.items():
            news = found.get(task_id)
            if news is not None and entry.learn(news):
                entry.tell()
            if news is not None and not news.is_all:
                self._woken.add(task_id)

    async def _read(self, task_id: UUID, user_id: UUID, after: int) -> News | None:
        """None while the database is away."""
        try:
            async with self._reading, self._database.transaction(read_only=True) as session:
                found = await follow_repository.news(session, {task_id: after}, EVENTS_A_READ)
                welcome = await follow_repository.welcome(session, [(task_id, user_id)])
        except AWAY as error:
            log.info("read_missed", error=type(error).__name__)
            return None
        return found[task_id] if welcome and task_id in found else _NOTHING

    async def _newest(self, task_id: UUID) -> int:
        async with self._reading, self._database.transaction(read_only=True) as session:
            return await follow_repository.newest(session, task_id)


async def _within(changed: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await changed.wait()
    except TimeoutError:
        return False


# What there is to say to somebody who may not see the task.
_NOTHING = News(is_finished=True, events=[], most=1)
