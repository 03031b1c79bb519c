"""`/process/query`: questions to datasets."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response

from shared.conditional import TAGGED_READ, json_answer, tagged
from shared.dependencies import IfNoneMatch, RequestId
from shared.idempotency import Attempt, Once
from shared.identity import CurrentCaller
from shared.links import PublicPrefix
from shared.schemas import ApiModel, Wait, problems
from shared.tasks import Task
from shared.tasks.answers import accepted_task
from shared.tasks.schemas import TaskModel, task_body

from ..dependencies import QueriesDep, QueryTasksDep
from ..schemas.queries import (
    ROWS_AT_ONCE,
    ROWS_EXAMPLE,
    QueryEstimate,
    QueryRequest,
    QueryText,
    QueryValidity,
    ResultRows,
    RowsModel,
)
from ..services.query_tasks import ResultPage
from .connected import Connected, WhileConnected
from .row_cursors import decode_row, encode_row

router = APIRouter(prefix="/process/query", tags=["process"])

READ_PROBLEMS = problems(400, 401, 404, 408, 409, 413, 422, 429, 503)
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The rows; of a query in the background that ended within `wait`, its task.",
        "content": {"application/json": {"example": ROWS_EXAMPLE}},
    },
    202: {"model": TaskModel, "description": "`background` was asked for; the task will run the query."},
}


@router.post(
    "",
    operation_id="process_query",
    summary="Query datasets with SQL",
    response_model=RowsModel | TaskModel,
    responses=ANSWERS | READ_PROBLEMS | problems(403),
)
async def run_query(
    query: QueryRequest,
    caller: CurrentCaller,
    queries: QueriesDep,
    request_id: RequestId,
    once: Once,
    connected: Connected,
    prefix: PublicPrefix,
    wait: Wait = 0,
) -> Response:
    """Run one SELECT over the project's datasets (DuckDB's SQL, without files, network, settings or catalog).

    A dataset is a table by its name, in double quotes where the name needs them; `"name@3"` is its version 3.
    Answers are remembered for a while. With `background`, which takes an editor, the answer is a task: it may run
    longer and give up to 10 million rows; read them under `/process/query/{task_id}/results`.
    """
    way = _way(query, once, connected)
    return await way(partial(_answered, prefix), queries.ask, caller, query, request_id, wait)


@router.post(
    "/validate",
    operation_id="process_query_validate",
    summary="Check a query without running it",
    response_model=QueryValidity,
    responses=READ_PROBLEMS,
)
async def validate_query(
    query: QueryText, caller: CurrentCaller, queries: QueriesDep, connected: Connected
) -> Response:
    """Whether the query would run, which versions it would read, and the columns of its answer."""
    return await connected(partial(_json, QueryValidity), queries.validate, caller.id, query)


@router.post(
    "/estimate",
    operation_id="process_query_estimate",
    summary="Estimate what a query would read",
    response_model=QueryEstimate,
    responses=READ_PROBLEMS,
)
async def estimate_query(
    query: QueryText, caller: CurrentCaller, queries: QueriesDep, connected: Connected
) -> Response:
    """Rows, bytes and columns that the query would read, and the engine's guess of its rows; it is not run."""
    return await connected(partial(_json, QueryEstimate), queries.estimate, caller.id, query)


@router.get(
    "/{task_id}",
    operation_id="process_query_read",
    summary="Read the task of a query",
    response_model=TaskModel,
    responses=TAGGED_READ | problems(401, 404, 422, 429, 503),
)
async def read_query(
    task_id: UUID,
    caller: CurrentCaller,
    tasks: QueryTasksDep,
    prefix: PublicPrefix,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Where a query stands that runs in the background."""
    return tagged(task_body(await tasks.read(caller.id, task_id), prefix), if_none_match)


@router.get(
    "/{task_id}/results",
    operation_id="process_query_results",
    summary="Read the rows of a query",
    response_model=ResultRows,
    responses=problems(401, 404, 409, 422, 429, 503),
)
async def read_rows(
    task_id: UUID,
    caller: CurrentCaller,
    tasks: QueryTasksDep,
    connected: Connected,
    limit: Annotated[int, Query(ge=1, le=ROWS_AT_ONCE, description="Rows a page.")] = 1000,
    cursor: Annotated[str | None, Query(max_length=100, description="`next_cursor` of the page before.")] = None,
) -> Response:
    """A page of the rows that a query in the background has answered, until they expire."""
    return await connected(_rows_page, tasks.rows, caller.id, task_id, decode_row(cursor), limit)


@router.delete(
    "/{task_id}",
    operation_id="process_query_remove",
    summary="Cancel or remove a query",
    status_code=204,
    responses=problems(401, 403, 404, 409, 422, 429, 503),
)
async def remove_query(task_id: UUID, caller: CurrentCaller, tasks: QueryTasksDep) -> None:
    """Call a query off that is not finished; remove one that is, with its rows."""
    await tasks.remove(caller.id, task_id)


def _way(query: QueryRequest, once: Attempt, connected: WhileConnected) -> Attempt | WhileConnected:
    """A task is accepted once and outlives its request; an answer at once is for whoever still waits for it."""
    return once if query.background else connected


def _answered(prefix: str, found: Task | Mapping[str, Any]) -> Response:
    return accepted_task(prefix, found, "/process/query") if isinstance(found, Task) else _json(RowsModel, found)


def _rows_page(page: ResultPage) -> Response:
    figures = {"total_rows": page.total_rows, "expires_at": page.expires_at, "next_cursor": encode_row(page.next_row)}
    return json_answer(ResultRows.model_validate({**page.answer, **figures}))


def _json(model: type[ApiModel], answer: Mapping[str, Any]) -> Response:
    return json_answer(model.model_validate(answer))
