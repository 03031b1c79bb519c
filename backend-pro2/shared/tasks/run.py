"""What a handler is given: its task, the process's resources, and the ways to report, to compute and to end well."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from shared.compute import Progress
from shared.database import Session
from shared.metrics import tasks as metrics
from shared.metrics.tasks import Ending

from .leases import Leases
from .records import Task

if TYPE_CHECKING:
    from shared.resources import Resources

PROGRESS_SECONDS = 0.5
MESSAGE_CHARACTERS = 500


class TryLater(Exception):
    """Raised by a handler that needs something which is away: the task waits in the queue, and no attempt is counted.

    `reason` is shown to its owner. Without `delay_seconds` the pauses grow from one second to fifteen.
    """

    def __init__(self, reason: str, delay_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.delay_seconds = delay_seconds


class TaskRun:
    """One attempt at one task. `committed` says that the task has ended with success."""

    def __init__(self, task: Task, resources: Resources, leases: Leases) -> None:
        self.task = task
        self.resources = resources
        self.committed = False
        self.finishing = False
        self._leases = leases
        self._pending: Progress | None = None
        self._written_at = 0.0

    async def progress(self, done: int, total: int, message: str = "") -> None:
        """Tell how far the work is; written at most twice a second, the latest wins.

        Raises:
            StaleAttempt: another attempt holds the task now.
        """
        self._pending = Progress(done, total, message[:MESSAGE_CHARACTERS])
        if done == total or time.monotonic() - self._written_at >= PROGRESS_SECONDS:
            await self.flush()

    async def flush(self) -> None:
        """Write the progress that was held back."""
        pending, self._pending = self._pending, None
        if pending is not None and not self.finishing:
            self._written_at = time.monotonic()
            await self._leases.progress(self.task, pending.done, pending.total, pending.message)

    async def log(self, message: str) -> None:
        """Append a line to the task's log, for its owner to read.

        Raises:
            StaleAttempt: another attempt holds the task now.
        """
        await self._leases.log(self.task, message[:MESSAGE_CHARACTERS])

    async def compute(
        self, function: str, job: dict[str, Any], *, timeout_seconds: float | None = None, memory_mb: int | None = None
    ) -> dict[str, Any]:
        """Run "module.path:name" in a killable child under the limits for tasks; its progress is the task's.

        Raises:
            ComputeFailed: there is no answer. Unless the handler knows better, it ends the task with that code.
        """
        settings = self.resources.settings
        return await self.resources.compute.run(
            function,
            job,
            timeout_seconds=timeout_seconds or settings.task_timeout_seconds,
            memory_mb=memory_mb or settings.task_memory_limit_mb,
            on_progress=self._on_progress,
        )

    @asynccontextmanager
    async def commit(self, result: dict[str, Any] | None = None) -> AsyncIterator[Session]:
        """One transaction for the handler's rows and the task's success; `result`, if given, becomes an event.

        Raises:
            StaleAttempt: another attempt holds the task now; nothing was written.
        """
        self.finishing = True
        try:
            async with self.resources.database.transaction() as session:
                # First, so that a late run fails before it writes, and nobody can take the task in the meantime.
                await self._leases.lock(session, self.task)
                yield session
                touched = await self._leases.succeed(session, self.task, result)
            self.committed = True
        finally:
            self.finishing = self.committed
        metrics.ended(self.task.kind, Ending.SUCCEEDED)
        await self._leases.announce(self.task.id, touched)

    async def _on_progress(self, progress: Progress) -> None:
        await self.progress(progress.done, progress.total, progress.message)


Handler = Callable[[TaskRun], Awaitable[None]]


@runtime_checkable
class TaskHandler(Protocol):
    """A handler that has something to tidy up when its task ends without success."""

    async def run(self, run: TaskRun) -> None:
        """Do the work and end it with `run.commit()`; raise TaskFailed to fail it."""

    async def failed(self, session: Session, task: Task) -> None:
        """Called in the transaction that marks the task failed or cancelled, by whichever worker marks it."""
