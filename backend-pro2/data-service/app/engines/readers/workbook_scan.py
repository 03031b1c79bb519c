"""A look at an XLSX workbook before anything builds it in memory: its sheets, the extent of a sheet, its errors.

Nothing in it is expanded, run or fetched; document types and entities are refused.
"""

import re
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from xml.parsers import expat

from shared.compute.protocol import ComputeError

from .containers import guarded, member_chunks

MAX_SHEETS = 1000
MAX_ROWS = 1_048_576
MAX_CELLS = 50_000_000
ERROR_SAMPLES = 20
_REFERENCE = re.compile(r"([A-Z]{1,3})([1-9]\d{0,6})")
_PARTS = re.compile(
    r"(\[Content_Types\]\.xml|_rels/\.rels|xl/(workbook|sharedStrings|styles)\.xml|xl/_rels/.*)", re.IGNORECASE
)


@dataclass(slots=True)
class Extent:
    """The cells of a sheet that hold something, numbered from 1.

    `errors` counts those like #DIV/0! by column; `samples` are some of them as row, column and text.
    """

    cells: int = 0
    first_row: int = MAX_ROWS + 1
    last_row: int = 0
    first_column: int = 16_385
    last_column: int = 0
    errors: dict[int, int] = field(default_factory=dict)
    samples: list[tuple[int, int, str]] = field(default_factory=list)

    @property
    def width(self) -> int:
        """Columns from the first to the last."""
        return max(0, self.last_column - self.first_column + 1)

    @property
    def area(self) -> int:
        """Cells of the rectangle, empty ones too."""
        return self.width * max(0, self.last_row - self.first_row + 1)


def damaged_workbook() -> ComputeError:
    """Refuses what is no workbook."""
    return ComputeError(
        "damaged_file", "The workbook is damaged or was not written by the rules of XLSX. Save it again."
    )


def unsafe(what: str) -> ComputeError:
    """Refuses what no program writes that means well."""
    return ComputeError("unsafe_workbook", f"The workbook {what}, which is not read here.")


def sheets(archive: zipfile.ZipFile, limit: int) -> dict[str, str]:
    """The members that hold the sheets, by the sheets' names in their order; the parts all sheets need are looked at.

    Raises:
        ComputeError: `unsafe_workbook`, `damaged_file`, `decompression_bomb`.
    """
    names = [info.filename for info in archive.infolist()]
    if len({name.lower() for name in names}) != len(names):
        raise unsafe("holds two parts of one name")
    for name in names:
        if _PARTS.fullmatch(name):
            _parse(archive, name, limit, lambda _name, _attributes: None)
    book = _BookScan()
    _parse(archive, "xl/workbook.xml", limit, book.sheet)
    _parse(archive, "xl/_rels/workbook.xml.rels", limit, book.relation)
    found = {name: _member(book.targets.get(relation, "")) for name, relation in book.sheets}
    return {name: member for name, member in found.items() if member in names}


def extent(archive: zipfile.ZipFile, member: str, limit: int) -> Extent:
    """Where the cells of a sheet are.

    Raises:
        ComputeError: `unsafe_workbook`, `damaged_file`, `decompression_bomb`, `too_many_cells`.
    """
    scan = _CellScan()
    _parse(archive, member, limit, scan.start, scan)
    if scan.extent.area > MAX_CELLS:
        detail = f"The sheet spans {scan.extent.area} cells; at most {MAX_CELLS} are read. Save the table as CSV."
        raise ComputeError("too_many_cells", detail)
    return scan.extent


class _BookScan:
    """Collects the sheets' names and which part of the file each relation names."""

    def __init__(self) -> None:
        self.sheets: list[tuple[str, str]] = []
        self.targets: dict[str, str] = {}

    def sheet(self, name: str, attributes: dict[str, str]) -> None:
        if _local(name) != "sheet":
            return
        relation = next((value for key, value in attributes.items() if _local(key) == "id"), "")
        self.sheets.append((attributes.get("name", ""), relation))
        if len(self.sheets) > MAX_SHEETS:
            raise unsafe(f"has more than {MAX_SHEETS} sheets")

    def relation(self, name: str, attributes: dict[str, str]) -> None:
        if _local(name) == "Relationship" and attributes.get("TargetMode") != "External":
            self.targets[attributes.get("Id", "")] = attributes.get("Target", "")


class _CellScan:
    """Follows the elements of a sheet; a cell counts as soon as it has a value."""

    def __init__(self) -> None:
        self.extent = Extent()
        self.parser: expat.XMLParserType | None = None
        self._row = self._column = 0
        self._counted = False
        self._error = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        if local == "c":
            self._cell(attributes)
        elif local in ("v", "is"):
            if not self._counted:
                self._count()
        elif local == "row":
            row = attributes.get("r", "")
            self._row, self._column = int(row) if row.isascii() and row.isdigit() else self._row + 1, 0

    def _cell(self, attributes: dict[str, str]) -> None:
        reference = attributes.get("r")
        if reference is None:
            self._column += 1
        elif found := _REFERENCE.fullmatch(reference):
            self._column, self._row = _column_number(found[1]), int(found[2])
        else:
            raise damaged_workbook()
        if self._error:
            self._listen(None)
        self._counted = False
        self._error = attributes.get("t") == "e"

    def _count(self) -> None:
        self._counted = True
        row, column, extent = self._row, self._column, self.extent
        if row > MAX_ROWS or column > 16_384:
            raise ComputeError(
                "too_many_cells", f"A sheet has at most {MAX_ROWS} rows and 16384 columns; this has more."
            )
        extent.cells += 1
        extent.first_row, extent.last_row = min(extent.first_row, row), max(extent.last_row, row)
        extent.first_column, extent.last_column = min(extent.first_column, column), max(extent.last_column, column)
        if self._error:
            extent.errors[column] = extent.errors.get(column, 0) + 1
            if len(extent.samples) < ERROR_SAMPLES:
                self._listen(self._text)

    def _text(self, text: str) -> None:
        if text.strip():
            self.extent.samples.append((self._row, self._column, text[:50]))

    def _listen(self, handler: Callable[[str], None] | None) -> None:
        if self.parser is not None:
            self.parser.CharacterDataHandler = handler


def _parse(
    archive: zipfile.ZipFile,
    member: str,
    limit: int,
    start: Callable[[str, dict[str, str]], None],
    scan: _CellScan | None = None,
) -> None:
    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.EntityDeclHandler = _refuse_doctype
    parser.buffer_text = True
    if scan is not None:
        scan.parser = parser
    try:
        with closing(member_chunks(archive, archive.getinfo(member))) as chunks:
            for data in guarded(chunks, limit):
                parser.Parse(data, False)
        parser.Parse(b"", True)
    except (expat.ExpatError, LookupError) as error:  # no such member; an encoding that nobody knows
        raise damaged_workbook() from error


def _refuse_doctype(*_: object) -> None:
    raise unsafe("declares a document type or entities")


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _member(target: str) -> str:
    path = PurePosixPath("xl") / target
    return str(path).lstrip("/")


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number
