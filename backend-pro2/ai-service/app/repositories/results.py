"""Results of analyses."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.database import Session

_INSERT = """
INSERT INTO analysis_results (task_id, type, summary, tables, charts, warnings, artifacts, manifest)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""

_VISIBLE = """
SELECT r.task_id, r.type, r.summary, r.tables, r.charts, r.warnings, r.artifacts, r.manifest, r.created_at
FROM analysis_results r
JOIN analysis_tasks t ON t.id = r.task_id
JOIN project_members m ON m.project_id = t.project_id AND m.user_id = $2
WHERE r.task_id = $1
"""

_OF_PROJECT = """
SELECT r.task_id, r.type, r.summary, r.tables, r.charts, r.warnings, r.artifacts, r.manifest, r.created_at
FROM analysis_results r
JOIN analysis_tasks t ON t.id = r.task_id
WHERE r.task_id = $1 AND t.project_id = $2
"""


@dataclass(frozen=True, slots=True)
class Result:
    """One row of analysis_results; each of `artifacts` also knows its `key` and `sha256` in the object store."""

    task_id: UUID
    type: str
    summary: dict[str, Any]
    tables: list[dict[str, Any]]
    charts: list[dict[str, Any]]
    warnings: list[dict[str, Any]]
    artifacts: list[dict[str, Any]]
    manifest: dict[str, Any]
    created_at: datetime | None = None


async def insert(session: Session, result: Result) -> None:
    """Keep the result; the caller's transaction has made sure that the task is its own."""
    parts = (result.summary, result.tables, result.charts, result.warnings, result.artifacts, result.manifest)
    await session.execute(_INSERT, result.task_id, result.type, *parts)


async def visible(session: Session, task_id: UUID, user_id: UUID) -> Result | None:
    """The result of the task, if the user is a member of its project."""
    return await session.fetch_one(Result, _VISIBLE, task_id, user_id)


async def of_project(session: Session, task_id: UUID, project_id: UUID) -> Result | None:
    """The result of a task of the project; for workers, who act for the creator of theirs."""
    return await session.fetch_one(Result, _OF_PROJECT, task_id, project_id)
