"""Leases as a worker uses them: claim, keep alive, finish once, give back; and the ends that nobody else writes."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from enum import Enum
from typing import Any
from uuid import UUID

from shared.database import Database, Session
from shared.logging import get_logger
from shared.metrics import tasks as metrics
from shared.metrics.tasks import Ending

from . import claims, ends, lease_repository, repository
from .consequences import Ring, follow_up, spread
from .ends import DueHold, End, Hold
from .lease_repository import Release
from .records import Outcome, StaleAttempt, Task, TaskError, TaskStatus
from .wakes import Publisher

log = get_logger(__name__)

POISON = TaskError(
    "poison", "Each attempt ended with the death of its process; the input may be too large or malformed."
)
CRASHED = TaskError("crashed", "The process of this attempt died.")
OVERDUE = TaskError("deadline_exceeded", "The task had not ended by its deadline.")
UNLIMITED = 2**31 - 1

# Called in the transaction that ends a task as failed or cancelled.
Aftermath = Callable[[Session, Task], Awaitable[None]]


class AftermathFailed(Exception):
    """What the kind does at such an end has failed: the end is written without it, and it is tried again later."""

    def __init__(self, task_id: UUID) -> None:
        super().__init__(str(task_id))
        self.task_id = task_id


class Beat(Enum):
    """What a heartbeat learns."""

    HELD = "held"
    CANCEL = "cancel"
    OVERDUE = "overdue"
    LOST = "lost"


class Leases:
    """The worker's side of the ledger for one queue.

    `aftermath` runs whenever a task ends without success. `running_tasks` a project without a limit of its own may run
    at once. `ring` is told of tasks, of whatever queue, that may run because another has ended.
    """

    def __init__(
        self,
        database: Database,
        wakes: Publisher,
        *,
        queue: str,
        worker: str,
        lease_seconds: float,
        aftermath: Mapping[str, Aftermath],
        running_tasks: int = UNLIMITED,
        ring: Ring | None = None,
    ) -> None:
        self._database = database
        self._wakes = wakes
        self._queue = queue
        self._worker = worker
        self._lease_seconds = lease_seconds
        self._aftermath = aftermath
        self._kinds = tuple(aftermath)
        self._running_tasks = running_tasks
        self._ring = ring

    async def claim(self) -> Task | None:
        """The most important task that may run now, with its attempt counted; None when there is none."""
        while True:
            async with self._database.transaction() as session:
                candidate = await claims.pick(session, self._queue, self._kinds, self._running_tasks)
                if candidate is None:
                    return None
                lease = (self._worker, self._lease_seconds)
                task = await claims.take(session, candidate, *lease, self._running_tasks)
            if task is not None:
                metrics.claimed(task, was_lost=candidate.is_lost)
                await self._wakes.publish(task.id)
                return task

    async def heartbeat(self, task: Task) -> Beat:
        """Extend the lease."""
        async with self._database.transaction() as session:
            found = await lease_repository.heartbeat(session, Hold.of(task), self._lease_seconds)
        return Beat(found or Beat.LOST)

    async def progress(self, task: Task, done: int, total: int, message: str) -> None:
        """Note how far the run is, and tell those who listen.

        Raises:
            StaleAttempt: the task is no longer ours.
        """
        async with self._database.transaction() as session:
            if not await lease_repository.set_progress(session, Hold.of(task), done, total, message):
                raise StaleAttempt
            progress = {"done": done, "total": total, "message": message}
            await repository.append_event(session, task.id, "progress", {"progress": progress})
        await self._wakes.publish(task.id)

    async def log(self, task: Task, message: str) -> None:
        """Append a line to the task's log."""
        async with self._database.transaction() as session:
            await self.lock(session, task)
            await repository.append_event(session, task.id, "log", {"message": message})
        await self._wakes.publish(task.id)

    async def lock(self, session: Session, task: Task) -> None:
        """Make sure, until the transaction ends, that the task is ours.

        Raises:
            StaleAttempt: it is not.
        """
        if not await lease_repository.lock(session, Hold.of(task)):
            raise StaleAttempt

    async def succeed(self, session: Session, task: Task, result: dict[str, Any] | None) -> list[Task]:
        """End the task in the transaction that writes its results and has called `lock` first.

        Call `announce` after the commit, with the tasks that this has touched.

        Raises:
            StaleAttempt: the task is no longer ours.
        """
        return await self._end(session, Hold.of(task), End(TaskStatus.SUCCEEDED, None, Outcome.SUCCEEDED, result))

    async def fail(self, task: Task, error: TaskError) -> None:
        """End the task as failed."""
        outcome = Outcome.DIED if error is POISON else Outcome.FAILED
        await self._end_alone(task, End(TaskStatus.FAILED, error, outcome))

    async def cancel(self, task: Task) -> None:
        """End the task as cancelled."""
        await self._end_alone(task, End(TaskStatus.CANCELLED, None, Outcome.CANCELLED))

    async def release(
        self,
        task: Task,
        *,
        counted: bool,
        delay_seconds: float = 0,
        outcome: Outcome | None = None,
        error: TaskError | None = None,
    ) -> None:
        """Give the task back to the queue, to be claimed in `delay_seconds`; `counted`: this attempt was a death."""
        how = Release(counted, delay_seconds, outcome or (Outcome.DIED if counted else Outcome.INTERRUPTED), error)
        async with self._database.transaction() as session:
            held = await lease_repository.lock(session, Hold.of(task))
            if held:
                await lease_repository.release(session, Hold.of(task), how)
        if held:
            is_handed_back = how.outcome is Outcome.HANDED_BACK
            metrics.ended(task.kind, Ending.HANDED_BACK if is_handed_back else Ending.RETRIED)
        await self.announce(task.id)

    async def retry_or_bury(self, task: Task) -> None:
        """After the death of the run's process: queue it again, or end it as poison after the last attempt."""
        if task.attempts >= task.max_attempts:
            await self.fail(task, POISON)
        else:
            await self.release(task, counted=True, error=CRASHED)

    async def announce(self, task_id: UUID, touched: list[Task] | None = None) -> None:
        """Wake those who wait for the task, and see to the tasks that its end has touched."""
        await self._wakes.publish(task_id)
        await spread(touched or [], self._wakes, self._ring)

    async def take_over(self, is_dead: Callable[[str], bool]) -> int:
        """Let go of what workers known to be dead still hold; the number of tasks."""
        async with self._database.transaction() as session:
            dead = [worker for worker in await lease_repository.holders(session, self._queue) if is_dead(worker)]
            return sum([await lease_repository.expire(session, worker, self._queue) for worker in dead])

    async def reconcile(self) -> int:
        """Write the ends that are due and that no run will write; the number of tasks ended or settled."""
        count = 0
        stuck: list[UUID] = []
        while await self._end_due() or await self._settle(stuck):
            count += 1
        return count - len(stuck)

    async def _end_due(self) -> bool:
        try:
            return await self._end_next(is_unsettled=False)
        except AftermathFailed as error:
            _report(error)
            return await self._end_next(is_unsettled=True)

    async def _end_next(self, *, is_unsettled: bool) -> bool:
        async with self._database.transaction() as session:
            hold = await ends.doomed(session, self._queue, self._kinds)
            hold = hold or await ends.overdue(session, self._queue, self._kinds)
            if hold is None:
                return False
            how = _due_end(hold)
            touched = await self._end(session, hold, replace(how, is_unsettled=is_unsettled))
        metrics.ended(hold.kind, _ending(how))
        await self.announce(hold.id, touched)
        return True

    async def _settle(self, stuck: list[UUID]) -> bool:
        """Do what is left of one end; those that fail are `stuck` until the next time, and keep nobody else waiting."""
        try:
            async with self._database.transaction() as session:
                task = await ends.settle_one(session, self._queue, self._kinds, stuck)
                if task is not None:
                    await self._tidy(session, task)
        except AftermathFailed as error:
            _report(error)
            stuck.append(error.task_id)
            return True
        # Called off in the queue, where no worker was at hand to count it.
        if task is not None and task.worker is None and task.status == TaskStatus.CANCELLED:
            metrics.ended(task.kind, Ending.CANCELLED)
        return task is not None

    async def _end_alone(self, task: Task, how: End) -> None:
        try:
            touched = await self._end_held(task, how)
        except AftermathFailed as error:
            _report(error)
            touched = await self._end_held(task, replace(how, is_unsettled=True))
        metrics.ended(task.kind, _ending(how))
        await self.announce(task.id, touched)

    async def _end_held(self, task: Task, how: End) -> list[Task]:
        async with self._database.transaction() as session:
            await self.lock(session, task)
            return await self._end(session, Hold.of(task), how)

    async def _end(self, session: Session, hold: Hold, how: End) -> list[Task]:
        ended = await ends.end(session, hold, how)
        if ended is None:
            raise StaleAttempt
        if how.status is not TaskStatus.SUCCEEDED and not how.is_unsettled:
            await self._tidy(session, ended)
        return await follow_up(session, ended)

    async def _tidy(self, session: Session, task: Task) -> None:
        try:
            await self._aftermath[task.kind](session, task)
        except Exception as error:
            raise AftermathFailed(task.id) from error


def _report(error: AftermathFailed) -> None:
    log.error("aftermath_failed", task_id=str(error.task_id), exc_info=error)


def _ending(how: End) -> Ending:
    return Ending.DEAD if how.error is POISON else Ending(how.status)


def _due_end(hold: DueHold) -> End:
    # Only a run that was lost has an attempt to close.
    outcome = Outcome.DIED
    if hold.cancel_requested:
        return End(TaskStatus.CANCELLED, None, outcome)
    return End(TaskStatus.FAILED, OVERDUE if hold.is_overdue else POISON, outcome)
