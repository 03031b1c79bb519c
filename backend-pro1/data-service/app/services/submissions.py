"""A file was taken and its task submitted: what its uploader is told, at once or after a while."""

from dataclasses import dataclass
from uuid import UUID

from shared.database import Database
from shared.tasks import TaskLedger

from ..repositories.datasets import Dataset
from .datasets import visible


@dataclass(frozen=True, slots=True)
class Submission:
    """The dataset that gets a version, and whether the task that makes it has ended."""

    dataset: Dataset
    is_finished: bool = False


async def outcome(database: Database, ledger: TaskLedger, dataset: Dataset, caller_id: UUID, wait: float) -> Submission:
    """The dataset once its task has ended, or as it stands after `wait` seconds.

    Raises:
        NotFound: it was removed meanwhile.
    """
    if wait <= 0 or dataset.task_id is None:
        return Submission(dataset)
    task = await ledger.wait(dataset.task_id, caller_id, wait)
    async with database.transaction(read_only=True) as session:
        return Submission(await visible(session, dataset.id, caller_id), task.is_finished)
