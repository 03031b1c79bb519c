"""Back to an earlier version: its content becomes the next one, and nothing is lost."""

from uuid import UUID

from shared.database import Session
from shared.errors import Invalid
from shared.idempotency import keep_answer
from shared.membership import ProjectRole, require_project
from shared.quotas import require_rows
from shared.resources import Resources

from ..repositories import datasets, rollbacks, versions
from ..repositories.datasets import Dataset
from ..repositories.versions import Parent, Version
from .datasets import hold, visible
from .new_versions import in_progress
from .ready_events import announce_version
from .retention import expire_now
from .version_states import require_usable


class Rollbacks:
    """Use case of `/manage/datasets/{id}/rollback`."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def roll_back(self, dataset_id: UUID, user_id: UUID, to: int, if_match: str | None) -> Dataset:
        """Make a version with the content of version `to`, ready at once, and current.

        Raises:
            NotFound, Forbidden, ProjectArchived: the dataset.
            PreconditionFailed: it has changed since the state that `if_match` names.
            Invalid: `unknown_version`.
            Conflict: `dataset_not_ready`, `version_expired`, `version_blocked`; `version_in_progress`, another one is
                being made.
            QuotaExceeded: the project has no room for its rows.
        """
        async with self._resources.database.transaction() as session:
            found = await visible(session, dataset_id, user_id)
            await require_project(session, found.project_id, user_id, minimum=ProjectRole.EDITOR)
            target = await _target(session, dataset_id, user_id, to)
            # Holds the project, so it comes before the dataset is held.
            await require_rows(session, self._resources.settings, target.project_id, target.row_count or 0)
            await hold(session, dataset_id, user_id, if_match)
            await self._make(session, dataset_id, user_id, to)
            dataset = await visible(session, dataset_id, user_id)
            await keep_answer(session, dataset)
        await expire_now(self._resources, dataset_id)
        return dataset

    async def _make(self, session: Session, dataset_id: UUID, user_id: UUID, to: int) -> None:
        await versions.give_up(session, dataset_id)
        if await rollbacks.has_unfinished(session, dataset_id):
            raise in_progress()
        # Once more, now that nobody can expire or block it.
        await _target(session, dataset_id, user_id, to)
        number = await versions.next_number(session, dataset_id)
        await rollbacks.copy(session, dataset_id, to, number, user_id)
        await versions.add_parents(session, dataset_id, number, [Parent(dataset_id, to)])
        await datasets.mark_ready(session, dataset_id, number)
        await announce_version(session, dataset_id, number)


async def _target(session: Session, dataset_id: UUID, user_id: UUID, number: int) -> Version:
    version = await versions.visible(session, dataset_id, number, user_id)
    if version is None:
        raise Invalid(f"The dataset has no version {number}.", code="unknown_version")
    require_usable(version.name, number, version.status, blocked=version.blocked)
    return version
