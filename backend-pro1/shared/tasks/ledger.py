"""The ledger as services use it: accept work in one's own transaction, then follow it, wait for it, call it off."""

import asyncio
import builtins
import time
from collections.abc import AsyncGenerator
from uuid import UUID

from shared.config import Settings
from shared.database import Database, Session
from shared.errors import Conflict, NotFound, ServiceUnavailable
from shared.ids import new_id
from shared.membership import ProjectRole, require_project
from shared.quotas import require_task
from shared.redis_client import RedisClient

from . import repository
from .doorbell import Doorbell
from .records import PROJECT_REMOVAL, NewTask, Task, TaskEvent, TaskStatus
from .wakes import TaskWakes, pause

POLL_SECONDS = 2.0


class TaskLedger:
    """Postgres holds the truth; Redis only shortens waits."""

    def __init__(self, database: Database, redis: RedisClient, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._doorbell = Doorbell(settings)
        self.wakes = TaskWakes(redis)

    async def submit(self, session: Session, new: NewTask) -> Task:
        """Accept `new` in the caller's transaction: once that commits, the work will be done. Then call `ring`.

        Raises:
            TooManyTasks: the project's quota of unfinished tasks is used up.
            NotFound: the project has gone.
        """
        if new.kind != PROJECT_REMOVAL:
            await require_task(session, self._settings, new.project_id)
        task_id = new.id or new_id()
        await repository.insert(session, task_id, new, self._settings.task_max_attempts)
        task = await _known(session, task_id)
        await repository.append_state(session, task)
        return task

    async def ring(self, task: Task) -> None:
        """Tell a worker, after the commit. A failure is only logged: workers look by themselves every few seconds."""
        await self._doorbell.ring(task.queue, task.id)

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

    async def list(
        self,
        user_id: UUID,
        *,
        project_id: UUID | None = None,
        kind: str | None = None,
        status: TaskStatus | None = None,
        limit: int = 50,
        before: UUID | None = None,
    ) -> builtins.list[Task]:
        """Tasks of the user's projects, newest first, older than `before`; at most `limit`."""
        async with self._database.transaction(read_only=True) as session:
            return await repository.page(
                session, user_id, project_id=project_id, kind=kind, status=status, before=before, limit=limit
            )

    async def cancel(self, task_id: UUID, user_id: UUID) -> Task:
        """Call the task off: at once while it is queued, within two seconds when it runs. Asking twice is no error.

        Raises:
            NotFound: it is absent, or the user is no member of its project.
            Forbidden: the user may only view the project.
            Conflict: `already_finished`, it succeeded or failed before; `not_cancellable`, it removes a project.
        """
        async with self._database.transaction() as session:
            task = await self._cancel(session, task_id, user_id)
        await self.wakes.publish(task_id)
        await self.ring(task)
        return task

    async def remove(self, session: Session, task_id: UUID) -> bool:
        """Remove a task that has ended; the caller's transaction has checked who asks. False while it runs."""
        return await repository.remove(session, task_id)

    async def wait(self, task_id: UUID, user_id: UUID, seconds: float) -> Task:
        """The task once it has ended, or as it stands after `seconds`."""
        deadline = time.monotonic() + seconds
        changed = asyncio.Event()
        with self.wakes.watching(task_id, changed.set):
            await self.wakes.ready()
            while True:
                changed.clear()
                task = await self.read(task_id, user_id)
                left = deadline - time.monotonic()
                if task.is_finished or left <= 0:
                    return task
                await pause(changed, min(POLL_SECONDS, left))

    async def events(self, task_id: UUID, user_id: UUID, after: int) -> AsyncGenerator[TaskEvent, None]:
        """Events after sequence `after`, as they come, up to the final one or until the user may not see the task.

        While the database is away it waits: whoever listens has been promised the rest.
        """
        changed = asyncio.Event()
        with self.wakes.watching(task_id, changed.set):
            while True:
                changed.clear()
                try:
                    finished, found = await self._events_after(task_id, user_id, after)
                except ServiceUnavailable:
                    finished, found = False, ()
                for event in found:
                    after = event.sequence
                    yield event
                if finished and len(found) < repository.EVENT_PAGE:
                    return
                if not found:
                    await pause(changed, POLL_SECONDS)

    async def close(self) -> None:
        """End the subscription and the doorbell's connection."""
        await self.wakes.close()
        self._doorbell.close()

    async def _cancel(self, session: Session, task_id: UUID, user_id: UUID) -> Task:
        task = await repository.visible(session, task_id, user_id)
        if task is None:
            raise NotFound
        if task.kind == PROJECT_REMOVAL:
            raise Conflict("The removal of a project cannot be called off.", code="not_cancellable")
        # Not held: a run that commits holds its task and asks for the project, in the order opposite to ours.
        await require_project(session, task.project_id, user_id, minimum=ProjectRole.EDITOR, hold=False)
        before = await repository.cancel(session, task_id)
        task = await _known(session, task_id)
        if before is None and task.status != TaskStatus.CANCELLED:
            raise Conflict("This task has ended already; there is nothing left to cancel.", code="already_finished")
        if before is TaskStatus.QUEUED:
            await repository.append_state(session, task)
        return task

    async def _events_after(self, task_id: UUID, user_id: UUID, after: int) -> tuple[bool, tuple[TaskEvent, ...]]:
        async with self._database.transaction(read_only=True) as session:
            # Looked at before its events: what ends it is among them if it has ended by now.
            task = await repository.visible(session, task_id, user_id)
            if task is None:
                return True, ()
            return task.is_finished, tuple(await repository.events_after(session, task_id, user_id, after))


async def _known(session: Session, task_id: UUID) -> Task:
    task = await repository.by_id(session, task_id)
    if task is None:
        raise NotFound
    return task
