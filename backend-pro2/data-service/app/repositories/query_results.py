"""Rows of `query_results`: what a query that ran as a task has answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from shared.database import Session

_INSERT = """
INSERT INTO query_results (task_id, project_id, key, bytes, sha256, row_count, schema, warnings, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now() + $9::interval)
"""

_VISIBLE = """
SELECT r.task_id, r.key, r.sha256, r.row_count, r.schema, r.warnings, r.expires_at
FROM query_results r
JOIN project_members m ON m.project_id = r.project_id AND m.user_id = $2
WHERE r.task_id = $1 AND r.expires_at > now()
"""

_KEY = "SELECT key FROM query_results WHERE task_id = $1"

_EXPIRED = "SELECT task_id, key FROM query_results WHERE expires_at <= now() ORDER BY expires_at LIMIT $1"

_DELETE = "DELETE FROM query_results WHERE task_id = ANY($1::uuid[]) AND expires_at <= now()"


@dataclass(frozen=True, slots=True)
class NewResult:
    """What a query has answered, stored under `key`."""

    task_id: UUID
    project_id: UUID
    key: str
    bytes: int
    sha256: str
    row_count: int
    schema: list[dict[str, Any]]
    warnings: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class QueryResult:
    """A result as members of its project see it, until it expires."""

    task_id: UUID
    key: str
    sha256: str
    row_count: int
    schema: list[dict[str, Any]]
    warnings: list[dict[str, Any]]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ExpiredResult:
    """A result that nobody can read any more."""

    task_id: UUID
    key: str


async def insert(session: Session, new: NewResult, keep_for: timedelta) -> None:
    """Keep a result; the caller's transaction has made sure that the task is its own."""
    file = (new.key, new.bytes, new.sha256)
    await session.execute(
        _INSERT, new.task_id, new.project_id, *file, new.row_count, new.schema, new.warnings, keep_for
    )


async def visible(session: Session, task_id: UUID, user_id: UUID) -> QueryResult | None:
    """The result of the task, if the user is a member of its project and it has not expired."""
    return await session.fetch_one(QueryResult, _VISIBLE, task_id, user_id)


async def key(session: Session, task_id: UUID) -> str | None:
    """Where its rows are stored, expired or not; the caller has checked the user's role in its project."""
    found: str | None = await session.fetch_value(_KEY, task_id)
    return found


async def some_expired(session: Session, limit: int) -> list[ExpiredResult]:
    """Results of whatever project that have expired; for a chore."""
    return await session.fetch_all(ExpiredResult, _EXPIRED, limit)


async def remove_expired(session: Session, task_ids: Sequence[UUID]) -> None:
    """Forget them, once their objects are gone."""
    await session.execute(_DELETE, list(task_ids))
