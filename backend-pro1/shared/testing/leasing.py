"""Workers as the ledger sees them, without a process: tests claim and end tasks by hand."""

from typing import Any
from uuid import UUID

from shared.database import Session
from shared.resources import Resources
from shared.tasks import PROJECT_REMOVAL, NewTask, Task
from shared.tasks.leases import Leases
from shared.testing.project import Workspace
from shared.testing.submission import QUEUE

KINDS = ("compute", "note", PROJECT_REMOVAL)


class Aftermaths:
    """Notes the tasks that ended without success."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.is_broken = False

    async def note(self, _session: Session, task: Task) -> None:
        """Called as the aftermath of a kind."""
        if self.is_broken:
            raise ZeroDivisionError
        self.tasks.append(task)


class Workers:
    """Leases of any number of workers; they know some kinds."""

    def __init__(self, resources: Resources) -> None:
        self.aftermaths = Aftermaths()
        self.rung: list[UUID] = []
        self._resources = resources

    def __call__(
        self, worker: str = "w1", lease_seconds: float = 30.0, queue: str = QUEUE, running_tasks: int = 100
    ) -> Leases:
        """The leases of `worker`."""
        return Leases(
            self._resources.database,
            self._resources.ledger.wakes,
            queue=queue,
            worker=worker,
            lease_seconds=lease_seconds,
            aftermath=dict.fromkeys(KINDS, self.aftermaths.note),
            running_tasks=running_tasks,
            ring=self._ring,
        )

    async def claimed(self, leases: Leases | None = None) -> Task:
        """The next task, which must be there."""
        task = await (leases or self()).claim()
        assert task is not None
        return task

    async def succeed(self, task: Task) -> None:
        """End the task, claimed by `w1`, as a handler's commit does."""
        leases = self()
        async with self._resources.database.transaction() as session:
            await leases.lock(session, task)
            touched = await leases.succeed(session, task, None)
        await leases.announce(task.id, touched)

    async def _ring(self, task: Task) -> None:
        self.rung.append(task.id)


async def submit_new(resources: Resources, workspace: Workspace, **members: Any) -> Task:
    """Submit a task of kind `compute` with these members of NewTask, and commit; nobody is rung."""
    new = NewTask(**{"kind": "compute", "queue": QUEUE, "params": {}, **members, **_origin(workspace)})
    async with resources.database.transaction() as session:
        return await resources.ledger.submit(session, new)


async def lapse(resources: Resources, task: Task) -> None:
    """Let the task's lease run out now."""
    async with resources.database.transaction() as session:
        await session.execute("UPDATE analysis_tasks SET lease_until = now() - interval '1 s' WHERE id = $1", task.id)


def _origin(workspace: Workspace) -> dict[str, UUID]:
    return {"project_id": workspace.project_id, "created_by": workspace.owner}
