"""The task `garbage_collection`: a project gives back the room of what nobody needs any more."""

from uuid import UUID

from shared.idempotency import keep_answer
from shared.membership import ProjectRole, require_project
from shared.resources import Resources
from shared.tasks import NewTask, Queue, Task, TaskRun

from ..schemas.garbage import GarbageRequest
from .retention import expire_old
from .sweeps import remove_orphans
from .trash import purge_old

KIND = "garbage_collection"


class Garbage:
    """Use case of `/manage/datasets/gc`."""

    def __init__(self, resources: Resources) -> None:
        self._database = resources.database
        self._ledger = resources.ledger

    async def submit(self, user_id: UUID, request: GarbageRequest, request_id: str | None, wait: float = 0) -> Task:
        """Accept the collection; the task comes as it stands after `wait` seconds.

        Raises:
            NotFound, Forbidden, ProjectArchived: the project, of which the user must be an owner.
            TooManyTasks: the project's quota of unfinished tasks is used up.
        """
        params = {"include_trash": request.include_trash, "dry_run": request.dry_run}
        async with self._database.transaction() as session:
            await require_project(session, request.project_id, user_id, minimum=ProjectRole.OWNER)
            new = NewTask(KIND, Queue.MAINTENANCE, request.project_id, user_id, params, request_id=request_id)
            task = await self._ledger.submit(session, new)
            await keep_answer(session, task)
        return await self._ledger.ring_and_wait(task, user_id, wait)


async def collect_garbage(run: TaskRun) -> None:
    """Purge the trash, expire versions, remove orphans; a dry run counts what would go.

    An attempt that was killed is continued by the next, whose counts are of what it found.

    Raises:
        ServiceUnavailable: the object store is away; the task waits for another turn.
    """
    resources, project_id = run.resources, run.task.project_id
    dry_run = bool(run.task.params["dry_run"])
    days = 0.0 if run.task.params["include_trash"] else resources.settings.trash_days
    await run.progress(0, 3, "Emptying the trash")
    purged = await purge_old(resources, days, project_id=project_id, dry_run=dry_run)
    await run.progress(1, 3, "Expiring versions")
    expired = await expire_old(resources, project_id=project_id, dry_run=dry_run)
    await run.progress(2, 3, "Looking for files that nothing refers to")
    orphans = await remove_orphans(resources, f"{project_id}/", dry_run=dry_run)
    total = purged + expired + orphans
    result = {
        "datasets_purged": purged.items,
        "versions_expired": expired.items,
        "objects_removed": total.objects,
        "bytes_freed": total.bytes,
        "dry_run": dry_run,
    }
    async with run.commit(result):
        pass
