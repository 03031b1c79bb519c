"""Warm children: each answers many jobs, one after the other, and keeps what it has loaded for the next ones."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from shared.compute import timings
from shared.compute.child import RESERVED_MB
from shared.compute.deaths import counted_deaths
from shared.compute.handle import MEBIBYTE, Child
from shared.compute.hearing import about_log, repeat, report_failure
from shared.compute.memory import held_bytes
from shared.compute.pool import FOR_MANY_JOBS, ComputePool
from shared.compute.protocol import ComputeBusy, ComputeFailed, encode_frame
from shared.logging import get_logger

log = get_logger(__name__)

# What a function raises as ComputeError when it was not given what it keeps under the key, or has dropped it since.
NOT_LOADED = "not_loaded"
# How often a child's memory is looked at between jobs, and the part of the limit above which it is replaced.
LOOK_EVERY = 16
WORN_SHARE = 0.75

Load = Callable[[], Awaitable[dict[str, Any]]]


class ResidentPool:
    """At most `size` children, started when needed; each is replaced after `jobs` jobs, or when it is worn.

    A job that finds all of them at work waits, `waiting` of them at most. Limits hold for each job as in ComputePool.
    """

    def __init__(
        self,
        preload: tuple[str, ...] = (),
        *,
        size: int = 1,
        waiting: int = 64,
        jobs: int = 10_000,
        threads: int = 1,
        reserved_mb: int = RESERVED_MB,
    ) -> None:
        self._forks = ComputePool(preload, threads=threads, reserved_mb=reserved_mb)
        self._free = asyncio.Semaphore(size)
        self._most_waiting = waiting
        self._jobs = jobs
        self._waiting = 0
        self._idle: list[_Resident] = []

    async def open(self) -> None:
        """Start loading the libraries now instead of with the first job."""
        await self._forks.open()

    async def close(self) -> None:
        """Stop all children; jobs that still run fail as crashed."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(resident.leave() for resident in idle))
        await self._forks.close()

    async def run(
        self,
        function: str,
        job: dict[str, Any],
        *,
        key: str,
        load: Load,
        timeout_seconds: float,
        memory_mb: int,
    ) -> dict[str, Any]:
        """Call "module.path:name" with (job, report) in a child, best one that has worked with `key` before.

        What `load` gives is added to the job where the child does not know `key`, or says `not_loaded`.

        Raises:
            ComputeBusy: too many jobs wait. ComputeFailed: there is no answer; `code` says why.
        """
        limits = (timeout_seconds, memory_mb)
        async with self._slot(), self._resident(key) as resident:
            more = {} if key in resident.known else await load()
            message = await resident.answer(function, job | more, *limits)
            if _code_of(message) == NOT_LOADED:
                message = await resident.answer(function, job | await load(), *limits)
            resident.learn(key, message)
        return _result_of(message)

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        if self._free.locked() and self._waiting >= self._most_waiting:
            raise ComputeBusy
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._free.release()

    @asynccontextmanager
    async def _resident(self, key: str) -> "AsyncIterator[_Resident]":
        """One that is idle, else a fresh one; a failure or the caller's end is also its own."""
        resident = await self._take(key)
        is_fit = False
        try:
            yield resident
            is_fit = not resident.is_worn(self._jobs)
        finally:
            if is_fit:
                self._idle.append(resident)
            else:
                await resident.leave()

    async def _take(self, key: str) -> "_Resident":
        dead = [resident for resident in self._idle if resident.is_dead]
        self._idle = [resident for resident in self._idle if not resident.is_dead]
        found = next((resident for resident in self._idle if key in resident.known), None)
        found = found or next(iter(self._idle), None)
        if found is not None:
            self._idle.remove(found)
        for resident in dead:
            log.warning("resident_child_died")
            await resident.leave()
        return found or _Resident(await self._forks.fork(FOR_MANY_JOBS))


class _Resident:
    """One child between and during its jobs; `known` are the keys that it has worked with."""

    def __init__(self, child: Child) -> None:
        self.known: set[str] = set()
        self._child = child
        self._jobs = 0
        self._memory_mb = 0
        self._messages = child.messages()
        self._next = self._listen()

    @property
    def is_dead(self) -> bool:
        """Whether it has spoken, or fallen silent, without being asked: its process has ended."""
        return self._child.pid is not None and self._next.done()

    def is_worn(self, jobs: int) -> bool:
        """Whether another one should do the next job."""
        if self._jobs >= jobs:
            return True
        looked_at = self._jobs == 1 or self._jobs % LOOK_EVERY == 0
        return looked_at and held_bytes(self._child.pid or 0) > self._memory_mb * MEBIBYTE * WORN_SHARE

    def learn(self, key: str, message: dict[str, Any]) -> None:
        """Note whether it has loaded what belongs to the key."""
        if "result" in message:
            self.known.add(key)
        else:
            self.known.discard(key)

    async def answer(
        self, function: str, job: dict[str, Any], timeout_seconds: float, memory_mb: int
    ) -> dict[str, Any]:
        """The frame with its result or error.

        Raises:
            ComputeFailed: it died, or was killed for taking too long or too much.
        """
        order = {"function": function, "job": job, "memory_mb": memory_mb, **about_log()}
        with timings.computing(function, order) as computation:
            self._child.send(encode_frame(order))
            self._jobs, self._memory_mb = self._jobs + 1, memory_mb
            if self._child.pid is not None:
                self._child.begin(self._child.pid, timeout_seconds, memory_mb)
            try:
                with counted_deaths():
                    message = await self._outcome(timeout_seconds, memory_mb)
            finally:
                self._child.rest()
            timings.record(computation, message)
        return message

    async def _outcome(self, timeout_seconds: float, memory_mb: int) -> dict[str, Any]:
        while True:
            message = await self._hear()
            if "pid" in message:
                self._child.begin(message["pid"], timeout_seconds, memory_mb)
            elif "log" in message:
                repeat(self._child.pid, message["log"])
            elif "result" in message or "error" in message:
                report_failure(self._child.pid, message)
                return message
            elif "exit" in message:
                raise self._child.failure(message["exit"])

    async def leave(self) -> None:
        """Kill it, unless it is dead, and wait for its end."""
        self._child.kill("cancelled")
        try:
            while "exit" not in await self._hear():
                continue
        finally:
            self._child.finished = True
            await self._child.leave()

    async def _hear(self) -> dict[str, Any]:
        # Shielded: whoever gives up must not take the reader from the one who buries the child.
        message = await asyncio.shield(self._next)
        if "exit" not in message:
            self._next = self._listen()
        return message

    def _listen(self) -> "asyncio.Task[dict[str, Any]]":
        return asyncio.ensure_future(_next_of(self._messages))


async def _next_of(messages: AsyncIterator[dict[str, Any]]) -> dict[str, Any]:
    # A task cannot end with StopAsyncIteration of its own.
    async for message in messages:
        return message
    return {"exit": None}


def _code_of(message: dict[str, Any]) -> str | None:
    error = message.get("error")
    return None if error is None else error["code"]


def _result_of(message: dict[str, Any]) -> dict[str, Any]:
    if "error" in message:
        raise ComputeFailed(**message["error"])
    result: dict[str, Any] = message["result"]
    return result
