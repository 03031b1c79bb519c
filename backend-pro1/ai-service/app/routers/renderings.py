"""`/analysis/{task_id}/charts/{number}` and `/analysis/{task_id}/report`: results as pictures and documents."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from shared.conditional import TAG_HEADER, TAGGED_READ, not_modified
from shared.dependencies import IfNoneMatch
from shared.etags import etag_of_digest
from shared.identity import CurrentCaller
from shared.schemas import problems

from ..dependencies import RenderingsDep
from ..schemas.renderings import MEDIA_TYPES, AskedChartFormat, AskedReportFormat, ChartNumber, Scale
from ..services.rendering import Rendered, Renderings

router = APIRouter(prefix="/analysis", tags=["analysis"])

TEXT: dict[str, Any] = {"schema": {"type": "string"}}
EXAMPLE: dict[str, Any] = {
    "schema": {"type": "object"},
    "example": {"mark": "point", "encoding": {"x": {"field": "bmi", "type": "quantitative"}}},
}
# A page of ours that a browser opens may neither run anything nor ask for anything.
POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def _bodies(*forms: str) -> dict[int | str, dict[str, Any]]:
    content = {MEDIA_TYPES[form].partition(";")[0]: EXAMPLE if form == "json" else TEXT for form in forms}
    answer = {"content": content, "description": "The picture or document.", "headers": TAG_HEADER}
    return {**TAGGED_READ, 200: answer, **problems(401, 404, 408, 409, 422, 429, 503)}


@router.get(
    "/{task_id}/charts/{number}",
    operation_id="analysis_chart",
    summary="Draw a chart of a result",
    response_class=Response,
    responses=_bodies("svg", "png", "json"),
)
async def chart(
    task_id: UUID,
    number: ChartNumber,
    caller: CurrentCaller,
    renderings: RenderingsDep,
    form: AskedChartFormat = "svg",
    scale: Scale = 2.0,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """One of the result's `charts` as SVG, PNG, or as its Vega-Lite specification alone."""
    return await _made(renderings, await renderings.chart(caller.id, task_id, number, form, scale), if_none_match)


@router.get(
    "/{task_id}/report",
    operation_id="analysis_report",
    summary="Read a result as a report",
    response_class=Response,
    responses=_bodies("html", "md", "pdf"),
)
async def report(
    task_id: UUID,
    caller: CurrentCaller,
    renderings: RenderingsDep,
    form: AskedReportFormat = "html",
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Conclusion, warnings, summary, tables (the first 200 rows), charts and origin of a result as one document."""
    return await _made(renderings, await renderings.report(caller.id, task_id, form), if_none_match)


async def _made(renderings: Renderings, rendered: Rendered, if_none_match: str | None) -> Response:
    tag = etag_of_digest(rendered.sha256)
    if (same := not_modified(if_none_match, tag)) is not None:
        return same
    headers = {
        "Content-Disposition": f'inline; filename="{rendered.name}"',
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
        "ETag": tag,
    }
    return Response(await renderings.make(rendered), media_type=rendered.media_type, headers=headers)
