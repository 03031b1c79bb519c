"""The tables `projects` and `project_members`, always as one member sees them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.database import Session
from shared.models.project import ProjectRole


@dataclass(frozen=True, slots=True)
class ProjectRecord:
    """A project with the role of the one who asks."""

    id: UUID
    name: str
    description: str
    role: str
    archived_at: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class MemberRecord:
    """A user who may see a project."""

    user_id: UUID
    email: str
    role: str


class Projects:
    """Projects and who may see them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def insert(self, project_id: UUID, name: str, description: str, created_by: UUID) -> None:
        """A new project with its creator as owner."""
        await self._session.execute(
            "INSERT INTO projects (id, name, description, created_by) VALUES ($1, $2, $3, $4)",
            project_id,
            name,
            description,
            created_by,
        )
        await self.add_member(project_id, created_by, ProjectRole.OWNER)

    async def seen_by(self, user_id: UUID, project_id: UUID) -> ProjectRecord | None:
        """One project, if the user is a member of it."""
        return await self._session.fetch_one(
            ProjectRecord,
            """
            SELECT p.id, p.name, p.description, m.role, p.archived_at, p.created_at, p.updated_at
            FROM project_members m
            JOIN projects p ON p.id = m.project_id
            WHERE m.user_id = $1 AND m.project_id = $2
            """,
            user_id,
            project_id,
        )

    async def lock(self, user_id: UUID, project_id: UUID) -> ProjectRecord | None:
        """The same, held until the transaction ends, so that of two writers the second sees the first's change."""
        return await self._session.fetch_one(
            ProjectRecord,
            """
            SELECT p.id, p.name, p.description, m.role, p.archived_at, p.created_at, p.updated_at
            FROM project_members m
            JOIN projects p ON p.id = m.project_id
            WHERE m.user_id = $1 AND m.project_id = $2
            FOR UPDATE OF p
            """,
            user_id,
            project_id,
        )

    async def page_of(self, user_id: UUID, limit: int, before: UUID | None) -> list[ProjectRecord]:
        """Up to `limit` projects of a member, newest first, older than `before`."""
        return await self._session.fetch_all(
            ProjectRecord,
            """
            SELECT p.id, p.name, p.description, m.role, p.archived_at, p.created_at, p.updated_at
            FROM project_members m
            JOIN projects p ON p.id = m.project_id
            WHERE m.user_id = $1 AND m.project_id < coalesce($2, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
            ORDER BY m.project_id DESC
            LIMIT $3
            """,
            user_id,
            before,
            limit,
        )

    async def update(self, project_id: UUID, name: str, description: str) -> None:
        """Rename or describe anew."""
        await self._session.execute(
            "UPDATE projects SET name = $2, description = $3, updated_at = clock_timestamp() WHERE id = $1",
            project_id,
            name,
            description,
        )

    async def delete(self, project_id: UUID) -> None:
        """Remove a project and every row below it."""
        await self._session.execute("DELETE FROM projects WHERE id = $1", project_id)

    async def add_member(self, project_id: UUID, user_id: UUID, role: ProjectRole) -> bool:
        """Let a user in; False if the user is a member already."""
        return bool(
            await self._session.execute(
                "INSERT INTO project_members (project_id, user_id, role) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                project_id,
                user_id,
                role.value,
            )
        )

    async def members_of(self, project_id: UUID, limit: int, before: UUID | None) -> list[MemberRecord]:
        """Up to `limit` members, newest account first, older than `before`."""
        return await self._session.fetch_all(
            MemberRecord,
            """
            SELECT m.user_id, u.email, m.role
            FROM project_members m
            JOIN users u ON u.id = m.user_id
            WHERE m.project_id = $1 AND m.user_id < coalesce($2, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
            ORDER BY m.user_id DESC
            LIMIT $3
            """,
            project_id,
            before,
            limit,
        )
