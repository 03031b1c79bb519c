"""Open streams of server-sent events by the hundred, and tasks whose events are committed at a known moment."""

import asyncio
import re
import time
import uuid
from collections.abc import Sequence
from functools import partial
from typing import Self
from urllib.parse import urlsplit

import asyncpg
import redis.asyncio as redis

from .errors import BenchError

OPEN_SECONDS = 60.0
_ID = re.compile(rb"\nid: (\d+)\n\n")
_TASK = """
INSERT INTO analysis_tasks (id, kind, queue, status, project_id, worker, lease_until, started_at, attempts, claims)
VALUES ($1, 'bench', 'bench', 'running', $2, 'bench', now() + interval '1 hour', now(), 1, 1)
"""
# As a run reports its progress: the task's row and an event in one transaction.
_EVENT = """
WITH task AS (UPDATE analysis_tasks SET progress_done = $2 WHERE id = $1 RETURNING id)
INSERT INTO task_events (task_id, sequence, event, data)
SELECT id, $2, 'progress', jsonb_build_object('progress', jsonb_build_object('done', $2::integer, 'total', 0))
FROM task
"""
_END = "UPDATE analysis_tasks SET status = 'succeeded', finished_at = now() WHERE kind = 'bench' AND status = 'running'"


class Tasks:
    """Running tasks that no worker knows; their events are written as a worker would."""

    def __init__(self, database_url: str, redis_url: str) -> None:
        self._database_url, self._redis = database_url, redis.from_url(redis_url)
        self._pool: asyncpg.Pool
        self.ids: list[uuid.UUID] = []
        # By task: when the statement with each event was sent, a moment before its commit.
        self.sent: dict[uuid.UUID, list[float]] = {}
        self._turns: dict[uuid.UUID, asyncio.Lock] = {}

    async def __aenter__(self) -> Self:
        self._pool = await asyncpg.create_pool(self._database_url, min_size=2, max_size=6)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.end()
        await self._pool.close()
        await self._redis.aclose()

    async def make(self, project_id: str, count: int) -> Sequence[uuid.UUID]:
        """So many more tasks, without events."""
        made = [uuid.uuid4() for _ in range(count)]
        await self._pool.executemany(_TASK, [(task_id, uuid.UUID(project_id)) for task_id in made])
        self.sent.update((task_id, []) for task_id in made)
        self._turns.update((task_id, asyncio.Lock()) for task_id in made)
        self.ids += made
        return made

    async def emit(self, task_id: uuid.UUID) -> None:
        """Commit one event and ring as a worker does."""
        times = self.sent[task_id]
        async with self._turns[task_id]:
            times.append(time.perf_counter())
            await self._pool.execute(_EVENT, task_id, len(times))
        await self._redis.publish("tasks", str(task_id))

    async def emit_steadily(self, task_ids: Sequence[uuid.UUID], each_a_second: float, seconds: float) -> None:
        """Events of all these tasks, evenly spread."""
        gap = 1 / (each_a_second * len(task_ids))
        begun, pending = time.perf_counter(), set[asyncio.Task[None]]()
        for turn in range(int(seconds / gap)):
            await asyncio.sleep(max(0.0, begun + turn * gap - time.perf_counter()))
            emitting = asyncio.create_task(self.emit(task_ids[turn % len(task_ids)]))
            pending.add(emitting)
            emitting.add_done_callback(pending.discard)
        await asyncio.gather(*pending)

    async def end(self) -> None:
        """End them all, so that their streams end."""
        await self._pool.execute(_END)
        for task_id in self.ids:
            await self._redis.publish("tasks", str(task_id))
        self.ids.clear()

    async def transactions(self) -> int:
        """How many the database has committed."""
        return int(
            await self._pool.fetchval("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
        )


class Stream(asyncio.Protocol):
    """One open stream; notes when the event of each number came."""

    def __init__(self, task_id: uuid.UUID, request: bytes) -> None:
        self.task_id = task_id
        self.received: dict[int, float] = {}
        self.doubled = 0
        self.status = b""
        self.opened = asyncio.Event()
        self.closed = asyncio.Event()
        self._request, self._rest = request, b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # what create_connection gives
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Take note of the events that are complete."""
        now = time.perf_counter()
        self._rest += data
        if not self.status and b"\r\n\r\n" in self._rest:
            self.status = self._rest.split(b" ", 2)[1]
            self.opened.set()
        end = 0
        for found in _ID.finditer(self._rest):
            number, end = int(found[1]), found.end()
            self.doubled += number in self.received
            self.received.setdefault(number, now)
        self._rest = self._rest[end:]

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # the protocol's signature
        """It is over."""
        self.opened.set()
        self.closed.set()

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


def _same(stream: Stream) -> Stream:
    return stream


async def open_streams(url: str, token: str, task_ids: Sequence[uuid.UUID], count: int) -> list[Stream]:
    """So many streams of these tasks in turn, all answered; `url` is where the tasks are."""
    parts, streams = urlsplit(url), list[Stream]()
    place = (parts.hostname or "", parts.port or 80)
    loop = asyncio.get_running_loop()
    for number in range(count):
        task_id = task_ids[number % len(task_ids)]
        head = f"GET {parts.path}/{task_id}/events HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n"
        stream = Stream(task_id, f"{head}Authorization: Bearer {token}\r\n\r\n".encode())
        streams.append(stream)
        await loop.create_connection(partial(_same, stream), *place)
    async with asyncio.timeout(OPEN_SECONDS):
        for stream in streams:
            await stream.opened.wait()
    refused = [stream.status for stream in streams if stream.status != b"200"]
    if refused:
        raise BenchError(f"{len(refused)} of {count} streams were refused: {refused[0].decode()}")
    return streams
