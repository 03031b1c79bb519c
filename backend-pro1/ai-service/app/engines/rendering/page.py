"""A document as one HTML page that needs nothing else: no script, no request, pictures inside."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from html import escape

from .document import Document, Grid
from .pictures import draw

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#1a1a1a;background:#fff;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem}h2{font-size:1.15rem;margin-top:2rem}
.conclusion{font-size:1.1rem;font-weight:600}
.warning{border-left:4px solid #b7791f;background:#fffaf0;padding:.4rem .8rem}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{border-bottom:1px solid #ddd;padding:.25rem .7rem;text-align:left;vertical-align:top}
th{border-bottom-color:#888}
figure{margin:1rem 0}img{max-width:100%;height:auto}
.origin{color:#555;font-size:.85rem;overflow-wrap:anywhere}
"""


def to_html(document: Document) -> str:
    """The page."""
    title = escape(document.title)
    parts = [
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>',
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body><h1>{title}</h1>',
        f'<p class="conclusion">{escape(document.conclusion)}</p>' if document.conclusion else "",
        *(f'<p class="warning">{escape(warning)}</p>' for warning in document.warnings),
        _facts(document.facts),
        *(_grid(grid) for grid in document.tables),
        *(_figure(chart["title"], draw(chart["spec"], "svg")) for chart in document.charts),
        f'<h2>Origin</h2><div class="origin">{_facts(document.origin)}</div></body></html>',
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _facts(facts: Sequence[Sequence[str]]) -> str:
    rows = "".join(f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in facts)
    return f"<table>{rows}</table>" if rows else ""


def _grid(grid: Grid) -> str:
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in grid.columns)
    rows = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in grid.rows)
    note = f"<p>{escape(grid.note)}</p>" if grid.note else ""
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<h2>{escape(grid.title)}</h2><div class="wide">{table}</div>{note}'


def _figure(title: str, svg: bytes) -> str:
    # As an image: whatever a picture's text says, it runs no script there.
    source = f"data:image/svg+xml;base64,{b64encode(svg).decode()}"
    return f'<h2>{escape(title)}</h2><figure><img alt="{escape(title)}" src="{source}"></figure>'
