"""Datasets in the trash: into it, out of it, and gone for good."""

from dataclasses import dataclass
from uuid import UUID

from shared.database import Session, UniqueViolation
from shared.errors import Conflict

from .datasets import SHOWN, Dataset, LockedDataset

_ONE = f"{SHOWN} WHERE d.id = $2"

_LOCK = "SELECT id, project_id, current_version, updated_at FROM datasets WHERE id = $1 FOR UPDATE"

_DISCARD = "UPDATE datasets SET deleted_at = now(), updated_at = now() WHERE id = $1"

_RESTORE = "UPDATE datasets SET deleted_at = NULL, updated_at = now() WHERE id = $1"

# By id, so that each is tried once even by a run that only counts.
_OLD = """
SELECT id, project_id FROM datasets
WHERE deleted_at <= now() - $1 * interval '1 day' AND ($2::uuid IS NULL OR project_id = $2)
  AND ($3::uuid IS NULL OR id > $3)
ORDER BY id LIMIT $4
"""

_STILL_THERE = """
SELECT true FROM datasets WHERE id = $1 AND deleted_at <= now() - $2 * interval '1 day' FOR UPDATE
"""


@dataclass(frozen=True, slots=True)
class Discarded:
    """A dataset in the trash."""

    id: UUID
    project_id: UUID


async def visible(session: Session, dataset_id: UUID, user_id: UUID) -> Dataset | None:
    """The dataset, in the trash or not, if the user is a member of its project."""
    return await session.fetch_one(Dataset, _ONE, user_id, dataset_id)


async def lock(session: Session, dataset_id: UUID) -> LockedDataset | None:
    """Keep others from changing the dataset, in the trash or not; the caller has checked the user's role."""
    return await session.fetch_one(LockedDataset, _LOCK, dataset_id)


async def discard(session: Session, dataset_id: UUID) -> None:
    """Move a locked dataset to the trash."""
    await session.execute(_DISCARD, dataset_id)


async def restore(session: Session, dataset: Dataset) -> None:
    """Take a locked dataset out of the trash.

    Raises:
        Conflict: `name_taken`; the transaction is over.
    """
    try:
        await session.execute(_RESTORE, dataset.id)
    except UniqueViolation as error:
        raise Conflict(
            f"The project has another dataset '{dataset.name}' by now. Rename that one, then restore this one.",
            code="name_taken",
        ) from error


async def old(
    session: Session, days: float, project_id: UUID | None, after: UUID | None, limit: int
) -> list[Discarded]:
    """What has been in the trash for `days`, of one project or of all, with ids beyond `after`."""
    return await session.fetch_all(Discarded, _OLD, days, project_id, after, limit)


async def lock_old(session: Session, dataset_id: UUID, days: float) -> bool:
    """Keep others from changing a dataset that has been in the trash for `days`; False if it is not there."""
    return bool(await session.fetch_value(_STILL_THERE, dataset_id, days))


async def delete(session: Session, dataset_id: UUID) -> None:
    """Remove the dataset and its versions."""
    await session.execute("DELETE FROM datasets WHERE id = $1", dataset_id)
