"""What of a delimited text is not in the dataset: counted in full, the first few shown."""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from shared.tabular.quoting import identifier

from . import notations
from .column_types import COLUMNS_AT_ONCE
from .csv_file import MAX_LINE_BYTES, CsvFile
from .source import IngestReport, RejectedCell, RejectedLine

CHUNK = 1024 * 1024
SAMPLES = 20
TEXT = 200
_TEXT = f"left(ltrim(any_value(csv_line), chr(10) || chr(13)), {TEXT})"
_REASONS = {
    "MISSING COLUMNS": "too few values",
    "TOO MANY COLUMNS": "too many values",
    "UNQUOTED VALUE": "a quotation mark is not closed or stands inside a value",
    "LINE SIZE OVER MAXIMUM": "the line is too long",
    "INVALID ENCODING": "the line has bytes that are no text",
    "INVALID STATE": "the line cannot be read",
    "CAST": "a value does not fit its column",
}
TOO_MANY = _REASONS["TOO MANY COLUMNS"]
TOO_LONG = _REASONS["LINE SIZE OVER MAXIMUM"]


@dataclass(slots=True)
class Rejected:
    """Lines that are left out: how many for each reason, and the first of them."""

    reasons: dict[str, int] = field(default_factory=dict)
    samples: list[RejectedLine] = field(default_factory=list)

    def add(self, samples: Sequence[RejectedLine], counts: Mapping[str, int]) -> None:
        """More lines: how many for each reason, and the first of them."""
        for reason, count in counts.items():
            self.reasons[reason] = self.reasons.get(reason, 0) + count
        self.samples = sorted([*self.samples, *samples], key=lambda sample: sample["line"])[:SAMPLES]

    def add_all(self, samples: Sequence[RejectedLine]) -> None:
        """More lines, all of which are given."""
        self.add(samples, Counter(sample["reason"] for sample in samples))

    def write(self, report: IngestReport) -> None:
        """Put it into the report."""
        report["rejected_rows"] = sum(self.reasons.values())
        report["rejected_reasons"] = self.reasons
        report["rejected_samples"] = self.samples


def take(connection: duckdb.DuckDBPyConnection, path: Path, rejected: Rejected) -> None:
    """Add what DuckDB's reader has left out of the file."""
    # In the order of the type, what is wrong with the line comes after what is wrong with a value.
    first_errors = (
        f"(SELECT line_byte_position AS place, max(error_type) AS reason, {_TEXT} AS text "  # noqa: S608
        "FROM reject_errors GROUP BY line_byte_position)"
    )
    samples = connection.execute(f"FROM {first_errors} ORDER BY place LIMIT {SAMPLES}").fetchall()
    counts = connection.execute(f"SELECT reason, count(*) FROM {first_errors} GROUP BY reason").fetchall()  # noqa: S608
    rejected.add(_located(path, samples), {_REASONS[reason]: count for reason, count in counts})


def swallowing(connection: duckdb.DuckDBPyConnection, path: Path) -> list[RejectedLine]:
    """Those left out that may have taken the lines after them along: a quotation mark is not closed."""
    found = connection.execute(
        f"SELECT line_byte_position, min(error_type), {_TEXT} FROM reject_errors "  # noqa: S608 - no outside text
        "WHERE error_type IN ('UNQUOTED VALUE', 'LINE SIZE OVER MAXIMUM') "
        "AND (contains(rtrim(csv_line, chr(10)), chr(10)) OR strlen(csv_line) >= 500) "
        "GROUP BY line_byte_position ORDER BY line_byte_position"
    ).fetchall()
    return _located(path, [(place, why, text.split("\n")[0]) for place, why, text in found])


def lines_at(path: Path, places: Sequence[int]) -> list[int]:
    """The lines, counted from 1, in which these bytes, counted from 1 and in their order, stand.

    DuckDB's own count takes a value with line ends for one line. Empty lines before a record belong to it there.
    """
    lines, line, position = [], 1, 0
    with path.open("rb") as file:
        for place in places:
            while position < place - 1 and (chunk := file.read(min(CHUNK, place - 1 - position))):
                line, position = line + chunk.count(b"\n"), position + len(chunk)
            head = file.read(CHUNK)
            lines.append(line + head[: len(head) - len(head.lstrip(b"\r\n"))].count(b"\n"))
            file.seek(position)
    return lines


def _located(path: Path, found: Sequence[tuple[int, str, str]]) -> list[RejectedLine]:
    lines = lines_at(path, [place for place, _, _ in found])
    return [
        RejectedLine(line=line, reason=_REASONS[why], text=text)
        for line, (_, why, text) in zip(lines, found, strict=True)
    ]


def add_cells(connection: duckdb.DuckDBPyConnection, file: CsvFile, report: IngestReport, *, words: bool) -> None:
    """Count and show the values that became null because the uploader insists on their column's type."""
    tolerant = [name for name, reading in file.readings.items() if reading.tolerant]
    texts: dict[str, set[str]] = {}
    for start in range(0, len(tolerant), COLUMNS_AT_ONCE):
        for name, count, shown in _cells(connection, file, tolerant[start : start + COLUMNS_AT_ONCE], words=words):
            report["rejected_cells_by_column"][name] = count
            texts[name] = set(shown)
    report["rejected_cells"] = sum(report["rejected_cells_by_column"].values())
    if texts:
        for sample in _samples(file, texts):
            report["rejected_cell_samples"].append(sample)
            if len(report["rejected_cell_samples"]) == min(SAMPLES, report["rejected_cells"]):
                break


def _cells(
    connection: duckdb.DuckDBPyConnection, file: CsvFile, columns: list[str], *, words: bool
) -> Iterator[tuple[str, int, list[str]]]:
    tests = []
    for column in columns:
        name, notation = identifier(column), file.readings[column].notation
        fits = notations.fits(column, notation) if notation else "true"
        missing = f" OR {notations.is_missing(column)}" if notation and notation.words and words else ""
        bad = f"({name} IS NOT NULL AND NOT ({fits}{missing}))"
        tests += [f"count(*) FILTER ({bad})", f"arg_min({name}, place, {SAMPLES}) FILTER ({bad})"]
    rows = f"(SELECT *, row_number() OVER () AS place FROM {file.text_reader()})"  # noqa: S608 - quoted literals
    found = connection.execute(f"SELECT {', '.join(tests)} FROM {rows}").fetchone() or ()  # noqa: S608
    for index, column in enumerate(columns):
        yield column, found[2 * index], found[2 * index + 1] or []


def _samples(file: CsvFile, texts: dict[str, set[str]]) -> Iterator[RejectedCell]:
    """Where the first of these texts stand. DuckDB does not know the lines of what it read."""
    csv.field_size_limit(MAX_LINE_BYTES)
    places = [(index, name, texts[name]) for index, name in enumerate(file.readings) if name in texts]
    with file.path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        for _ in range(file.skip):
            next(lines, None)
        reader = csv.reader(lines, delimiter=file.delimiter, quotechar=file.quote)
        line, width = file.skip + 1, len(file.readings)
        for number, row in enumerate(reader):
            if len(row) == width and (number or not file.has_header):
                for index, name, bad in places:
                    if row[index] in bad:
                        yield RejectedCell(line=line, column=name, text=row[index][:TEXT])
            line = file.skip + reader.line_num + 1


def unreadable(message: str) -> str:
    """Why DuckDB's reader gave up."""
    if f"Maximum line size of {MAX_LINE_BYTES} bytes exceeded" in message:
        return f"It has a line of more than {MAX_LINE_BYTES} bytes."
    return "Its quotation marks or line ends are broken."
