"""The table `projects`, always as one user sees it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.database import Session


@dataclass(frozen=True, slots=True)
class ProjectRecord:
    """A project with the role of the one who asks; None for an administrator who is no member."""

    id: UUID
    name: str
    description: str
    role: str | None
    archived_at: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ProjectFilter:
    """Which projects a list holds; None leaves a condition away."""

    text: str | None = None
    archived: bool | None = None


class Projects:
    """Projects of the instance that are not being removed."""

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
        await self._session.execute(
            "INSERT INTO project_members (project_id, user_id, role) VALUES ($1, $2, 'owner')", project_id, created_by
        )

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

    async def known_to_administrator(self, user_id: UUID, project_id: UUID) -> ProjectRecord | None:
        """One project, whether or not the administrator who asks is a member of it."""
        return await self._session.fetch_one(
            ProjectRecord,
            """
            SELECT p.id, p.name, p.description, m.role, p.archived_at, p.created_at, p.updated_at
            FROM projects p
            LEFT JOIN project_members m ON m.project_id = p.id AND m.user_id = $1
            WHERE p.id = $2 AND p.deleted_at IS NULL
            """,
            user_id,
            project_id,
        )

    async def lock(self, user_id: UUID, project_id: UUID) -> ProjectRecord | None:
        """The same as `seen_by`, held until the transaction ends: of two who decide, the second sees the first's."""
        await self._session.execute(
            """
            SELECT p.id FROM project_members m JOIN projects p ON p.id = m.project_id
            WHERE m.user_id = $1 AND m.project_id = $2
            FOR NO KEY UPDATE OF p
            """,
            user_id,
            project_id,
        )
        # Read afresh: who waited above may have lost the role, or the membership, meanwhile.
        return await self.seen_by(user_id, project_id)

    async def lock_alone(self, user_id: UUID, project_id: UUID) -> ProjectRecord | None:
        """The same, after the end of every transaction that is changing something in the project."""
        await self._session.execute(
            """
            SELECT p.id FROM project_members m JOIN projects p ON p.id = m.project_id
            WHERE m.user_id = $1 AND m.project_id = $2
            FOR UPDATE OF p
            """,
            user_id,
            project_id,
        )
        return await self.seen_by(user_id, project_id)

    async def hold(self, project_id: UUID) -> bool:
        """Keep others from deciding about the project, whoever asks; False if it has gone."""
        return bool(
            await self._session.fetch_value(
                "SELECT true FROM projects WHERE id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE", project_id
            )
        )

    async def page_of(
        self, user_id: UUID, wanted: ProjectFilter, limit: int, before: UUID | None
    ) -> list[ProjectRecord]:
        """Up to `limit` projects of a member, newest first, older than `before`."""
        return await self._session.fetch_all(
            ProjectRecord,
            """
            SELECT p.id, p.name, p.description, m.role, p.archived_at, p.created_at, p.updated_at
            FROM project_members m
            JOIN projects p ON p.id = m.project_id
            WHERE m.user_id = $1 AND m.project_id < coalesce($2, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
              AND ($3::text IS NULL
                   OR strpos(lower(p.name), lower($3)) > 0 OR strpos(lower(p.description), lower($3)) > 0)
              AND ($4::boolean IS NULL OR (p.archived_at IS NOT NULL) = $4)
            ORDER BY m.project_id DESC
            LIMIT $5
            """,
            user_id,
            before,
            wanted.text,
            wanted.archived,
            limit,
        )

    async def page_of_all(
        self, user_id: UUID, wanted: ProjectFilter, limit: int, before: UUID | None
    ) -> list[ProjectRecord]:
        """The same of every project of the instance, for an administrator."""
        return await self._session.fetch_all(
            ProjectRecord,
            """
            SELECT p.id, p.name, p.description, m.role, p.archived_at, p.created_at, p.updated_at
            FROM projects p
            LEFT JOIN project_members m ON m.project_id = p.id AND m.user_id = $1
            WHERE p.deleted_at IS NULL AND p.id < coalesce($2, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
              AND ($3::text IS NULL
                   OR strpos(lower(p.name), lower($3)) > 0 OR strpos(lower(p.description), lower($3)) > 0)
              AND ($4::boolean IS NULL OR (p.archived_at IS NOT NULL) = $4)
            ORDER BY p.id DESC
            LIMIT $5
            """,
            user_id,
            before,
            wanted.text,
            wanted.archived,
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

    async def archive(self, project_id: UUID) -> None:
        """Make it read-only, from the first time on."""
        await self._session.execute(
            """
            UPDATE projects SET archived_at = clock_timestamp(), updated_at = clock_timestamp()
            WHERE id = $1 AND archived_at IS NULL
            """,
            project_id,
        )

    async def restore(self, project_id: UUID) -> None:
        """Let it be changed again."""
        await self._session.execute(
            """
            UPDATE projects SET archived_at = NULL, updated_at = clock_timestamp()
            WHERE id = $1 AND archived_at IS NOT NULL
            """,
            project_id,
        )
