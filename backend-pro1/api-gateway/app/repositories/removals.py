"""Projects that are being removed: rows without members, kept while their task can be read."""

from dataclasses import dataclass
from uuid import UUID

from shared.database import Session


@dataclass(frozen=True, slots=True)
class StuckRemoval:
    """A project whose removal failed, and who had asked for it."""

    project_id: UUID
    asked_by: UUID | None


class Removals:
    """The table `projects` beyond the end."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def lock(self, project_id: UUID) -> bool:
        """Wait for every transaction that is changing something in the project; False if it has gone."""
        return bool(
            await self._session.fetch_value(
                "SELECT true FROM projects WHERE id = $1 AND deleted_at IS NULL FOR UPDATE", project_id
            )
        )

    async def bury(self, project_id: UUID) -> None:
        """Leave a nameless row that nobody sees; the caller has locked it."""
        await self._session.execute(
            """
            UPDATE projects SET deleted_at = now(), updated_at = now(), name = 'Removed', description = ''
            WHERE id = $1
            """,
            project_id,
        )
        await self._session.execute("DELETE FROM project_invitations WHERE project_id = $1", project_id)
        await self._session.execute("DELETE FROM project_members WHERE project_id = $1", project_id)

    async def stuck(self, limit: int) -> list[StuckRemoval]:
        """Up to `limit` removed projects without a task that removes them or has done so, held for the caller."""
        return await self._session.fetch_all(
            StuckRemoval,
            """
            SELECT p.id AS project_id,
                   (SELECT t.created_by FROM analysis_tasks t
                    WHERE t.project_id = p.id AND t.kind = 'project_removal' ORDER BY t.id DESC LIMIT 1) AS asked_by
            FROM projects p
            WHERE p.deleted_at IS NOT NULL
              AND NOT EXISTS (SELECT 1 FROM analysis_tasks t
                              WHERE t.project_id = p.id AND t.kind = 'project_removal'
                                AND t.status IN ('queued', 'running', 'succeeded'))
            ORDER BY p.deleted_at
            LIMIT $1
            FOR UPDATE OF p SKIP LOCKED
            """,
            limit,
        )

    async def forget(self, limit: int) -> int:
        """Drop up to `limit` rows whose removal succeeded more than a week ago, with all that still hangs on them."""
        return await self._session.execute(
            """
            DELETE FROM projects WHERE id IN (
                SELECT p.id FROM projects p
                WHERE p.deleted_at < now() - interval '7 days'
                  AND EXISTS (SELECT 1 FROM analysis_tasks t
                              WHERE t.project_id = p.id AND t.kind = 'project_removal' AND t.status = 'succeeded'
                                AND t.finished_at < now() - interval '7 days')
                ORDER BY p.deleted_at
                LIMIT $1
                FOR UPDATE OF p SKIP LOCKED
            )
            """,
            limit,
        )
