"""How a result can be rendered."""

from typing import Annotated, Literal

from fastapi import Path, Query

ChartFormat = Literal["svg", "png", "json"]
ReportFormat = Literal["html", "md", "pdf"]

MEDIA_TYPES = {
    "svg": "image/svg+xml",
    "png": "image/png",
    "json": "application/json",
    "html": "text/html; charset=utf-8",
    "md": "text/markdown; charset=utf-8",
    "pdf": "application/pdf",
}

ChartNumber = Annotated[int, Path(ge=0, le=1000, description="Place in the result's `charts`, from 0.", examples=[0])]
AskedChartFormat = Annotated[ChartFormat, Query(alias="format", description="`json` is the Vega-Lite specification.")]
AskedReportFormat = Annotated[ReportFormat, Query(alias="format", description="HTML is one file without scripts.")]
Scale = Annotated[float, Query(ge=0.5, le=4, description="Pixels of a PNG per unit of the chart.")]
