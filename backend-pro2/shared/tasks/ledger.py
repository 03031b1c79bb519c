"""The ledger as services use it: accept work in one's own transaction, then follow it, wait for it, call it off."""

import asyncio
import builtins
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Unpack
from uuid import UUID

from shared.config import Settings
from shared.database import Database, Session
from shared.errors import NotFound
from shared.ids import new_id
from shared.quotas import require_task
from shared.redis_client import RedisClient
from shared.tracing import CLIENT, PRODUCER, span

from . import dependencies, repository
from .attempts import attempts_of
from .cancellations import cancel
from .consequences import spread
from .doorbell import Doorbell
from .follow import Follow, TooManyStreams
from .listing import TaskFilter, page
from .records import PROJECT_REMOVAL, Attempt, NewTask, Task, TaskEvent
from .retries import retry
from .wakes import TaskWakes


class TaskLedger:
    """Postgres holds the truth; Redis only shortens waits."""

    def __init__(self, database: Database, redis: RedisClient, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._doorbell = Doorbell(settings)
        self.wakes = TaskWakes(redis)
        self.follow = Follow(database, self.wakes)

    async def submit(self, session: Session, new: NewTask) -> Task:
        """Accept `new` in the caller's transaction: once that commits, the work will be done. Then call `ring`.

        With `new.after` the transaction must not have asked shared.quotas for anything before: a run that commits holds
        its task and then asks for the project, and here the tasks in `after` come first too.

        Raises:
            TooManyTasks: the project's quota of unfinished tasks is used up.
            NotFound: the project, or a task in `after`, has gone.
            Conflict: `dependency_failed`, a task in `after` has ended without success.
        """
        waiting_for = await dependencies.hold(session, new.project_id, new.after)
        if new.kind != PROJECT_REMOVAL:
            await require_task(session, self._settings, new.project_id)
        attempts = self._settings.task_max_attempts
        with span(f"submit {new.queue}", {"task.kind": new.kind}, kind=PRODUCER):
            return await repository.insert(session, new.id or new_id(), new, attempts, waiting_for)

    async def ring(self, task: Task) -> None:
        """Tell a worker, after the commit. A failure is only logged: workers look by themselves every few seconds."""
        with span(f"ring {task.queue}", {"messaging.system": "celery"}, kind=CLIENT):
            await self._doorbell.ring(task.queue, task.id)

    async def ring_and_wait(self, task: Task, user_id: UUID, seconds: float) -> Task:
        """The same for somebody who wants to see the task as it stands after so many seconds, or none."""
        await self.ring(task)
        return await self.wait(task.id, user_id, seconds) if seconds > 0 else task

    async def read(self, task_id: UUID, user_id: UUID) -> Task:
        """The task as it stands.

        Raises:
            NotFound: it is absent, or not the user's to see.
        """
        async with self._database.transaction(read_only=True) as session:
            task = await repository.visible(session, task_id, user_id)
        if task is None:
            raise NotFound
        return task

    async def attempts(self, task_id: UUID, user_id: UUID) -> builtins.list[Attempt]:
        """The task's runs, the oldest first, at most the latest 200.

        Raises:
            NotFound: it is absent, or not the user's to see.
        """
        async with self._database.transaction(read_only=True) as session:
            if await repository.visible(session, task_id, user_id) is None:
                raise NotFound
            return await attempts_of(session, task_id, user_id)

    async def list(
        self, user_id: UUID, *, limit: int = 50, before: UUID | None = None, **wanted: Unpack[TaskFilter]
    ) -> builtins.list[Task]:
        """Tasks of the user's projects, newest first, older than `before`; at most `limit`."""
        async with self._database.transaction(read_only=True) as session:
            return await page(session, user_id, wanted, before=before, limit=limit)

    async def cancel(self, task_id: UUID, user_id: UUID) -> Task:
        """Call the task off: at once while it is queued, within two seconds when it runs. Asking twice is no error.

        Raises:
            NotFound: it is absent, or the user is no member of its project.
            Forbidden: the user may only view the project.
            Conflict: `already_finished`, it succeeded or failed before; `not_cancellable`, it removes a project.
        """
        async with self._database.transaction() as session:
            task, touched = await cancel(session, task_id, user_id)
        await self.wakes.publish(task_id)
        await spread(touched, self.wakes, self.ring)
        return task

    async def retry(self, task_id: UUID, user_id: UUID) -> Task:
        """Queue a task that failed or was cancelled once more, under its id and with its history; rings.

        Under an Idempotency-Key the task as it is now is kept as the answer.

        Raises:
            NotFound, Forbidden, Conflict, TooManyTasks: see retries.retry.
        """
        # It imports the resources, which hold a ledger.
        from shared.idempotency import keep_answer

        async with self._database.transaction() as session:
            task = await retry(session, self._settings, task_id, user_id)
            await keep_answer(session, task)
        await self.wakes.publish(task_id)
        await self.ring(task)
        return task

    async def remove(self, session: Session, task_id: UUID) -> bool:
        """Remove a task that has ended; the caller's transaction has checked who asks. False while it runs."""
        return await repository.remove(session, task_id)

    async def wait(self, task_id: UUID, user_id: UUID, seconds: float) -> Task:
        """The task once it has ended, or as it stands after `seconds`; at once if too many wait already."""
        task = await self.read(task_id, user_id)
        if task.is_finished or seconds <= 0:
            return task
        with suppress(TimeoutError, TooManyStreams):
            async with asyncio.timeout(seconds):
                await self.follow.end(task_id, user_id)
        return await self.read(task_id, user_id)

    def events(self, task_id: UUID, user_id: UUID, after: int) -> AsyncGenerator[TaskEvent, None]:
        """Events after sequence `after`, as they come, up to the final one or until the user may not see the task."""
        return self.follow.events(task_id, user_id, after)

    async def close(self) -> None:
        """End the subscription and the doorbell's connection."""
        await self.follow.close()
        await self.wakes.close()
        self._doorbell.close()
