"""The table `llm_policies`."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.database import Session

_SET = """
INSERT INTO llm_policies (project_id, level, updated_by) VALUES ($1, $2, $3)
ON CONFLICT (project_id) DO UPDATE
SET level = excluded.level, updated_by = excluded.updated_by, updated_at = now()
"""


# Two who decide take turns, also while there is no row to lock.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('llm.policy ' || $1::uuid::text, 0))"


@dataclass(frozen=True, slots=True)
class PolicyRecord:
    """What an owner decided."""

    level: str
    updated_by: UUID | None
    updated_at: datetime


async def find(session: Session, project_id: UUID) -> PolicyRecord | None:
    """What was decided for the project; None if nothing was."""
    sql = "SELECT level, updated_by, updated_at FROM llm_policies WHERE project_id = $1"
    return await session.fetch_one(PolicyRecord, sql, project_id)


async def lock(session: Session, project_id: UUID) -> None:
    """Keep others from deciding until this transaction ends."""
    await session.execute(_LOCK, project_id)


async def put(session: Session, project_id: UUID, level: str, user_id: UUID) -> None:
    """Decide."""
    await session.execute(_SET, project_id, level, user_id)


async def remove(session: Session, project_id: UUID) -> None:
    """Go back to the setting."""
    await session.execute("DELETE FROM llm_policies WHERE project_id = $1", project_id)
