"""A project and its people, as rows."""

from dataclasses import dataclass
from uuid import UUID

from shared.database import Database

_USER = "INSERT INTO users (id, email, password_hash) VALUES ($1, $2, 'x')"
_PROJECT = "INSERT INTO projects (id, name, created_by) VALUES ($1, 'Test', $2)"
_MEMBER = "INSERT INTO project_members (project_id, user_id, role) VALUES ($1, $2, $3)"


@dataclass(frozen=True, slots=True)
class Workspace:
    """Ids of one project and of users in each role; `stranger` is a member of nothing."""

    project_id: UUID
    owner: UUID
    editor: UUID
    viewer: UUID
    stranger: UUID

    async def write(self, database: Database) -> None:
        """Insert the rows."""
        roles = {"owner": self.owner, "editor": self.editor, "viewer": self.viewer}
        async with database.transaction() as session:
            for name, user_id in {**roles, "stranger": self.stranger}.items():
                await session.execute(_USER, user_id, f"{name}-{user_id}@example.org")
            await session.execute(_PROJECT, self.project_id, self.owner)
            for role, user_id in roles.items():
                await session.execute(_MEMBER, self.project_id, user_id, role)
