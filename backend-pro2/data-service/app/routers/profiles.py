"""`/manage/datasets/{id}/profile`: the statistics of a version."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from shared.conditional import TAG_HEADER, TAGGED_READ, not_modified, tagged
from shared.dependencies import IfNoneMatch
from shared.etags import etag_of
from shared.identity import CurrentCaller
from shared.schemas import problems

from ..dependencies import ProfilesDep
from ..schemas.profiles import ProfileModel
from ..services.downloads import disposition
from .parameters import Version

router = APIRouter(prefix="/manage/datasets", tags=["datasets"])

CONTENT = problems(401, 404, 409, 422, 429, 503)
PAGE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The page.",
        "headers": TAG_HEADER,
        "content": {"text/html": {"example": "<!doctype html><title>Profile of orders, version 1</title>…"}},
    }
}
# It is saved, not shown; and whoever opens it in a browser all the same runs and loads nothing.
SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox",
}


@router.get(
    "/{dataset_id}/profile",
    operation_id="datasets_profile",
    summary="Read the profile",
    response_model=ProfileModel,
    responses=TAGGED_READ | CONTENT,
)
async def get_profile(
    dataset_id: UUID,
    caller: CurrentCaller,
    profiles: ProfilesDep,
    version: Version = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Statistics of every column, correlations, duplicates and warnings."""
    return tagged(await profiles.read(dataset_id, caller.id, version), if_none_match)


@router.get(
    "/{dataset_id}/profile/report",
    operation_id="datasets_profile_report",
    summary="Read the profile as a page",
    response_class=HTMLResponse,
    responses=TAGGED_READ | PAGE | problems(401, 404, 408, 409, 422, 429, 503),
)
async def get_report(
    dataset_id: UUID,
    caller: CurrentCaller,
    profiles: ProfilesDep,
    version: Version = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """The statistics as one HTML file without scripts and without anything to load, for reading, printing and sending.

    The first 200 columns are shown in detail, all others as lines of a table.
    """
    report = await profiles.report(dataset_id, caller.id, version)
    tag = etag_of(report.html.encode())
    headers = {**SAFE, "Content-Disposition": disposition(report.filename), "ETag": tag}
    return not_modified(if_none_match, tag) or HTMLResponse(report.html, headers=headers)
