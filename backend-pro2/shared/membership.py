"""Who may see or change a project; the one rule that every service asks."""

from dataclasses import dataclass
from uuid import UUID

from shared.database import Session
from shared.errors import Conflict, Forbidden, NotFound
from shared.models.project import ProjectRole

__all__ = ["ProjectArchived", "ProjectRole", "require_project", "role_in_project"]

_STANDING = """
SELECT m.role, p.archived_at IS NOT NULL AS archived
FROM project_members m
JOIN projects p ON p.id = m.project_id
WHERE m.project_id = $1 AND m.user_id = $2 AND p.deleted_at IS NULL
"""

# Whoever archives or removes the project waits for this transaction, or this one finds it archived or removed.
_HELD = f"{_STANDING} FOR KEY SHARE OF p"


class ProjectArchived(Conflict):
    """An archived project can be read, restored and removed, and nothing else."""

    code = "project_archived"

    def __init__(self) -> None:
        super().__init__("The project is archived, so nothing in it can change. An owner can restore it.")


@dataclass(frozen=True, slots=True)
class _Standing:
    role: str
    archived: bool


async def role_in_project(session: Session, project_id: UUID, user_id: UUID) -> ProjectRole | None:
    """The user's role in the project; None for strangers and for projects that do not exist."""
    role = await session.fetch_value(
        "SELECT role FROM project_members WHERE project_id = $1 AND user_id = $2", project_id, user_id
    )
    return None if role is None else ProjectRole(role)


async def require_project(
    session: Session,
    project_id: UUID,
    user_id: UUID,
    *,
    minimum: ProjectRole = ProjectRole.VIEWER,
    hold: bool = True,
) -> ProjectRole:
    """The user's role, at least `minimum`. Above viewer the caller is about to change something in the project.

    Such a change holds the project until its transaction ends, so that nothing is added to one that was archived or
    removed meanwhile; `hold=False` only looks, for read-only transactions that ask early.

    Raises:
        NotFound: the project is absent or not the user's to see.
        Forbidden: the user may see it, but the role does not suffice.
        ProjectArchived: it is archived, and `minimum` is above viewer.
    """
    if minimum is ProjectRole.VIEWER:
        role = await role_in_project(session, project_id, user_id)
        if role is None:
            raise NotFound
        return role
    return await _require_change(session, project_id, user_id, minimum, _HELD if hold else _STANDING)


async def _require_change(
    session: Session, project_id: UUID, user_id: UUID, minimum: ProjectRole, statement: str
) -> ProjectRole:
    standing = await session.fetch_one(_Standing, statement, project_id, user_id)
    if standing is None:
        raise NotFound
    role = ProjectRole(standing.role)
    if role.rank < minimum.rank:
        raise Forbidden(f"This needs the role {minimum} in the project; yours is {role}.")
    if standing.archived:
        raise ProjectArchived
    return role
