"""A document as PDF, set by Typst: https://typst.app/docs."""

from __future__ import annotations

import json
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import typst

from .document import Document
from .pictures import draw

TEMPLATE = Path(__file__).with_name("report.typ")
# The same document, the same bytes.
NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)


def to_pdf(document: Document) -> bytes:
    """A4, with page numbers; texts reach the template as data, so nothing in them is markup."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        shutil.copyfile(TEMPLATE, root / TEMPLATE.name)
        for number, chart in enumerate(document.charts):
            (root / f"chart-{number}.pdf").write_bytes(draw(chart["spec"], "pdf"))
        return bytes(
            typst.compile(
                str(root / TEMPLATE.name),
                root=str(root),
                sys_inputs={"report": json.dumps(document.as_json())},
                ignore_system_fonts=True,
                timestamp=NO_TIME,
            )
        )
