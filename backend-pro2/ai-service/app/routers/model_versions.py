"""`/models/{model_id}`: versions of a model, and what training told of them."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import StreamingResponse

from shared.conditional import TAGGED_READ, json_answer, tagged
from shared.dependencies import IfNoneMatch
from shared.identity import CurrentCaller
from shared.schemas import Page, problems

from ..dependencies import ModelVersionsDep
from ..schemas.analyses import LARGEST_VERSION
from ..schemas.models import (
    CardModel,
    ImportanceModel,
    LeaderboardModel,
    VersionChoice,
    VersionModel,
    VersionSummary,
)
from ..services.model_cards import markdown_of
from ..services.model_versions import described
from .parameters import ChosenVersion, Force, NumberedQuery, numbered_page

router = APIRouter(prefix="/models/{model_id}", tags=["models"])

READ = problems(401, 404, 422, 429, 503)
VersionNumber = Annotated[int, Path(ge=1, le=LARGEST_VERSION, description="Number of a version.", examples=[2])]
CardFormat = Annotated[Literal["json", "md"], Query(description="JSON, or Markdown to read.")]
MARKDOWN: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/markdown": {"schema": {"type": "string"}}}, "description": "The card."}
}
ARCHIVE: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
        "description": "`model.skops`, `manifest.json` and `card.md`.",
    }
}


@router.get("/versions", operation_id="models_versions", summary="List a model's versions", responses=READ)
async def list_versions(
    model_id: UUID, caller: CurrentCaller, versions: ModelVersionsDep, page: NumberedQuery
) -> Page[VersionSummary]:
    """What was trained under this name, newest first."""
    rows = await versions.page(caller.id, model_id, below=page.below, limit=page.limit + 1)
    return numbered_page(rows, page.limit, VersionSummary.model_validate, lambda row: row.version)


@router.get(
    "/versions/{version}",
    operation_id="models_version",
    summary="Read a version of a model",
    response_model=VersionModel,
    responses=TAGGED_READ | READ,
)
async def read_version(
    model_id: UUID,
    version: VersionNumber,
    caller: CurrentCaller,
    versions: ModelVersionsDep,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """What the version was trained from, what it takes, and how good it is."""
    found = await versions.read(caller.id, model_id, VersionChoice(version))
    return tagged(described(found), if_none_match)


@router.delete(
    "/versions/{version}",
    operation_id="models_version_delete",
    summary="Remove a version of a model",
    status_code=204,
    responses=problems(401, 403, 404, 409, 422, 429, 503),
)
async def remove_version(
    model_id: UUID, version: VersionNumber, caller: CurrentCaller, versions: ModelVersionsDep, force: Force = False
) -> None:
    """Remove a version with its file; its number is not given again, and the only version cannot go."""
    await versions.remove(caller.id, model_id, version, force=force)


@router.get(
    "/card",
    operation_id="models_card",
    summary="Read a model card",
    response_model=CardModel,
    responses=MARKDOWN | READ,
)
async def card(
    model_id: UUID,
    caller: CurrentCaller,
    versions: ModelVersionsDep,
    choice: ChosenVersion,
    format: CardFormat = "json",  # noqa: A002 - the contract's name
) -> Response:
    """Data, metrics with intervals, calibration, subgroups and limits of a version."""
    found = await versions.card(caller.id, model_id, choice)
    return json_answer(found) if format == "json" else Response(markdown_of(found), media_type="text/markdown")


@router.get("/leaderboard", operation_id="models_leaderboard", summary="Read a leaderboard", responses=READ)
async def leaderboard(
    model_id: UUID, caller: CurrentCaller, versions: ModelVersionsDep, choice: ChosenVersion
) -> LeaderboardModel:
    """The candidates that training compared, the best first; the baseline and what was cut have no rank."""
    found = await versions.read(caller.id, model_id, choice)
    items = found.details["leaderboard"]
    return LeaderboardModel(model_id=model_id, version=found.version, metric=found.metric, items=items)


@router.get("/importance", operation_id="models_importance", summary="Read a model's importances", responses=READ)
async def importance(
    model_id: UUID, caller: CurrentCaller, versions: ModelVersionsDep, choice: ChosenVersion
) -> ImportanceModel:
    """How much worse the metric gets when a feature's values are shuffled; empty if the budget ended before."""
    found = await versions.read(caller.id, model_id, choice)
    items = found.details["importance"] or []
    return ImportanceModel(model_id=model_id, version=found.version, metric=found.metric, items=items)


@router.get(
    "/export",
    operation_id="models_export",
    summary="Export a model",
    response_class=StreamingResponse,
    responses=ARCHIVE | problems(401, 404, 409, 422, 429, 503),
)
async def export(
    model_id: UUID, caller: CurrentCaller, versions: ModelVersionsDep, choice: ChosenVersion
) -> StreamingResponse:
    """A zip archive of the fitted model in the format of skops, its manifest and its card. Models are made here alone:
    there is no import, so that no file of anybody else's is ever loaded."""
    found = await versions.export(caller.id, model_id, choice)
    headers = {
        "Content-Disposition": f'attachment; filename="{found.name}"',
        "X-Content-Type-Options": "nosniff",
        "X-Content-SHA256": found.sha256,
    }
    return StreamingResponse(found.chunks, media_type="application/zip", headers=headers)
