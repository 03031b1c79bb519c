"""A profile as one HTML page: no scripts, nothing to load, readable in light and dark and on paper."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from shared.compute import Report

DETAILED = 200
LONGEST = 120
HEAT_COLUMNS = 40
TEMPLATES = Path(__file__).parents[2] / "templates"
CELL, BAR_WIDTH, BAR_HEIGHT = 18, 12, 90
MISSING = "\N{EN DASH}"
LEAST_ROUNDED, LARGEST_WRITTEN_OUT = 1e4, 1e15


def render(job: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """The page (job: `name`, `version`, `profile`; answer: `html`)."""
    report(0, 1, "Writing the report")
    profile = job["profile"]
    columns: Sequence[Mapping[str, Any]] = profile["columns"]
    html = (
        _environment()
        .get_template("profile_report.html.j2")
        .render(
            name=job["name"],
            version=job["version"],
            profile=profile,
            detailed=[_detail(column) for column in columns[:DETAILED]],
            rest=columns[DETAILED:],
            matrices=list(_matrices(profile["correlations"])),
            empty_cells=_share(sum(column["nulls"] for column in columns), profile["rows"] * len(columns)),
        )
    )
    return {"html": html}


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(shown=shown, percent=_percent)
    return environment


def shown(value: Any) -> str:
    """A value as people read it."""
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return _number(value)
    text = str(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _number(value: float) -> str:
    if value.is_integer() and abs(value) < LARGEST_WRITTEN_OUT:
        return f"{int(value):,}"
    return f"{value:,.2f}" if LEAST_ROUNDED <= abs(value) < LARGEST_WRITTEN_OUT else f"{value:.6g}"


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _detail(column: Mapping[str, Any]) -> dict[str, Any]:
    most = max((top["count"] for top in column["top"]), default=0)
    tops = [
        {**top, "share": _share(top["count"], column["count"]), "width": _share(top["count"], most)}
        for top in column["top"]
    ]
    missing = _share(column["nulls"], column["nulls"] + column["count"])
    return {**column, "missing": missing, "bars": _bars(column["histogram"]), "tops": tops}


def _bars(histogram: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Bars of a histogram, in units of its picture."""
    if histogram is None:
        return []
    counts, edges = histogram["counts"], histogram["edges"]
    most = max(counts, default=0)
    heights = [round(BAR_HEIGHT * _share(count, most), 2) for count in counts]
    return [
        {"x": index * BAR_WIDTH, "y": BAR_HEIGHT - height, "height": height, "count": count, "from": low, "to": high}
        for index, (height, count, low, high) in enumerate(zip(heights, counts, edges, edges[1:], strict=False))
    ]


def _matrices(correlations: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    """The heat maps that have something to show."""
    kinds = (
        ("Pearson's r", correlations),
        ("Spearman's rho", correlations["spearman"]),
        ("Cramér's V", correlations["cramers_v"]),
    )
    return [_matrix(title, found) for title, found in kinds if len(found["columns"]) > 1]


def _matrix(title: str, found: Mapping[str, Any]) -> dict[str, Any]:
    names = found["columns"][:HEAT_COLUMNS]
    cells = [
        {"x": x * CELL, "y": y * CELL, "value": value, "opacity": round(abs(value), 3), "pair": (names[y], names[x])}
        for y, row in enumerate(found["matrix"][: len(names)])
        for x, value in enumerate(row[: len(names)])
        if value is not None
    ]
    return {"title": title, "names": names, "cells": cells, "size": CELL * len(names)}
