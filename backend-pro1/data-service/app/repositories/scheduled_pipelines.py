"""What a scheduled pipeline asks before it runs: for whom, and which dataset has a name by now."""

from uuid import UUID

from shared.database import Session

_IS_ACTIVE = "SELECT is_active FROM users WHERE id = $1"

_NAMED = "SELECT id FROM datasets WHERE project_id = $1 AND lower(name) = lower($2) AND deleted_at IS NULL"


async def is_active(session: Session, user_id: UUID) -> bool:
    """Whether the user may log in."""
    return bool(await session.fetch_value(_IS_ACTIVE, user_id))


async def dataset_named(session: Session, project_id: UUID, name: str) -> UUID | None:
    """The project's dataset of that name, in whatever case; the caller has checked the user's role in the project."""
    found: UUID | None = await session.fetch_value(_NAMED, project_id, name)
    return found
