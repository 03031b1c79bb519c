"""The table `project_members`; who may ask is settled before, on the project that the caller holds."""

from dataclasses import dataclass
from uuid import UUID

from shared.database import Session
from shared.models.project import ProjectRole


@dataclass(frozen=True, slots=True)
class MemberRecord:
    """A user who may see a project."""

    user_id: UUID
    email: str
    role: str


class Members:
    """Who may see or change a project."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, project_id: UUID, user_id: UUID, role: ProjectRole) -> bool:
        """Let a user in; False if the user is a member already."""
        return bool(
            await self._session.execute(
                "INSERT INTO project_members (project_id, user_id, role) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                project_id,
                user_id,
                role.value,
            )
        )

    async def find(self, project_id: UUID, user_id: UUID) -> MemberRecord | None:
        """One member."""
        return await self._session.fetch_one(
            MemberRecord,
            """
            SELECT m.user_id, u.email, m.role
            FROM project_members m
            JOIN users u ON u.id = m.user_id
            WHERE m.project_id = $1 AND m.user_id = $2
            """,
            project_id,
            user_id,
        )

    async def has_address(self, project_id: UUID, email: str) -> bool:
        """Whether a member has this address."""
        return bool(
            await self._session.fetch_value(
                """
                SELECT EXISTS (SELECT 1 FROM project_members m JOIN users u ON u.id = m.user_id
                               WHERE m.project_id = $1 AND u.email = $2)
                """,
                project_id,
                email,
            )
        )

    async def page_of(self, project_id: UUID, limit: int, before: UUID | None) -> list[MemberRecord]:
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

    async def is_owned_without(self, project_id: UUID, user_id: UUID) -> bool:
        """Whether somebody else who can log in owns the project."""
        return bool(
            await self._session.fetch_value(
                """
                SELECT EXISTS (SELECT 1 FROM project_members m JOIN users u ON u.id = m.user_id
                               WHERE m.project_id = $1 AND m.user_id <> $2 AND m.role = 'owner' AND u.is_active)
                """,
                project_id,
                user_id,
            )
        )

    async def set_role(self, project_id: UUID, user_id: UUID, role: ProjectRole) -> None:
        """Let a member do more, or less."""
        await self._session.execute(
            "UPDATE project_members SET role = $3 WHERE project_id = $1 AND user_id = $2",
            project_id,
            user_id,
            role.value,
        )

    async def remove(self, project_id: UUID, user_id: UUID) -> None:
        """Let a member see nothing of the project any more."""
        await self._session.execute(
            "DELETE FROM project_members WHERE project_id = $1 AND user_id = $2", project_id, user_id
        )
