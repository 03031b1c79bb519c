"""Who may see or change a project; the one rule that every service asks."""

from uuid import UUID

from shared.database import Session
from shared.errors import Forbidden, NotFound
from shared.models.project import ProjectRole

__all__ = ["ProjectRole", "require_project", "role_in_project"]


async def role_in_project(session: Session, project_id: UUID, user_id: UUID) -> ProjectRole | None:
    """The user's role in the project; None for strangers and for projects that do not exist."""
    role = await session.fetch_value(
        "SELECT role FROM project_members WHERE project_id = $1 AND user_id = $2", project_id, user_id
    )
    return None if role is None else ProjectRole(role)


async def require_project(
    session: Session, project_id: UUID, user_id: UUID, *, minimum: ProjectRole = ProjectRole.VIEWER
) -> ProjectRole:
    """The user's role, at least `minimum`.

    Raises:
        NotFound: the project is absent or not the user's to see.
        Forbidden: the user may see it, but the role does not suffice.
    """
    role = await role_in_project(session, project_id, user_id)
    if role is None:
        raise NotFound
    if role.rank < minimum.rank:
        raise Forbidden(f"This needs the role {minimum} in the project; yours is {role}.")
    return role
