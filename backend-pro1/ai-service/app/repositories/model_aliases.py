"""Aliases of model versions, and where they have pointed."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.database import Session
from shared.ids import new_id

_OF_MODEL = """
SELECT a.model_id, a.alias, a.version, a.updated_by, a.updated_at
FROM model_aliases a
JOIN models m ON m.id = a.model_id
JOIN project_members pm ON pm.project_id = m.project_id AND pm.user_id = $1
WHERE a.model_id = $2 AND ($3::text IS NULL OR a.alias = $3)
ORDER BY a.alias
LIMIT 100
"""

_POINTS = "SELECT version FROM model_aliases WHERE model_id = $1 AND alias = $2"

_OF_VERSION = "SELECT array_agg(alias ORDER BY alias) FROM model_aliases WHERE model_id = $1 AND version = $2"

_COUNT = "SELECT count(*) FROM model_aliases WHERE model_id = $1"

_SET = """
INSERT INTO model_aliases (model_id, alias, version, updated_by, updated_at)
VALUES ($1, $2, $3, $4, clock_timestamp())
ON CONFLICT (model_id, alias) DO UPDATE
SET version = excluded.version, updated_by = excluded.updated_by, updated_at = excluded.updated_at
"""

_NOTE = """
INSERT INTO model_alias_moves (id, model_id, alias, from_version, to_version, task_id, reason, created_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""

_MOVES = """
SELECT h.id, h.model_id, h.alias, h.from_version, h.to_version, h.task_id, h.reason, h.created_by, h.created_at
FROM model_alias_moves h
JOIN models m ON m.id = h.model_id
JOIN project_members pm ON pm.project_id = m.project_id AND pm.user_id = $1
WHERE h.model_id = $2 AND ($3::text IS NULL OR h.alias = $3) AND ($4::uuid IS NULL OR h.id < $4)
ORDER BY h.id DESC
LIMIT $5
"""


@dataclass(frozen=True, slots=True)
class Alias:
    """A name of a version that can be moved."""

    model_id: UUID
    alias: str
    version: int
    updated_by: UUID | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Move:
    """What is written of a move; `task_id` is the training that made it, if one did."""

    model_id: UUID
    alias: str
    from_version: int | None
    to_version: int | None
    created_by: UUID | None
    reason: str = ""
    task_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class AliasMove:
    """A move as members of the project see it; without `to_version` the alias was removed."""

    id: UUID
    model_id: UUID
    alias: str
    from_version: int | None
    to_version: int | None
    task_id: UUID | None
    reason: str
    created_by: UUID | None
    created_at: datetime


async def of_model(session: Session, model_id: UUID, user_id: UUID, alias: str | None = None) -> list[Alias]:
    """Aliases of the model, or only this one, if the user is a member of its project."""
    return await session.fetch_all(Alias, _OF_MODEL, user_id, model_id, alias)


async def of_version(session: Session, model_id: UUID, version: int) -> list[str]:
    """Aliases that point to the version."""
    found: list[str] | None = await session.fetch_value(_OF_VERSION, model_id, version)
    return found or []


async def points_to(session: Session, model_id: UUID, alias: str) -> int | None:
    """The version that the alias points to; None if there is no such alias."""
    found: int | None = await session.fetch_value(_POINTS, model_id, alias)
    return found


async def count(session: Session, model_id: UUID) -> int:
    """How many the model has."""
    found: int = await session.fetch_value(_COUNT, model_id)
    return found


async def move(session: Session, move: Move) -> None:
    """Move, make or remove an alias and note it; the caller has locked the model."""
    if move.to_version is None:
        sql = "DELETE FROM model_aliases WHERE model_id = $1 AND alias = $2"
        await session.execute(sql, move.model_id, move.alias)
    else:
        await session.execute(_SET, move.model_id, move.alias, move.to_version, move.created_by)
    places = (move.alias, move.from_version, move.to_version)
    await session.execute(_NOTE, new_id(), move.model_id, *places, move.task_id, move.reason, move.created_by)


async def moves(
    session: Session, model_id: UUID, user_id: UUID, *, alias: str | None, before: UUID | None, limit: int
) -> list[AliasMove]:
    """Moves of this alias, or of all, the latest first, older than `before`."""
    return await session.fetch_all(AliasMove, _MOVES, user_id, model_id, alias, before, limit)
