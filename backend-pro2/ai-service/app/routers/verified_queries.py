"""`/analysis/verified-queries`: questions with SQL that a person accepted."""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from shared.conditional import TAGGED_CREATED, TAGGED_READ, tagged
from shared.dependencies import IfNoneMatch
from shared.idempotency import Once
from shared.identity import CurrentCaller
from shared.links import PublicPrefix, public_path
from shared.pagination import decode_cursor, page_of
from shared.schemas import OfProject, Page, PageQuery, problems

from ..dependencies import VerifiedQueriesDep
from ..repositories.verified_queries import VerifiedQuery
from ..schemas.verified_queries import NewVerifiedQuery, VerifiedQueryModel

router = APIRouter(prefix="/analysis/verified-queries", tags=["ask"])

READ = problems(401, 404, 422, 429, 503)


@router.get("", operation_id="verified_queries_list", summary="List verified queries", responses=READ)
async def list_queries(
    caller: CurrentCaller,
    queries: VerifiedQueriesDep,
    page: PageQuery,
    project_id: OfProject = None,
    dataset_id: Annotated[UUID | None, Query(description="Only those that read this dataset.")] = None,
) -> Page[VerifiedQueryModel]:
    """Verified queries of the caller's projects, newest first."""
    before = decode_cursor(page.cursor)
    rows = await queries.page(caller.id, project_id, dataset_id, before=before, limit=page.limit + 1)
    return page_of(rows, page.limit, VerifiedQueryModel.model_validate, lambda row: row.id)


@router.post(
    "",
    operation_id="verified_queries_create",
    summary="Keep a verified query",
    status_code=201,
    response_model=VerifiedQueryModel,
    responses=TAGGED_CREATED | problems(400, 401, 403, 404, 408, 409, 413, 422, 429, 503),
)
async def create_query(
    new: NewVerifiedQuery, caller: CurrentCaller, queries: VerifiedQueriesDep, once: Once, prefix: PublicPrefix
) -> Response:
    """Keep a question with the SQL that answers it. The LLM is shown up to three of those most like a new question.

    The SQL is checked against the datasets' columns, and not run. A project may have 1000.
    """
    return await once(partial(_created, prefix), queries.create, caller.id, new)


@router.get(
    "/{query_id}",
    operation_id="verified_queries_read",
    summary="Read a verified query",
    response_model=VerifiedQueryModel,
    responses=TAGGED_READ | READ,
)
async def read_query(
    query_id: UUID, caller: CurrentCaller, queries: VerifiedQueriesDep, if_none_match: IfNoneMatch = None
) -> Response:
    """The question, its SQL, and how often it was used."""
    return tagged(VerifiedQueryModel.model_validate(await queries.read(caller.id, query_id)), if_none_match)


@router.delete(
    "/{query_id}",
    operation_id="verified_queries_delete",
    summary="Forget a verified query",
    status_code=204,
    responses=problems(401, 403, 404, 409, 422, 429, 503),
)
async def delete_query(query_id: UUID, caller: CurrentCaller, queries: VerifiedQueriesDep) -> None:
    """Forget it; answers that were given with its help stay."""
    await queries.remove(caller.id, query_id)


def _created(prefix: str, made: VerifiedQuery) -> Response:
    place = public_path(prefix, f"/analysis/verified-queries/{made.id}")
    return tagged(VerifiedQueryModel.model_validate(made), status=201, headers={"Location": place})
