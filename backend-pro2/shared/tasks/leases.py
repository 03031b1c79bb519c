"""Leases as a worker uses them: claim, keep alive, finish once, give back; and the ends that nobody else writes."""

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from typing import Any
from uuid import UUID

from shared.database import Database, Session

from . import lease_repository, repository
from .lease_repository import Hold
from .records import StaleAttempt, Task, TaskError, TaskStatus
from .wakes import TaskWakes

POISON = TaskError(
    "poison", "Each attempt ended with the death of its process; the input may be too large or malformed."
)

# Called in the transaction that ends a task as failed or cancelled.
Aftermath = Callable[[Session, Task], Awaitable[None]]


class Beat(Enum):
    """What a heartbeat learns."""

    HELD = "held"
    CANCEL = "cancel"
    LOST = "lost"


class Leases:
    """The worker's side of the ledger for one queue. `aftermath` runs whenever a task ends without success."""

    def __init__(
        self,
        database: Database,
        wakes: TaskWakes,
        *,
        queue: str,
        worker: str,
        lease_seconds: float,
        aftermath: Mapping[str, Aftermath],
    ) -> None:
        self._database = database
        self._wakes = wakes
        self._queue = queue
        self._worker = worker
        self._lease_seconds = lease_seconds
        self._aftermath = aftermath
        self._kinds = tuple(aftermath)

    async def claim(self) -> Task | None:
        """The most important task that may run now, with its attempt counted; None when there is none."""
        async with self._database.transaction() as session:
            task_id = await lease_repository.claim(session, self._queue, self._kinds, self._worker, self._lease_seconds)
            if task_id is None:
                return None
            task = await self._told(session, task_id)
        await self._wakes.publish(task_id)
        return task

    async def heartbeat(self, task: Task) -> Beat:
        """Extend the lease."""
        async with self._database.transaction() as session:
            wanted = await lease_repository.heartbeat(session, Hold.of(task), self._lease_seconds)
        if wanted is None:
            return Beat.LOST
        return Beat.CANCEL if wanted else Beat.HELD

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

    async def succeed(self, session: Session, task: Task, result: dict[str, Any] | None) -> None:
        """End the task in the transaction that writes its results; call `announce` after the commit."""
        if result is not None:
            await repository.append_event(session, task.id, "result", result)
        await self._finish(session, Hold.of(task), TaskStatus.SUCCEEDED, None)

    async def fail(self, task: Task, error: TaskError) -> None:
        """End the task as failed."""
        async with self._database.transaction() as session:
            await self._finish(session, Hold.of(task), TaskStatus.FAILED, error)
        await self.announce(task.id)

    async def cancel(self, task: Task) -> None:
        """End the task as cancelled."""
        async with self._database.transaction() as session:
            await self._finish(session, Hold.of(task), TaskStatus.CANCELLED, None)
        await self.announce(task.id)

    async def release(self, task: Task, *, counted: bool) -> None:
        """Give the task back to the queue; `counted`: this attempt was a death."""
        async with self._database.transaction() as session:
            if await lease_repository.release(session, Hold.of(task), counted=counted):
                await self._told(session, task.id)
        await self.announce(task.id)

    async def retry_or_bury(self, task: Task) -> None:
        """After the death of the run's process: queue it again, or end it as poison after the last attempt."""
        if task.attempts >= task.max_attempts:
            await self.fail(task, POISON)
        else:
            await self.release(task, counted=True)

    async def announce(self, task_id: UUID) -> None:
        """Wake those who wait for the task."""
        await self._wakes.publish(task_id)

    async def take_over(self, is_dead: Callable[[str], bool]) -> int:
        """Let go of what workers known to be dead still hold; the number of tasks."""
        async with self._database.transaction() as session:
            dead = [worker for worker in await lease_repository.holders(session, self._queue) if is_dead(worker)]
            return sum([await lease_repository.expire(session, worker, self._queue) for worker in dead])

    async def reconcile(self) -> int:
        """Write the ends that are due and that no run will write; the number of tasks ended or settled."""
        count = 0
        while (task_id := await self._end_doomed() or await self._settle_cancelled()) is not None:
            await self.announce(task_id)
            count += 1
        return count

    async def _end_doomed(self) -> UUID | None:
        async with self._database.transaction() as session:
            hold = await lease_repository.doomed(session, self._queue, self._kinds)
            if hold is None:
                return None
            task = await repository.by_id(session, hold.id)
            if task is not None and task.cancel_requested:
                await self._finish(session, hold, TaskStatus.CANCELLED, None)
            else:
                await self._finish(session, hold, TaskStatus.FAILED, POISON)
            return hold.id

    async def _settle_cancelled(self) -> UUID | None:
        async with self._database.transaction() as session:
            task_id = await lease_repository.settle_one(session, self._queue, self._kinds)
            task = await repository.by_id(session, task_id) if task_id else None
            if task is not None:
                await self._aftermath[task.kind](session, task)
            return task_id

    async def _finish(self, session: Session, hold: Hold, status: TaskStatus, error: TaskError | None) -> None:
        if not await lease_repository.finish(session, hold, status, error):
            raise StaleAttempt
        task = await self._told(session, hold.id)
        if status is not TaskStatus.SUCCEEDED:
            await self._aftermath[task.kind](session, task)

    async def _told(self, session: Session, task_id: UUID) -> Task:
        task = await repository.by_id(session, task_id)
        if task is None:
            raise StaleAttempt
        await repository.append_state(session, task)
        return task
