"""What happened to a task: its log and its attempts."""

from uuid import UUID

from shared.resources import Resources
from shared.tasks.records import Attempt

from ..repositories import task_history
from ..repositories.task_history import LogLine
from ..schemas.task_history import AttemptError, AttemptModel

# No event has a higher number; a cursor of another list may.
LAST = 2**31 - 1


class TaskHistory:
    """What a caller may learn of a task's past.

    Raises (all methods):
        NotFound: the task is absent, or not the caller's to see.
    """

    def __init__(self, resources: Resources) -> None:
        self._database = resources.database
        self._ledger = resources.ledger

    async def log(self, user_id: UUID, task_id: UUID, *, after: UUID | None, limit: int) -> list[LogLine]:
        """Lines after the place `after`, the oldest first."""
        await self._ledger.read(task_id, user_id)
        number = 0 if after is None else min(after.int, LAST)
        async with self._database.transaction(read_only=True) as session:
            return await task_history.log_lines(session, task_id, user_id, number, limit)

    async def attempts(self, user_id: UUID, task_id: UUID) -> list[AttemptModel]:
        """The task's attempts, the oldest first."""
        found = await self._ledger.attempts(task_id, user_id)
        async with self._database.transaction(read_only=True) as session:
            ids = await task_history.worker_ids(session, [attempt.worker for attempt in found])
        return [_shown(attempt, ids.get(attempt.worker)) for attempt in found]


def _shown(attempt: Attempt, worker_id: UUID | None) -> AttemptModel:
    error = None
    if attempt.error_code is not None:
        error = AttemptError(code=attempt.error_code, detail=attempt.error_detail or "")
    return AttemptModel(
        number=attempt.claim,
        worker_id=worker_id,
        started_at=attempt.started_at,
        ended_at=attempt.ended_at,
        outcome=attempt.outcome,
        counted=attempt.counted,
        error=error,
    )
