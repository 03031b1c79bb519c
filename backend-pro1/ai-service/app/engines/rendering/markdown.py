"""A document as Markdown (GitHub's tables)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .document import Document, Grid

_MARKS = re.compile(r"([\\`*_{}\[\]<>()#+!|~&$-])")


def to_markdown(document: Document) -> str:
    """Titles, facts and tables; of each chart the place of its picture, relative to the report."""
    parts = [f"# {escaped(document.title)}"]
    if document.conclusion:
        parts.append(f"**{escaped(document.conclusion)}**")
    parts += [f"> {escaped(warning)}" for warning in document.warnings]
    parts.append(_table(["", ""], document.facts) if document.facts else "")
    parts += [_grid(grid) for grid in document.tables]
    for number, chart in enumerate(document.charts):
        title = escaped(chart["title"])
        parts.append(f"## {title}\n\n![{title}](charts/{number}?format=png)")
    parts.append("## Origin\n\n" + _table(["", ""], document.origin))
    return "\n\n".join(part for part in parts if part) + "\n"


def _grid(grid: Grid) -> str:
    note = f"\n\n{escaped(grid.note)}" if grid.note else ""
    return f"## {escaped(grid.title)}\n\n{_table(grid.columns, grid.rows)}{note}"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [_row(columns), "|" + " --- |" * len(columns), *(_row(row) for row in rows)]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(escaped(cell) for cell in cells) + " |"


def escaped(text: str) -> str:
    """The text as it is, whatever Markdown would make of it; on one line."""
    return _MARKS.sub(r"\\\1", " ".join(text.split()))
