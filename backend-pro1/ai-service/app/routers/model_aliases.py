"""`/models/{model_id}/aliases`: promote, roll back, look up where aliases have pointed."""

from uuid import UUID

from fastapi import APIRouter

from shared.identity import CurrentCaller
from shared.pagination import decode_cursor, page_of
from shared.schemas import Page, PageQuery, problems

from ..dependencies import ModelAliasesDep
from ..schemas.model_aliases import Aliases, AliasModel, AliasMoveModel, AliasName, AliasTarget

router = APIRouter(prefix="/models/{model_id}/aliases", tags=["models"])

READ = problems(401, 404, 422, 429, 503)


@router.get("", operation_id="models_aliases", summary="List a model's aliases", responses=READ)
async def list_aliases(model_id: UUID, caller: CurrentCaller, aliases: ModelAliasesDep) -> Aliases:
    """Which version each alias points to."""
    found = await aliases.all(caller.id, model_id)
    return Aliases(items=[AliasModel.model_validate(one) for one in found])


@router.put(
    "/{alias}",
    operation_id="models_alias_put",
    summary="Promote or roll back a version",
    responses=problems(400, 401, 403, 404, 409, 413, 422, 429, 503),
)
async def put_alias(
    model_id: UUID, alias: AliasName, target: AliasTarget, caller: CurrentCaller, aliases: ModelAliasesDep
) -> AliasModel:
    """Let the alias point to a version. What names no version uses the one that is `champion`."""
    return AliasModel.model_validate(await aliases.put(caller.id, model_id, alias, target))


@router.delete(
    "/{alias}",
    operation_id="models_alias_delete",
    summary="Remove an alias",
    status_code=204,
    responses=problems(401, 403, 404, 409, 422, 429, 503),
)
async def remove_alias(model_id: UUID, alias: AliasName, caller: CurrentCaller, aliases: ModelAliasesDep) -> None:
    """Remove the alias; the version that it points to stays, and so does its history."""
    await aliases.remove(caller.id, model_id, alias)


@router.get("/{alias}/history", operation_id="models_alias_history", summary="List an alias's moves", responses=READ)
async def list_moves(
    model_id: UUID, alias: AliasName, caller: CurrentCaller, aliases: ModelAliasesDep, page: PageQuery
) -> Page[AliasMoveModel]:
    """Where the alias has pointed, who or which training moved it, and why; the latest first."""
    before = decode_cursor(page.cursor)
    rows = await aliases.moves(caller.id, model_id, alias=alias, before=before, limit=page.limit + 1)
    return page_of(rows, page.limit, AliasMoveModel.model_validate, lambda row: row.id)
