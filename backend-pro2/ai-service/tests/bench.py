"""A worker of analyses and replays for one task at a time, in the test's own process."""

from typing import Any
from uuid import UUID

from shared.resources import Resources
from shared.tasks import Handler, NewTask, Task
from shared.tasks.leases import Leases
from shared.tasks.runner import TaskRunner, aftermath_of
from shared.testing.fakes import InlineCompute
from shared.testing.project import Workspace

from ..app.services.analysis_runs import run_analysis
from ..app.services.replays import run_replay

HANDLERS: dict[str, Handler] = {"analysis": run_analysis, "replay": run_replay}


class Bench:
    """Submits analyses and runs tasks here; `compute` notes the jobs of the children that would have run."""

    def __init__(self, resources: Resources, workspace: Workspace) -> None:
        self.resources = resources
        self.compute = InlineCompute()
        resources.compute = self.compute
        self._workspace = workspace

    async def run(self, dataset_id: UUID, kind: str, params: dict[str, Any]) -> Task:
        """An analysis, after its run."""
        new = NewTask(
            kind="analysis",
            queue="analysis",
            project_id=self._workspace.project_id,
            created_by=self._workspace.owner,
            params={"type": kind, "params": params, "seed": 3},
            dataset_id=dataset_id,
            version=1,
        )
        async with self.resources.database.transaction() as session:
            await self.resources.ledger.submit(session, new)
        return await self.run_next()

    async def run_next(self) -> Task:
        """The task whose turn it is, after its run."""
        leases = self._leases()
        claimed = await leases.claim()
        assert claimed is not None
        await TaskRunner(self.resources, leases, self.resources.ledger.wakes, HANDLERS).run(claimed)
        return await self.resources.ledger.read(claimed.id, self._workspace.owner)

    async def stored(self) -> list[str]:
        """Keys of all objects."""
        return [entry.key async for entry in self.resources.object_store.list("")]

    async def settle(self) -> None:
        """Write what is due after the ends of tasks that did not run."""
        await self._leases().reconcile()

    def _leases(self) -> Leases:
        database, wakes = self.resources.database, self.resources.ledger.wakes
        aftermath = aftermath_of(HANDLERS)
        return Leases(database, wakes, queue="analysis", worker="bench", lease_seconds=15, aftermath=aftermath)
