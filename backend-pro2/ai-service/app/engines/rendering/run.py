"""The entries of the child that renders, from JSON to JSON."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from shared.compute import ComputeError, Report

from .document import Document, document_of
from .markdown import to_markdown
from .page import to_html
from .pictures import draw
from .typeset import to_pdf


def render_chart(job: dict[str, Any], _: Report) -> dict[str, Any]:
    """`job` {spec, format, scale}; the picture as base64 in `content`.

    Raises:
        ComputeError: `unprintable`.
    """
    try:
        return _answer(draw(job["spec"], job["format"], job["scale"]))
    except ValueError as error:
        raise ComputeError("unprintable", "The chart cannot be drawn.") from error


def render_report(job: dict[str, Any], _: Report) -> dict[str, Any]:
    """`job` {result, title, format}; the document as base64 in `content`.

    Raises:
        ComputeError: `unprintable`.
    """
    document = document_of(job["result"], job["title"])
    try:
        return _answer(_written(document, job["format"]))
    except (ValueError, RuntimeError) as error:
        raise ComputeError("unprintable", "The report cannot be made; its result can be read as JSON.") from error


def _written(document: Document, form: str) -> bytes:
    if form == "pdf":
        return to_pdf(document)
    return (to_html(document) if form == "html" else to_markdown(document)).encode()


def _answer(content: bytes) -> dict[str, Any]:
    return {"content": b64encode(content).decode()}
