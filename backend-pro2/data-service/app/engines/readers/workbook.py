"""XLSX to Parquet: one sheet, with the types that its cells have. Macros and links are never run or followed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import python_calamine

from shared.compute.protocol import ComputeError
from shared.tabular.names import unique_names

from . import sheet_values, stage, typed
from .containers import open_zip
from .dialect import no_rows, too_many_columns
from .sheet_values import ColumnKinds
from .source import Conversion, IngestReport, Read, Source, clean_report
from .typed import Staged, StagedColumn
from .workbook_scan import Extent, damaged_workbook, extent, sheets

TITLE_ROWS = 20
NAMES_SHOWN = 100
_YEARS = range(1800, 2101)


@dataclass(frozen=True, slots=True)
class _Table:
    """A table in a sheet: `titles` rows above it, `skip` above its data; `first_row` is the data's first, from 1."""

    sheet: "python_calamine.CalamineSheet"
    titles: int
    skip: int
    first_row: int
    header: list[str] | None
    width: int

    @property
    def first_column(self) -> int:
        """The sheet's column, from 1, that is the table's first."""
        return (self.sheet.start or (0, 0))[1] + 1

    def rows(self) -> Iterator[list[Any]]:
        """The rows below the header that are not blank."""
        for row in islice(self.sheet.iter_rows(), self.skip, None):
            if any(value != "" for value in row):
                yield row


def read(connection: duckdb.DuckDBPyConnection, source: Source, target: Path) -> Read:
    """Write a sheet of the workbook `source` to `target` as Parquet.

    Raises:
        ComputeError: `damaged_file`, `unsafe_workbook`, `too_many_cells`, `too_many_columns`, `sheet_not_found`,
            `decompression_bomb`, `no_rows`, `not_tabular`, `column_not_found`.
    """
    report = clean_report("xlsx")
    name, found = _choose(source, report)
    if found.width > source.max_columns:
        raise too_many_columns(found.width, source.max_columns)
    with _opened(source.path) as book:
        sheet = book.get_sheet_by_name(name)
        table = _table(sheet, source)
        report["merged_ranges"] = len(sheet.merged_cell_ranges or [])
        report["header"], report["skipped_lines"] = table.header is not None, table.titles
        names = _names(table, report)
        relation, types = _stage(table, source, names, report)
    columns = [
        StagedColumn(f"c{i}", name, kind, dates=True) for i, (name, kind) in enumerate(zip(names, types, strict=True))
    ]
    _note_errors(found, table, names, report)
    rows = typed.write(connection, Staged(relation, columns, table.first_row), source.options, target, report)
    if rows == 0:
        raise no_rows()
    return Read(rows, report)


@contextmanager
def _opened(path: Path) -> Iterator["python_calamine.CalamineWorkbook"]:
    try:
        with python_calamine.CalamineWorkbook.from_path(path) as book:
            yield book
    except (python_calamine.CalamineError, ValueError) as error:
        raise damaged_workbook() from error


def _choose(source: Source, report: IngestReport) -> tuple[str, Extent]:
    """The sheet asked for, else the first that has values in it."""
    with open_zip(source.path) as archive:
        members = sheets(archive, source.max_unpacked_bytes)
        report["sheets"] = list(members)[:NAMES_SHOWN]
        wanted = source.options.sheet
        if wanted is not None and wanted not in members:
            raise ComputeError("sheet_not_found", f"There is no sheet {wanted!r}. There are: {_listed(list(members))}.")
        for name in [wanted] if wanted is not None else members:
            found = extent(archive, members[name], source.max_unpacked_bytes)
            if found.cells:
                report["sheet"] = name
                return name, found
    raise no_rows()


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name[:50]) for name in names[:20]) + (" and others" if len(names) > 20 else "")


def _table(sheet: "python_calamine.CalamineSheet", source: Source) -> _Table:
    top = list(islice(sheet.iter_rows(), TITLE_ROWS + 1 + (source.options.skip or 0)))
    width = max(map(len, top), default=0)
    skip = source.options.skip if source.options.skip is not None else _titles(top, width)
    first = top[skip] if skip < len(top) else None
    if first is None:
        raise no_rows()
    named = source.options.header if source.options.header is not None else _is_header(first)
    header = [sheet_values.as_text(value) for value in first] if named else None
    return _Table(sheet, skip, skip + named, (sheet.start or (0, 0))[0] + 1 + skip + named, header, width)


def _titles(top: Sequence[Sequence[Any]], width: int) -> int:
    """How many rows of titles and blanks stand above the first row that is as filled as a table's."""
    filled = [sum(value != "" for value in row) for row in top]
    enough = max(filled, default=0) * 0.5
    if width < 2:
        return next((index for index, count in enumerate(filled) if count), 0)
    return next((index for index, count in enumerate(filled) if count > 1 and count >= enough), 0)


def _is_header(row: Sequence[Any]) -> bool:
    """Texts only, or texts and then years."""
    present = [value for value in row if value != ""]
    texts = [value for value in present if isinstance(value, str)]
    rest = present[len(texts) :]
    return bool(texts) and present[: len(texts)] == texts and all(_is_year(value) for value in rest)


def _is_year(value: object) -> bool:
    return isinstance(value, float) and value in _YEARS


def _names(table: _Table, report: IngestReport) -> list[str]:
    if table.header is None:
        return [f"column_{position}" for position in range(1, table.width + 1)]
    names, report["renamed"] = unique_names(table.header)
    return names


def _stage(table: _Table, source: Source, names: Sequence[str], report: IngestReport) -> tuple[str, list[str]]:
    """Two passes over the sheet: one for the types, one for the values."""
    markers = frozenset(source.options.null_values or ())
    kinds = [ColumnKinds() for _ in names]
    for batch in stage.batches(table.rows(), table.width):
        for kind, values in zip(kinds, zip(*batch, strict=True), strict=True):
            kind.add(values, markers)
    for name, kind in zip(names, kinds, strict=True):
        if kind.note:
            report["conversions"].append(Conversion(column=name, note=kind.note))
    types = [kind.arrow for kind in kinds]
    columns = (
        [
            sheet_values.converted(values, kind, markers)
            for values, kind in zip(zip(*batch, strict=True), types, strict=True)
        ]
        for batch in stage.batches(table.rows(), table.width)
    )
    relation = stage.write(source.scratch / "staged.parquet", types, columns)
    return relation, [stage.DUCK_TYPES[kind] for kind in types]


def _note_errors(found: Extent, table: _Table, names: Sequence[str], report: IngestReport) -> None:
    """Cells like #DIV/0! have no value; they are null, and counted."""
    for column, count in found.errors.items():
        samples = [(row, text) for row, other, text in found.samples if other == column]
        typed.note_rejected(report, names[column - table.first_column], count, samples)
