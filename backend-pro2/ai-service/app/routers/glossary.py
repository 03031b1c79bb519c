"""`/analysis/glossary`: a project's own words and metrics."""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from shared.conditional import TAGGED, TAGGED_CREATED, TAGGED_READ, tagged
from shared.dependencies import IfMatch, IfNoneMatch
from shared.idempotency import Once
from shared.identity import CurrentCaller
from shared.links import PublicPrefix, public_path
from shared.pagination import decode_cursor, page_of
from shared.schemas import OfProject, Page, PageQuery, problems

from ..dependencies import GlossaryDep
from ..repositories.glossary import Term
from ..schemas.glossary import NewTerm, TermChange, TermModel
from ..services.glossary import etag

router = APIRouter(prefix="/analysis/glossary", tags=["ask"])

READ = problems(401, 404, 422, 429, 503)


@router.get("", operation_id="glossary_list", summary="List terms", responses=READ)
async def list_terms(
    caller: CurrentCaller,
    glossary: GlossaryDep,
    page: PageQuery,
    project_id: OfProject = None,
    dataset_id: Annotated[UUID | None, Query(description="Only those of this dataset.")] = None,
) -> Page[TermModel]:
    """Words and metrics of the caller's projects, newest first."""
    before = decode_cursor(page.cursor)
    rows = await glossary.page(caller.id, project_id, dataset_id, before=before, limit=page.limit + 1)
    return page_of(rows, page.limit, TermModel.model_validate, lambda row: row.id)


@router.post(
    "",
    operation_id="glossary_create",
    summary="Define a term",
    status_code=201,
    response_model=TermModel,
    responses=TAGGED_CREATED | problems(400, 401, 403, 404, 408, 409, 413, 422, 429, 503),
)
async def create_term(
    new: NewTerm, caller: CurrentCaller, glossary: GlossaryDep, once: Once, prefix: PublicPrefix
) -> Response:
    """Define a word of the project's, or with an expression a metric. The LLM is told of them with each question.

    An expression is checked at once: one value made of columns that the dataset shows. A project may have 500 terms.
    """
    return await once(partial(_created, prefix), glossary.create, caller.id, new)


@router.get(
    "/{term_id}",
    operation_id="glossary_read",
    summary="Read a term",
    response_model=TermModel,
    responses=TAGGED_READ | READ,
)
async def read_term(
    term_id: UUID, caller: CurrentCaller, glossary: GlossaryDep, if_none_match: IfNoneMatch = None
) -> Response:
    """The word or metric."""
    return _tagged(await glossary.read(caller.id, term_id), if_none_match)


@router.patch(
    "/{term_id}",
    operation_id="glossary_change",
    summary="Change a term",
    response_model=TermModel,
    responses=TAGGED | problems(400, 401, 403, 404, 408, 409, 412, 413, 422, 429, 503),
)
async def change_term(
    term_id: UUID, change: TermChange, caller: CurrentCaller, glossary: GlossaryDep, if_match: IfMatch = None
) -> Response:
    """Change what is named. An expression is checked anew, also when only the name changes."""
    return _tagged(await glossary.change(caller.id, term_id, change, if_match))


@router.delete(
    "/{term_id}",
    operation_id="glossary_delete",
    summary="Remove a term",
    status_code=204,
    responses=problems(401, 403, 404, 409, 412, 422, 429, 503),
)
async def delete_term(term_id: UUID, caller: CurrentCaller, glossary: GlossaryDep, if_match: IfMatch = None) -> None:
    """Remove the word or metric; answers that were given with it stay."""
    await glossary.remove(caller.id, term_id, if_match)


def _created(prefix: str, made: Term) -> Response:
    place = public_path(prefix, f"/analysis/glossary/{made.id}")
    return tagged(TermModel.model_validate(made), tag=etag(made), status=201, headers={"Location": place})


def _tagged(found: Term, if_none_match: str | None = None) -> Response:
    return tagged(TermModel.model_validate(found), if_none_match, tag=etag(found))
