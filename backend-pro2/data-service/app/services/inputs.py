"""The versions that a computation reads: named by the client, pinned when it is submitted."""

from collections.abc import Sequence
from uuid import UUID

from shared.database import Session
from shared.errors import Conflict, NotFound
from shared.resources import Resources
from shared.tasks import TaskFailed

from ..repositories import inputs
from ..repositories.inputs import Input
from .version_states import require_usable

Wanted = tuple[UUID, int | None]


async def require_inputs(session: Session, project_id: UUID, wanted: Sequence[Wanted]) -> list[Input]:
    """What is behind each of `wanted`, in that order; no number means the version that is current now.

    Raises:
        NotFound: the project has no such dataset, or that no such version.
        Conflict: `dataset_not_ready`, `version_blocked`, `version_expired`.
    """
    rows = await inputs.find(session, project_id, wanted)
    found = {(row.dataset_id, row.wanted_version): row for row in rows}
    return [_usable(found.get(one)) for one in wanted]


async def pinned_inputs(resources: Resources, project_id: UUID, wanted: Sequence[tuple[UUID, int]]) -> list[Input]:
    """The same for a task, whose versions were pinned when it was submitted.

    Raises:
        TaskFailed: one of them cannot be used any more.
    """
    try:
        async with resources.database.transaction(read_only=True) as session:
            return await require_inputs(session, project_id, wanted)
    except Conflict as error:
        raise TaskFailed(error.code, error.detail) from error
    except NotFound as error:
        detail = "A dataset that this reads was removed before its turn came. Submit it again without that."
        raise TaskFailed("dataset_removed", detail) from error


def _usable(found: Input | None) -> Input:
    if found is None:
        raise NotFound
    if found.version is None and found.current_version is None:
        raise _not_ready(found)
    if found.version is None or found.status is None:
        raise NotFound(f"Dataset '{found.name}' has no such version; its current one is {found.current_version}.")
    require_usable(found.name, found.version, found.status, blocked=bool(found.blocked))
    return found


def _not_ready(found: Input) -> Conflict:
    if found.dataset_status == "failed":
        detail = f"The dataset '{found.name}' could not be read, so there is nothing to work with; upload it again."
    else:
        detail = f"The dataset '{found.name}' is not ready yet; wait until its status is ready."
    return Conflict(detail, code="dataset_not_ready")
