"""The table `project_quotas`, and what a project has used, counted over the tables of all services."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from shared.database import Session


@dataclass(frozen=True, slots=True)
class OwnLimits:
    """What an administrator set for one project; None means the instance's setting."""

    max_bytes: int | None
    max_rows: int | None
    max_tasks: int | None
    max_running_tasks: int | None
    max_llm_tokens: int | None


@dataclass(frozen=True, slots=True)
class TaskCountRecord:
    """How many tasks stand in one way."""

    status: str
    tasks: int


@dataclass(frozen=True, slots=True)
class LlmTotals:
    """What a project spent in one month."""

    month: date
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    calls: int
    cost: float


@dataclass(frozen=True, slots=True)
class UserTokensRecord:
    """What one user spent in one month."""

    user_id: UUID
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    calls: int
    cost: float


class Quotas:
    """Limits of projects, and their use."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def own(self, project_id: UUID) -> OwnLimits:
        """What was set for the project."""
        found = await self._session.fetch_one(
            OwnLimits,
            """
            SELECT max_bytes, max_rows, max_tasks, max_running_tasks, max_llm_tokens
            FROM project_quotas
            WHERE project_id = $1
            """,
            project_id,
        )
        return found or OwnLimits(None, None, None, None, None)

    async def set(self, project_id: UUID, limits: OwnLimits, updated_by: UUID) -> None:
        """Set all limits; the caller holds the project."""
        await self._session.execute(
            """
            INSERT INTO project_quotas
                (project_id, max_bytes, max_rows, max_tasks, max_running_tasks, max_llm_tokens, updated_by)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (project_id) DO UPDATE
            SET max_bytes = excluded.max_bytes, max_rows = excluded.max_rows, max_tasks = excluded.max_tasks,
                max_running_tasks = excluded.max_running_tasks, max_llm_tokens = excluded.max_llm_tokens,
                updated_by = excluded.updated_by, updated_at = now()
            """,
            project_id,
            limits.max_bytes,
            limits.max_rows,
            limits.max_tasks,
            limits.max_running_tasks,
            limits.max_llm_tokens,
            updated_by,
        )

    async def count_datasets(self, project_id: UUID) -> int:
        """Datasets of the project, without what is in the trash."""
        count: int = await self._session.fetch_value(
            "SELECT count(*) FROM datasets WHERE project_id = $1 AND deleted_at IS NULL", project_id
        )
        return count

    async def count_tasks(self, project_id: UUID) -> list[TaskCountRecord]:
        """Tasks of the project by status."""
        return await self._session.fetch_all(
            TaskCountRecord,
            "SELECT status, count(*) AS tasks FROM analysis_tasks WHERE project_id = $1 GROUP BY status",
            project_id,
        )

    async def llm_totals(self, project_id: UUID) -> LlmTotals:
        """What the project spent in the present month."""
        found = await self._session.fetch_one(
            LlmTotals,
            """
            SELECT date_trunc('month', now() AT TIME ZONE 'UTC')::date AS month,
                   coalesce(sum(tokens_in), 0)::bigint AS tokens_in,
                   coalesce(sum(tokens_out), 0)::bigint AS tokens_out,
                   coalesce(sum(tokens_cached), 0)::bigint AS tokens_cached,
                   coalesce(sum(calls), 0)::bigint AS calls, coalesce(sum(cost), 0)::float8 AS cost
            FROM llm_usage
            WHERE project_id = $1 AND month = date_trunc('month', now() AT TIME ZONE 'UTC')::date
            """,
            project_id,
        )
        assert found is not None  # noqa: S101 - an aggregate without GROUP BY has one row
        return found

    async def llm_by_user(self, project_id: UUID, limit: int) -> list[UserTokensRecord]:
        """Who spent how much in the present month, the most first."""
        return await self._session.fetch_all(
            UserTokensRecord,
            """
            SELECT user_id, tokens_in, tokens_out, tokens_cached, calls, cost::float8 AS cost
            FROM llm_usage
            WHERE project_id = $1 AND month = date_trunc('month', now() AT TIME ZONE 'UTC')::date
            ORDER BY tokens_in + tokens_out DESC, user_id
            LIMIT $2
            """,
            project_id,
            limit,
        )
