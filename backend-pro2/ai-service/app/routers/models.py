"""`/models`: list, read, describe, compare and remove models."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from shared.conditional import TAGGED, TAGGED_READ, tagged
from shared.dependencies import IfMatch, IfNoneMatch
from shared.identity import CurrentCaller
from shared.pagination import decode_cursor, page_of
from shared.schemas import OfProject, Page, PageQuery, problems

from ..dependencies import ModelsDep
from ..repositories.models import Model
from ..schemas.model_aliases import ALIAS
from ..schemas.model_comparisons import ComparedIds, ComparisonModel, read_ids
from ..schemas.models import ModelChange, ModelFilter, ModelModel, ModelProblem
from ..services.model_comparisons import compare_models
from ..services.models import etag
from .parameters import Force

router = APIRouter(prefix="/models", tags=["models"])

READ = problems(401, 404, 422, 429, 503)


@router.get("", operation_id="models_list", summary="List models", responses=READ)
async def list_models(
    caller: CurrentCaller,
    models: ModelsDep,
    page: PageQuery,
    project_id: OfProject = None,
    dataset_id: Annotated[UUID | None, Query(description="Only those that learnt from this dataset.")] = None,
    problem: Annotated[ModelProblem | None, Query(description="Only those of this problem.")] = None,
    alias: Annotated[str | None, Query(pattern=ALIAS, description="Only those that have this alias.")] = None,
    tag: Annotated[str | None, Query(min_length=1, max_length=50, description="Only those with this tag.")] = None,
) -> Page[ModelModel]:
    """Models of the caller's projects, newest first."""
    wanted = ModelFilter(project_id, dataset_id, problem, alias, tag)
    rows = await models.page(caller.id, wanted, before=decode_cursor(page.cursor), limit=page.limit + 1)
    return page_of(rows, page.limit, ModelModel.model_validate, lambda row: row.id)


@router.get("/compare", operation_id="models_compare", summary="Compare models", responses=READ)
async def compare(caller: CurrentCaller, models: ModelsDep, ids: ComparedIds) -> ComparisonModel:
    """Metrics with their intervals side by side, and whether they were measured on the same data."""
    return compare_models(await models.several(caller.id, read_ids(ids)))


@router.get(
    "/{model_id}",
    operation_id="models_read",
    summary="Read a model",
    response_model=ModelModel,
    responses=TAGGED_READ | READ,
)
async def read(model_id: UUID, caller: CurrentCaller, models: ModelsDep, if_none_match: IfNoneMatch = None) -> Response:
    """The model, with figures of the version in use."""
    return _tagged(await models.read(caller.id, model_id), if_none_match)


@router.patch(
    "/{model_id}",
    operation_id="models_change",
    summary="Change a model",
    response_model=ModelModel,
    responses=TAGGED | problems(400, 401, 403, 404, 409, 412, 413, 422, 429, 503),
)
async def change(
    model_id: UUID, change: ModelChange, caller: CurrentCaller, models: ModelsDep, if_match: IfMatch = None
) -> Response:
    """Change name, description, tags or notes."""
    return _tagged(await models.change(caller.id, model_id, change, if_match))


@router.delete(
    "/{model_id}",
    operation_id="models_delete",
    summary="Remove a model",
    status_code=204,
    responses=problems(401, 403, 404, 409, 412, 422, 429, 503),
)
async def remove(
    model_id: UUID, caller: CurrentCaller, models: ModelsDep, force: Force = False, if_match: IfMatch = None
) -> None:
    """Remove the model with all versions and their files; results of its trainings stay."""
    await models.remove(caller.id, model_id, if_match, force=force)


def _tagged(found: Model, if_none_match: str | None = None) -> Response:
    return tagged(ModelModel.model_validate(found), if_none_match, tag=etag(found))
