"""Queries that run as tasks: submitted, followed, their rows read page by page for some hours, then removed."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from shared.errors import Conflict, NotFound, ServiceUnavailable
from shared.idempotency import keep_answer
from shared.ids import new_id
from shared.logging import get_logger
from shared.membership import ProjectRole, require_project
from shared.models.user import Caller
from shared.object_store import StoredObject
from shared.quotas import QuotaExceeded, require_bytes
from shared.removed_objects import remove_objects
from shared.resources import Resources
from shared.scopes import require_scope
from shared.scratch import scratch
from shared.tasks import NewTask, Queue, StaleAttempt, Task, TaskRun

from ..repositories import query_results
from ..repositories.query_results import NewResult, QueryResult
from ..repositories.versions import TableVersion
from ..schemas.queries import QueryRequest
from .engine import Engine
from .inputs import pinned_inputs
from .query_tables import PlanMemory, Planner, local_tables, versions_behind

log = get_logger(__name__)

KIND = "query"
FUNCTION = "shared.queries.results:store"
SWEEP_SECONDS = 600.0
SWEEP_PAGE = 500


@dataclass(frozen=True, slots=True)
class ResultPage:
    """Some rows of a result (answer: shared.queries.query.QueryAnswer); `next_row` is where the page after begins."""

    answer: Mapping[str, Any]
    total_rows: int
    next_row: int | None
    expires_at: datetime


class QueryTasks:
    """What a member may do with queries that run as tasks.

    Raises (all methods):
        NotFound: absent, or not the caller's to see. Forbidden: a viewer tries to change something.
    """

    def __init__(self, resources: Resources, engine: Engine, plans: PlanMemory) -> None:
        self._database = resources.database
        self._ledger = resources.ledger
        self._store = resources.object_store
        self._cache = resources.cache
        self._engine = engine
        self._planner = Planner(engine, plans)

    async def submit(self, caller: Caller, query: QueryRequest, request_id: str | None, wait: float = 0) -> Task:
        """Accept a query over the versions that its names mean now; the task as it stands after `wait` seconds.

        Raises:
            Invalid, Conflict: as for a query that is answered at once.
            TooManyTasks: the project's quota of unfinished tasks is used up.
        """
        if caller.scopes is not None:
            # Its rows are kept, which is more than the scope of a question allows.
            require_scope("POST", "/process/run", caller.scopes)
        async with self._database.transaction(read_only=True) as session:
            await require_project(session, query.project_id, caller.id, minimum=ProjectRole.EDITOR, hold=False)
        plan = await self._planner.plan(query.sql)
        async with self._database.transaction() as session:
            await require_project(session, query.project_id, caller.id, minimum=ProjectRole.EDITOR)
            tables = await versions_behind(session, query.project_id, caller.id, plan)
            task = await self._ledger.submit(session, _order(query, tables, caller.id, request_id))
            await keep_answer(session, task)
        return await self._ledger.ring_and_wait(task, caller.id, wait)

    async def read(self, user_id: UUID, task_id: UUID) -> Task:
        """The task of the query."""
        task = await self._ledger.read(task_id, user_id)
        if task.kind != KIND:
            raise NotFound
        return task

    async def rows(self, user_id: UUID, task_id: UUID, first: int, limit: int) -> ResultPage:
        """Rows of the result from number `first` on.

        Raises:
            Conflict: `not_finished`, or `no_result` if it failed or was cancelled.
            NotFound: `result_expired`.
        """
        task = await self.read(user_id, task_id)
        async with self._database.transaction(read_only=True) as session:
            result = await query_results.visible(session, task_id, user_id)
        if result is None:
            raise _no_result(task)
        answer = await self._page(result, first, limit)
        end = first + answer["row_count"]
        warnings = [*result.warnings, *answer["warnings"]]
        next_row = end if end < result.row_count else None
        return ResultPage({**answer, "warnings": warnings}, result.row_count, next_row, result.expires_at)

    async def remove(self, user_id: UUID, task_id: UUID) -> None:
        """Call the query off while it is not finished; afterwards remove it with its rows."""
        task = await self.read(user_id, task_id)
        if not task.is_finished:
            with suppress(Conflict):
                await self._ledger.cancel(task_id, user_id)
                return
        async with self._database.transaction() as session:
            await require_project(session, task.project_id, user_id, minimum=ProjectRole.EDITOR)
            key = await query_results.key(session, task_id)
            if not await self._ledger.remove(session, task_id):
                raise Conflict("This query has not finished; cancel it first.", code="not_finished")
        if key is not None:
            # What remains while the store is away is an orphan, and the sweep finds it.
            with suppress(ServiceUnavailable):
                await remove_objects(self._database, self._store, key)

    async def _page(self, result: QueryResult, first: int, limit: int) -> dict[str, Any]:
        async def prepare() -> dict[str, Any]:
            path = await self._cache.fetch(result.key, result.sha256)
            return {"path": str(path), "schema": result.schema, "offset": first, "limit": limit}

        return await self._engine.run_over("shared.queries.results:page", prepare)


async def run_query(run: TaskRun) -> None:
    """The task `query`: run it over the pinned versions, and keep its rows.

    Raises:
        TaskFailed: a version cannot be used any more.
        ComputeFailed: the query fails, or takes more than a task may.
        QuotaExceeded: the project has no room for the rows.
    """
    resources, params = run.resources, run.task.params
    await run.progress(0, 0, "Fetching the datasets")
    tables = await _tables(run)
    async with scratch(resources.settings.cache_dir) as folder:
        file = folder / "result.parquet"
        places = {"parquet": str(file), "scratch": str(folder)}
        limits = {"memory_mb": resources.settings.task_memory_limit_mb, "threads": resources.settings.engine_threads}
        job = {"sql": params["sql"], "limit": params["limit"], "tables": tables, **places, **limits}
        answer = await run.compute(FUNCTION, job, timeout_seconds=resources.settings.query_task_timeout_seconds)
        await _keep(run, file, answer)


async def remove_expired(resources: Resources) -> None:
    """A chore: the rows of old queries go, objects before the rows that tell of them."""
    removed = 0
    while True:
        async with resources.database.transaction(read_only=True) as session:
            page = await query_results.some_expired(session, SWEEP_PAGE)
        if not page:
            break
        await remove_objects(resources.database, resources.object_store, *(result.key for result in page))
        async with resources.database.transaction() as session:
            await query_results.remove_expired(session, [result.task_id for result in page])
        removed += len(page)
    log.info("query_results_expired", count=removed)


async def _tables(run: TaskRun) -> list[dict[str, str]]:
    named: list[dict[str, Any]] = run.task.params["tables"]
    wanted = [(UUID(table["dataset_id"]), int(table["version"])) for table in named]
    found = await pinned_inputs(run.resources, run.task.project_id, wanted)
    names = (table["name"] for table in named)
    return await local_tables(run.resources.cache, dict(zip(names, found, strict=True)))


async def _keep(run: TaskRun, file: Path, answer: dict[str, Any]) -> None:
    await run.progress(97, 100, "Storing")
    stored = await run.resources.object_store.put_file(f"{run.task.project_id}/{run.task.id}/{new_id()}", file)
    try:
        await _commit(run, stored, answer)
    except (StaleAttempt, QuotaExceeded, NotFound):
        await run.resources.object_store.remove(stored.key)
        raise


async def _commit(run: TaskRun, stored: StoredObject, answer: dict[str, Any]) -> None:
    task, settings = run.task, run.resources.settings
    file = (stored.key, stored.bytes, stored.sha256)
    new = NewResult(task.id, task.project_id, *file, answer["rows"], answer["schema"], answer["warnings"])
    async with run.commit({"rows": answer["rows"]}) as session:
        await require_bytes(session, settings, task.project_id, stored.bytes)
        await query_results.insert(session, new, timedelta(hours=settings.query_result_hours))


def _order(query: QueryRequest, tables: Mapping[str, TableVersion], user_id: UUID, request_id: str | None) -> NewTask:
    pinned = [{"name": name, "dataset_id": str(row.dataset_id), "version": row.version} for name, row in tables.items()]
    params = {"sql": query.sql, "limit": query.limit, "tables": pinned}
    return NewTask(KIND, Queue.INGEST, query.project_id, user_id, params, request_id=request_id)


def _no_result(task: Task) -> Conflict | NotFound:
    if not task.is_finished:
        detail = f"This query is {task.status}; its rows are there once it has succeeded."
        return Conflict(detail, code="not_finished", headers={"Retry-After": "1"})
    if task.status == "succeeded":
        return NotFound("The rows of this query are not kept any more; run it again.", code="result_expired")
    reason = f": {task.error_detail}" if task.error_detail else "."
    return Conflict(f"This query has {task.status} and left no rows{reason}", code="no_result")
