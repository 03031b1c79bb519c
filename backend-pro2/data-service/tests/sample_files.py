"""Workbooks and archives, made in memory."""

import io
import zipfile
from collections.abc import Callable
from typing import Any

import xlsxwriter


def zipped(members: dict[str, bytes | str]) -> bytes:
    """A ZIP file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def workbook(fill: Callable[[Any], None], **options: Any) -> bytes:
    """An XLSX workbook."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True, **options})
    fill(book)
    book.close()
    return file.getvalue()


def sheet(*rows: list[Any]) -> bytes:
    """A workbook of one sheet with these rows."""

    def fill(book: Any) -> None:
        written = book.add_worksheet("Sheet")
        for index, row in enumerate(rows):
            written.write_row(index, 0, row)

    return workbook(fill)


def edited(content: bytes, member: str, edit: Callable[[bytes], bytes]) -> bytes:
    """A ZIP file with one member changed."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members: dict[str, bytes | str] = {name: archive.read(name) for name in archive.namelist()}
        return zipped({**members, member: edit(archive.read(member))})
