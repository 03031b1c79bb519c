"""What a user has made and used, counted over the tables of all services."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from shared.database import Session


@dataclass(frozen=True, slots=True)
class Made:
    """Projects, datasets and the size of versions."""

    projects: int
    datasets: int
    bytes: int
    rows: int


@dataclass(frozen=True, slots=True)
class TaskCount:
    """How many tasks stand in one way."""

    status: str
    tasks: int


@dataclass(frozen=True, slots=True)
class LlmSum:
    """Tokens, calls and cost of one month."""

    tokens_in: int
    tokens_out: int
    tokens_cached: int
    calls: int
    cost: float


class UsageCounts:
    """Counts for one user; each statement reads that user's rows by an index."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def made(self, user_id: UUID) -> Made | None:
        """Projects owned; datasets and versions created, whoever may see them now.

        What is in the trash is no dataset any more, but its bytes are there until it is purged. Content that versions
        share counts once, that of expired ones not at all.
        """
        return await self._session.fetch_one(
            Made,
            """
            SELECT
                (SELECT count(*) FROM project_members WHERE user_id = $1 AND role = 'owner') AS projects,
                (SELECT count(*) FROM datasets WHERE created_by = $1 AND deleted_at IS NULL) AS datasets,
                v.raw_bytes + c.bytes AS bytes, v.rows
            FROM (
                SELECT coalesce(sum(raw_bytes) FILTER (WHERE raw_keys <> '{}'), 0)::bigint AS raw_bytes,
                       coalesce(sum(row_count) FILTER (WHERE status <> 'expired'), 0)::bigint AS rows
                FROM dataset_versions WHERE created_by = $1
            ) AS v
            CROSS JOIN (
                SELECT coalesce(sum(parquet_bytes), 0)::bigint AS bytes
                FROM (SELECT DISTINCT parquet_key, parquet_bytes FROM dataset_versions
                      WHERE created_by = $1 AND parquet_key IS NOT NULL) AS content
            ) AS c
            """,
            user_id,
        )

    async def tasks(self, user_id: UUID) -> list[TaskCount]:
        """Tasks submitted, by how they stand."""
        return await self._session.fetch_all(
            TaskCount,
            "SELECT status, count(*) AS tasks FROM analysis_tasks WHERE created_by = $1 GROUP BY status",
            user_id,
        )

    async def requests_30_days(self, user_id: UUID) -> int:
        """Calls of the API that are on record."""
        found: int = await self._session.fetch_value(
            "SELECT count(*) FROM api_logs WHERE user_id = $1 AND at > now() - interval '30 days'", user_id
        )
        return found

    async def llm(self, user_id: UUID, month: date) -> LlmSum | None:
        """The LLM in the month that begins on `month`, over all projects."""
        return await self._session.fetch_one(
            LlmSum,
            """
            SELECT coalesce(sum(tokens_in), 0)::bigint AS tokens_in, coalesce(sum(tokens_out), 0)::bigint AS tokens_out,
                   coalesce(sum(tokens_cached), 0)::bigint AS tokens_cached,
                   coalesce(sum(calls), 0)::bigint AS calls, coalesce(sum(cost), 0)::float8 AS cost
            FROM llm_usage WHERE user_id = $1 AND month = $2
            """,
            user_id,
            month,
        )
