"""SQL over a project's datasets, answered at once unless it is to become a task."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.errors import Conflict, Invalid
from shared.membership import require_project
from shared.models.user import Caller
from shared.resources import Resources
from shared.tasks import Task

from ..repositories.versions import TableVersion
from ..schemas.queries import QueryRequest, QueryText
from .answer_cache import AnswerCache, answer_key
from .engine import Engine
from .query_tables import Plan, PlanMemory, Planner, local_tables, versions_behind
from .query_tasks import QueryTasks


@dataclass(frozen=True, slots=True)
class _Resolved:
    plan: Plan
    tables: Mapping[str, TableVersion]


class Queries:
    """Use cases of `/process/query` that answer at once, or hand on to QueryTasks."""

    def __init__(self, resources: Resources, engine: Engine, plans: PlanMemory, tasks: QueryTasks) -> None:
        self._tasks = tasks
        self._database = resources.database
        self._cache = resources.cache
        self._engine = engine
        self._planner = Planner(engine, plans)
        self._answers = AnswerCache(resources.redis, resources.settings.query_cache_seconds)

    async def ask(
        self, caller: Caller, query: QueryRequest, request_id: str | None, wait: float = 0
    ) -> Task | Mapping[str, Any]:
        """The rows, or the task of a query that asked for `background`.

        Raises:
            NotFound, Forbidden, Invalid, Conflict, RequestTimeout, TooManyTasks: see `run`, QueryTasks.submit.
        """
        if query.background:
            return await self._tasks.submit(caller, query, request_id, wait)
        return await self.run(caller.id, query)

    async def run(self, user_id: UUID, query: QueryRequest) -> Mapping[str, Any]:
        """The rows of one SELECT over the project's datasets, from the cache where that has them.

        Raises:
            NotFound: the project.
            Invalid: `invalid_sql`, `forbidden_sql`, `unknown_table`, `unknown_version`, `unknown_column`,
                `query_failed`, `query_too_large`.
            Conflict: `dataset_not_ready`, `version_blocked`, `version_expired`.
            RequestTimeout: `query_timeout`.
        """
        started = time.perf_counter()
        found = await self._resolve(user_id, query.project_id, query.sql)
        if not found.plan.repeatable:
            return await self._compute("shared.queries.query:run", found, {"sql": query.sql, "limit": query.limit})
        contents = [(name, str(row.parquet_sha256)) for name, row in found.tables.items()]
        key = answer_key("query", query.project_id, found.plan.digest, query.limit, contents)
        known = await self._answers.get(key)
        if known is not None:
            return {**known, "cached": True, "took_ms": round((time.perf_counter() - started) * 1000, 1)}
        answer = await self._compute("shared.queries.query:run", found, {"sql": query.sql, "limit": query.limit})
        await self._answers.put(key, answer)
        return answer

    async def validate(self, user_id: UUID, query: QueryText) -> Mapping[str, Any]:
        """Whether the query would run, the tables it reads and the columns of its answer; it does not run.

        Raises:
            NotFound: the project.
        """
        tables: list[dict[str, Any]] = []
        try:
            found = await self._resolve(user_id, query.project_id, query.sql)
            tables = [
                {"name": name, "dataset_id": row.dataset_id, "version": row.version}
                for name, row in found.tables.items()
            ]
            described = await self._compute("shared.queries.query:describe", found, {"sql": query.sql})
        except (Invalid, Conflict) as error:
            problem = {"code": error.code, "detail": error.detail}
            return {"valid": False, "tables": tables, "columns": [], "problem": problem}
        return {"valid": True, "tables": tables, "columns": described["columns"], "problem": None}

    async def estimate(self, user_id: UUID, query: QueryText) -> Mapping[str, Any]:
        """What the query would read, without running it (answer: shared.queries.plans.estimate).

        Raises:
            NotFound, Invalid, Conflict: as for `run`.
        """
        found = await self._resolve(user_id, query.project_id, query.sql)
        return await self._compute("shared.queries.plans:estimate", found, {"sql": query.sql})

    async def _resolve(self, user_id: UUID, project_id: UUID, sql: str) -> _Resolved:
        """Strangers cause no work: a text that is new is planned only for members."""
        if self._planner.remembered(sql) is None:
            async with self._database.transaction(read_only=True) as session:
                await require_project(session, project_id, user_id)
        plan = await self._planner.plan(sql)
        async with self._database.transaction(read_only=True) as session:
            await require_project(session, project_id, user_id)
            return _Resolved(plan, await versions_behind(session, project_id, user_id, plan))

    async def _compute(self, function: str, found: _Resolved, job: Mapping[str, Any]) -> dict[str, Any]:
        async def prepare() -> dict[str, Any]:
            return {**job, "tables": await local_tables(self._cache, found.tables)}

        return await self._engine.run_over(function, prepare)
