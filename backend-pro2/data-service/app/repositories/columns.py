"""What is known of a version's columns beside their types: notes of people, and whether values are missing."""

from uuid import UUID

from shared.database import Session

Note = dict[str, str | bool]
Notes = dict[str, Note]
"""By column name: `description`, `unit` and `personal`, each where there is one."""

_NOTES = "SELECT column_notes FROM datasets WHERE id = $1"

_SET_NOTES = "UPDATE datasets SET column_notes = $2, updated_at = now() WHERE id = $1"

_WITH_NULLS = """
SELECT array_agg(c ->> 'name')
FROM dataset_versions v
CROSS JOIN LATERAL jsonb_array_elements(v.profile -> 'columns') AS c
WHERE v.dataset_id = $1 AND v.version = $2 AND (c ->> 'nulls')::bigint > 0
"""


async def notes(session: Session, dataset_id: UUID) -> Notes:
    """Notes about the columns of a dataset that the caller may read."""
    found: Notes = await session.fetch_value(_NOTES, dataset_id) or {}
    return found


async def set_notes(session: Session, dataset_id: UUID, noted: Notes) -> None:
    """Replace the notes; the caller has locked the dataset."""
    await session.execute(_SET_NOTES, dataset_id, noted)


async def with_nulls(session: Session, dataset_id: UUID, version: int) -> set[str]:
    """Columns of a version, which the caller may read, in which values are missing."""
    return set(await session.fetch_value(_WITH_NULLS, dataset_id, version) or ())
