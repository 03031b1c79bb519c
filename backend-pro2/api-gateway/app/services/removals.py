"""Removal of projects: at once nobody sees anything of one, then a task of the data service removes what it held."""

from uuid import UUID

from shared.errors import NotFound
from shared.logging import get_logger
from shared.models.project import ProjectRole
from shared.tasks import PROJECT_REMOVAL, NewTask, Queue, Task, TaskLedger

from ..repositories import Repositories, UnitOfWork
from .projects import require_role, seen

log = get_logger(__name__)

# Whatever else waits goes first: nobody sees any more what is removed.
PRIORITY = 0
TIDIED_AT_ONCE = 100


class RemovalService:
    """Use case of DELETE /projects/{id}, and the housekeeping after it."""

    def __init__(self, begin: UnitOfWork, ledger: TaskLedger) -> None:
        self._begin = begin
        self._ledger = ledger

    async def remove(self, user_id: UUID, project_id: UUID, request_id: str | None, wait: float) -> Task:
        """Remove a project; the task that empties it, once it has ended or as it stands after `wait` seconds.

        Raises:
            NotFound: absent, or not the user's to see.
            Forbidden: the user does not own it.
        """
        async with self._begin() as repositories:
            require_role(seen(await repositories.projects.lock_alone(user_id, project_id)), ProjectRole.OWNER)
            task = await self.remove_within(repositories, project_id, user_id, request_id)
        return await self._ledger.ring_and_wait(task, user_id, wait)

    async def remove_within(
        self, repositories: Repositories, project_id: UUID, asked_by: UUID | None, request_id: str | None = None
    ) -> Task:
        """Remove a project in the transaction of another use case, which has settled that it may; `ring` afterwards.

        Raises:
            NotFound: it has gone, or was gone before.
        """
        if not await repositories.removals.lock(project_id):
            raise NotFound
        await repositories.removals.bury(project_id)
        task = await self._submit(repositories, project_id, asked_by, request_id)
        log.info("project_removed", project_id=str(project_id), task_id=str(task.id))
        return task

    async def ring(self, task: Task) -> None:
        """Tell a worker, after the commit of `remove_within`; a bell that nobody hears only delays."""
        await self._ledger.ring(task)

    async def tidy(self) -> None:
        """Housekeeping: try removals again that failed, and drop what remains of those that succeeded a week ago."""
        async with self._begin() as repositories:
            for stuck in await repositories.removals.stuck(TIDIED_AT_ONCE):
                await self._submit(repositories, stuck.project_id, stuck.asked_by, None)
                log.warning("project_removal_repeated", project_id=str(stuck.project_id))
        async with self._begin() as repositories:
            forgotten = await repositories.removals.forget(TIDIED_AT_ONCE)
        if forgotten:
            log.info("removed_projects_forgotten", projects=forgotten)

    async def _submit(
        self, repositories: Repositories, project_id: UUID, asked_by: UUID | None, request_id: str | None
    ) -> Task:
        order = NewTask(
            PROJECT_REMOVAL, Queue.MAINTENANCE, project_id, asked_by, priority=PRIORITY, request_id=request_id
        )
        return await self._ledger.submit(repositories.session, order)
