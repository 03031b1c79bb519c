"""Runs one claimed task to exactly one end, whatever happens on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

import asyncpg

from shared.compute import ComputeFailed
from shared.database import Session
from shared.errors import APIException, ServiceUnavailable
from shared.logging import get_logger, with_ids
from shared.metrics import tasks as metrics
from shared.redis_client import RedisUnavailable
from shared.tracing import current_span, untraced

from .leases import OVERDUE, Aftermath, Beat, Leases
from .records import Outcome, StaleAttempt, Task, TaskError, TaskFailed
from .run import Handler, TaskHandler, TaskRun, TryLater
from .tracing import traced
from .wakes import TaskWakes, pause

if TYPE_CHECKING:
    from shared.resources import Resources

log = get_logger(__name__)

RETRY_SECONDS = 1.0
LONGEST_DELAY_SECONDS = 15.0
BEATS_PER_LEASE = 10
LONGEST_BEAT_SECONDS = 1.5
INTERNAL = TaskError("internal_error", "The task failed unexpectedly; the operator finds the cause in the log.")
BUSY = "Something that this task needs is busy; it goes on by itself as soon as that is free."
AWAY = (ServiceUnavailable, RedisUnavailable, asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError)

Handlers = Mapping[str, Handler | TaskHandler]


def aftermath_of(handlers: Handlers) -> dict[str, Aftermath]:
    """For each kind what to do when a task of it ends without success."""
    return {
        kind: handler.failed if isinstance(handler, TaskHandler) else _nothing for kind, handler in handlers.items()
    }


async def _nothing(session: Session, task: Task) -> None:
    """Most kinds leave nothing behind."""


def _forget(_: float) -> None:
    """Nobody wants to know when a delayed task may run again."""


class TaskRunner:
    """Runs tasks: keeps their leases alive, obeys cancellation, and writes how each ended.

    `on_delay` is told in how many seconds a task that was put off may be claimed again.
    """

    def __init__(
        self,
        resources: Resources,
        leases: Leases,
        wakes: TaskWakes,
        handlers: Handlers,
        on_delay: Callable[[float], None] = _forget,
    ) -> None:
        self._resources = resources
        self._leases = leases
        self._wakes = wakes
        self._handlers = handlers
        self._on_delay = on_delay
        self._beat_seconds = min(resources.settings.task_lease_seconds / BEATS_PER_LEASE, LONGEST_BEAT_SECONDS)

    async def run(self, task: Task) -> None:
        """Run `task`, which this worker has claimed. When cancelled, the task goes back to the queue uncounted."""
        user_id = str(task.created_by) if task.created_by else None
        about = {"task_id": str(task.id), "request_id": task.request_id, "user_id": user_id}
        with with_ids(about), traced(task), metrics.running(task):
            log.info("task_started", kind=task.kind, attempt=task.attempts)
            try:
                await self._insist(await self._attempt(TaskRun(task, self._resources, self._leases)))
            except asyncio.CancelledError:
                await self.give_back(task)
                raise
            log.info("task_ended", kind=task.kind, attempt=task.attempts)

    async def _attempt(self, run: TaskRun) -> Callable[[], Awaitable[None]]:
        work = asyncio.create_task(self._work(run))
        with untraced():
            watch = asyncio.create_task(self._watch(run))
        try:
            await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
            lost = watch.result() if watch.done() and not work.done() else None
        finally:
            work.cancel()
            watch.cancel()
            # Ends only when the child is dead, so that nothing of this attempt outlives its lease.
            await asyncio.gather(work, watch, return_exceptions=True)
        if run.committed:
            return self._done
        if lost is Beat.CANCEL:
            return lambda: self._leases.cancel(run.task)
        if lost is Beat.OVERDUE:
            return lambda: self._leases.fail(run.task, OVERDUE)
        if lost is Beat.LOST:
            return self._stale
        return self._end_for(run.task, work.exception())

    async def _work(self, run: TaskRun) -> None:
        handler = self._handlers[run.task.kind]
        await (handler.run(run) if isinstance(handler, TaskHandler) else handler(run))
        if not run.committed:
            async with run.commit():
                pass

    async def _watch(self, run: TaskRun) -> Beat:
        changed = asyncio.Event()
        with self._wakes.watching(run.task.id, changed.set, is_run=True):
            while True:
                await pause(changed, self._beat_seconds)
                beat = await self._beat(run)
                if beat is not Beat.HELD and not run.finishing:
                    return beat

    async def _beat(self, run: TaskRun) -> Beat:
        if run.finishing:
            return Beat.HELD
        try:
            beat = await self._leases.heartbeat(run.task)
            if beat is Beat.HELD:
                await run.flush()
        except (*AWAY, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            # Nobody else can claim while the database is away; when it is back, the fence decides.
            log.warning("heartbeat_missed", error=type(error).__name__)
            return Beat.HELD
        except StaleAttempt:
            return Beat.LOST
        return beat

    def _end_for(self, task: Task, error: BaseException | None) -> Callable[[], Awaitable[None]]:
        if isinstance(error, StaleAttempt):
            return self._stale
        if isinstance(error, ComputeFailed) and error.code == "crashed":
            current_span().fail(error.code)
            return lambda: self._leases.retry_or_bury(task)
        if (wait := _wait_of(error)) is not None:
            log.warning("task_interrupted", error=type(error).__name__, reason=wait.reason)
            return lambda: self._later(task, wait)
        reason = _reason(error)
        current_span().fail(reason.code)
        if reason is INTERNAL:
            log.error("task_handler_failed", exc_info=error)
        return lambda: self._leases.fail(task, reason)

    async def _done(self) -> None:
        """The handler has committed."""

    async def _stale(self) -> None:
        log.warning("task_lost")

    async def _later(self, task: Task, wait: TryLater) -> None:
        # Runs before this one that did not count; each doubles the pause, so that many waiting tasks cost little.
        waited = task.claims - task.attempts
        delay = wait.delay_seconds or min(2.0 ** min(waited, 10), LONGEST_DELAY_SECONDS)
        await self._leases.progress(task, task.progress_done, task.progress_total, wait.reason)
        if not waited:
            await self._leases.log(task, wait.reason)
        error = TaskError(ServiceUnavailable.code, wait.reason)
        await self._leases.release(task, counted=False, delay_seconds=delay, error=error)
        self._on_delay(delay)

    async def give_back(self, task: Task) -> None:
        """Return the task to the queue as if it had not been claimed; nothing happens if its end is written."""
        try:
            await self._leases.release(task, counted=False, outcome=Outcome.HANDED_BACK)
        except AWAY as error:
            log.warning("release_missed", error=type(error).__name__)

    async def _insist(self, end: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                return await end()
            except StaleAttempt:
                return await self._stale()
            except AWAY as error:
                log.warning("task_end_delayed", error=type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS)


def _wait_of(error: BaseException | None) -> TryLater | None:
    """Why and how long the task waits, if `error` says that what it needs is away for the moment."""
    if isinstance(error, TryLater):
        return error
    if isinstance(error, ServiceUnavailable):
        return TryLater(error.detail) if error.code == ServiceUnavailable.code else None
    return TryLater(BUSY) if isinstance(error, AWAY) else None


def _reason(error: BaseException | None) -> TaskError:
    if isinstance(error, TaskFailed):
        return error.error
    if isinstance(error, ComputeFailed | APIException):
        return TaskError(error.code, error.detail)
    return INTERNAL
