"""Use cases around tasks of every kind: the cluster, results, and doing them again."""

from __future__ import annotations

from uuid import UUID

from shared.errors import Conflict
from shared.resources import Resources
from shared.tasks import Task

from ..repositories.analyses import KINDS
from ..repositories.results import Result
from ..repositories.task_history import tells_result
from .analyses import Analyses


class Tasks:
    """What a caller may learn of tasks beside what the ledger itself tells."""

    def __init__(self, resources: Resources) -> None:
        self._database = resources.database
        self._ledger = resources.ledger
        self._analyses = Analyses(resources)

    async def retry(self, user_id: UUID, task_id: UUID, wait: float = 0) -> Task:
        """Do a failed or cancelled task again; the task as it stands after `wait` seconds.

        Raises:
            NotFound, Forbidden, Conflict, TooManyTasks: as `TaskLedger.retry`.
        """
        task = await self._ledger.retry(task_id, user_id)
        return await self._ledger.wait(task_id, user_id, wait) if wait > 0 else task

    async def result(self, user_id: UUID, task_id: UUID) -> Result:
        """What the task produced.

        Raises:
            NotFound: absent, or not the caller's to see. Conflict: `not_finished` or `no_result`.
        """
        task = await self._ledger.read(task_id, user_id)
        if task.kind not in KINDS:
            async with self._database.transaction(read_only=True) as session:
                is_told = await tells_result(session, task_id)
            raise Conflict(_elsewhere(task, is_told=is_told), code="no_result")
        return await self._analyses.result(user_id, task_id)


def _elsewhere(task: Task, *, is_told: bool) -> str:
    places = [f"its dataset {task.dataset_id}"] if task.dataset_id is not None else []
    if is_told:
        places.append("the `result` among its events")
    detail = f"A task of kind {task.kind!r} leaves no result document"
    return f"{detail}; see {' and '.join(places)}." if places else f"{detail}."
