"""Rows of `model_evaluations`: how versions of models did on later data."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.database import Session

# Nothing is added once the version has gone.
_INSERT = """
INSERT INTO model_evaluations (id, model_id, version, kind, task_id, dataset_id, dataset_version, row_count, summary,
                               details, created_by)
SELECT $1, v.model_id, v.version, $4, $5, $6, $7, $8, $9, $10, $11
FROM model_versions v
WHERE v.model_id = $2 AND v.version = $3
FOR KEY SHARE
"""

_PAGE = """
SELECT e.id, e.model_id, e.version, e.kind, e.task_id, e.dataset_id, e.dataset_version, e.row_count AS rows, e.summary,
       e.details, e.created_by, e.created_at
FROM model_evaluations e
JOIN models m ON m.id = e.model_id
JOIN project_members pm ON pm.project_id = m.project_id AND pm.user_id = $1
WHERE e.model_id = $2 AND ($3::text IS NULL OR e.kind = $3) AND ($4::int IS NULL OR e.version = $4)
  AND ($5::uuid IS NULL OR e.id < $5)
ORDER BY e.id DESC
LIMIT $6
"""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """An evaluation, or a comparison with the training data, as members of the project see it."""

    id: UUID
    model_id: UUID
    version: int
    kind: str
    task_id: UUID | None
    dataset_id: UUID
    dataset_version: int
    rows: int
    summary: dict[str, Any]
    details: dict[str, Any]
    created_by: UUID | None
    created_at: datetime | None = None


async def insert(session: Session, new: Evaluation) -> bool:
    """Keep it; False if the version has gone."""
    of = (new.id, new.model_id, new.version, new.kind, new.task_id, new.dataset_id, new.dataset_version)
    return await session.execute(_INSERT, *of, new.rows, new.summary, new.details, new.created_by) == 1


async def page(
    session: Session,
    model_id: UUID,
    user_id: UUID,
    kind: str | None,
    version: int | None,
    *,
    before: UUID | None,
    limit: int,
) -> list[Evaluation]:
    """Of the model, newest first, older than `before`, if the user is a member of its project."""
    return await session.fetch_all(Evaluation, _PAGE, user_id, model_id, kind, version, before, limit)
