"""What a user who leaves the instance leaves behind in projects."""

from uuid import UUID

from shared.database import Session


class Erasures:
    """Projects of a user about to be removed."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def lock_projects(self, user_id: UUID) -> None:
        """Hold every project of the user to the transaction's end, so that nobody joins, leaves or fills one meanwhile.

        It comes before the lock on the user: whoever holds a project may be about to write the user's id into it.
        """
        await self._session.execute(
            """
            SELECT p.id FROM project_members m JOIN projects p ON p.id = m.project_id
            WHERE m.user_id = $1 ORDER BY p.id FOR UPDATE OF p
            """,
            user_id,
        )

    async def count_orphaned(self, user_id: UUID) -> int:
        """Projects with other members, none of whom is an owner who can log in."""
        count: int = await self._session.fetch_value(
            """
            SELECT count(*) FROM project_members m
            WHERE m.user_id = $1 AND m.role = 'owner'
              AND EXISTS (SELECT FROM project_members o WHERE o.project_id = m.project_id AND o.user_id <> $1)
              AND NOT EXISTS (SELECT FROM project_members o JOIN users u ON u.id = o.user_id
                              WHERE o.project_id = m.project_id AND o.user_id <> $1
                                AND o.role = 'owner' AND u.is_active)
            """,
            user_id,
        )
        return count

    async def projects_alone(self, user_id: UUID, limit: int) -> list[UUID]:
        """Up to `limit` projects that have no other member."""
        found = await self._session.fetch_value(
            """
            SELECT coalesce(array_agg(project_id), '{}') FROM (
                SELECT m.project_id FROM project_members m
                WHERE m.user_id = $1
                  AND NOT EXISTS (SELECT FROM project_members o WHERE o.project_id = m.project_id AND o.user_id <> $1)
                ORDER BY m.project_id LIMIT $2
            ) AS alone
            """,
            user_id,
            limit,
        )
        return list(found)
