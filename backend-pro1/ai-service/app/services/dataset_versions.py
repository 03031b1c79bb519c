"""Which version of a dataset work may be ordered on, and which it may still use when its turn has come."""

from uuid import UUID

from shared.database import Session
from shared.errors import Conflict, NotFound
from shared.resources import Resources
from shared.tasks import Task, TaskFailed

from ..repositories.versions import DatasetVersion, read_version


async def orderable_version(session: Session, project_id: UUID, dataset_id: UUID, number: int | None) -> DatasetVersion:
    """The version asked for, else the current one, else the first one that is coming.

    Of one that is coming (`is_coming`) the columns are not known yet; what works on it waits for its `task_id`.

    Raises:
        NotFound: the project has no such dataset, or that no such version.
        Conflict: `dataset_not_ready`, `version_expired`, `version_blocked`.
    """
    version = await read_version(session, project_id, dataset_id, number)
    if version is None:
        raise NotFound
    if version.is_ready or version.is_coming:
        return version
    if version.version is None and version.current_version is not None:
        raise NotFound(f"Dataset {version.name!r} has no such version; its current one is {version.current_version}.")
    raise _unusable(version)


async def version_of(task: Task, resources: Resources) -> DatasetVersion:
    """The version that a task works on, now that it runs.

    Raises:
        TaskFailed: `dataset_not_ready`, `version_expired` or `version_blocked` since the order was accepted.
    """
    if task.dataset_id is None:
        raise TaskFailed("dataset_not_ready", "The task names no dataset.")
    async with resources.database.transaction(read_only=True) as session:
        version = await read_version(session, task.project_id, task.dataset_id, task.version)
    if version is None or version.version is None:
        raise TaskFailed("dataset_not_ready", "The dataset was removed, or this version of it, before its turn came.")
    if not version.is_ready:
        reason = _unusable(version)
        raise TaskFailed(reason.code, reason.detail)
    return version


def _unusable(version: DatasetVersion) -> Conflict:
    if version.status == "expired":
        detail = f"That version of dataset {version.name!r} was removed by its retention; take a newer version."
        return Conflict(detail, code="version_expired")
    if version.blocked:
        detail = f"The quality gate blocks that version of dataset {version.name!r}; correct the data or the rules."
        return Conflict(detail, code="version_blocked")
    if "failed" in (version.status, version.dataset_status):
        detail = f"Dataset {version.name!r} could not be read, so it has nothing to analyse; upload it again."
    else:
        detail = f"Dataset {version.name!r} is still being read; wait until its status is ready."
    return Conflict(detail, code="dataset_not_ready")
