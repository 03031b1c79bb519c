"""The shape of a delimited text: its delimiter, its header line, and whether it is a table at all."""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from shared.compute.protocol import ComputeError

from .source import ReadOptions

DELIMITERS = (",", ";", "\t", "|")
CONSISTENT = 0.5
RAGGED = 0.3
TITLE_LINES = 20
RECORDS = 5000
MAX_FIELD = 4 * 1024 * 1024

_NOT_CSV = re.compile(r"\s*(<!doctype|<html|<\?xml|\{\s*[\"}]|\[\s*[\[{])", re.IGNORECASE)
_SEPARATOR_LINE = re.compile(r"sep=([,;|\t])\r?\n")


@dataclass(frozen=True, slots=True)
class Dialect:
    """`header` is the first of the table's `records`, which start after `skip` lines of titles and blanks."""

    delimiter: str
    quote: str
    header: tuple[str, ...]
    skip: int
    records: Sequence[Sequence[str]]


def detect(sample: str, options: ReadOptions | None = None, *, whole: bool) -> Dialect:
    """The delimiter that splits most records of `sample` into one number of fields, two or more.

    Text in which no delimiter does is a table of one column, unless it is prose or another format. A first line
    `sep=;`, as Excel writes it, decides by itself, and so does the uploader.

    Raises:
        ComputeError: `not_tabular`, `no_rows`.
    """
    if not sample.strip():
        raise no_rows()
    options = options or ReadOptions()
    if _NOT_CSV.match(sample) and not options.delimiter:
        raise not_tabular("It looks like JSON, HTML or XML.")
    line = _SEPARATOR_LINE.match(sample)
    told = options.delimiter or (line[1] if line else None)
    # Blanked rather than cut, so that line numbers stay.
    sample = _SEPARATOR_LINE.sub("\n", sample, count=1) if line else sample
    skip, quote = options.skip, options.quote or '"'
    delimiters = (told,) if told else DELIMITERS
    shapes = [_shape(_without(sample, skip or 0), delimiter, quote, whole=whole) for delimiter in delimiters]
    candidates = [shape for shape in shapes if shape]
    if not candidates:
        raise not_tabular("It has no readable lines.")
    best = max(candidates, key=lambda shape: shape.rank)
    if not (told or (best.fields > 1 and best.share >= CONSISTENT)):
        if max(shape.split for shape in candidates) > RAGGED:
            raise not_tabular(
                "Its lines do not have the same number of values under any of: comma, semicolon, tab, bar."
            )
        best = candidates[0]
    return best.dialect(quote, skip)


def _without(sample: str, lines: int) -> str:
    """`sample` without its first lines."""
    start = 0
    for _ in range(lines):
        start = sample.find("\n", start) + 1
        if not start:
            raise no_rows()
    return sample[start:]


def not_tabular(reason: str) -> ComputeError:
    """The error for a text that is no table."""
    return ComputeError(
        "not_tabular", f"The file is not a table of values. {reason} Upload a CSV or TSV file with one record a line."
    )


def no_rows() -> ComputeError:
    """The error for a table without data."""
    return ComputeError("no_rows", "The file has no data rows. Upload a file with a header and at least one row.")


def too_many_columns(found: int, limit: int) -> ComputeError:
    """The error for a table that is wider than allowed."""
    return ComputeError(
        "too_many_columns", f"The file has {found} columns or more, the limit is {limit}. Upload fewer columns."
    )


@dataclass(frozen=True, slots=True)
class _Record:
    line: int
    fields: tuple[str, ...]

    @property
    def is_open(self) -> bool:
        """Whether a value with line ends closes it: if nothing follows, its quotation mark is not closed."""
        return "\n" in self.fields[-1].rstrip("\n")


@dataclass(frozen=True, slots=True)
class _Shape:
    delimiter: str
    records: Sequence[_Record]
    fields: int
    share: float
    split: float

    @property
    def rank(self) -> tuple[bool, float, bool, int]:
        return (self.fields > 1, round(self.share, 1), len(self.records[0].fields) == self.fields, self.fields)

    def dialect(self, quote: str, skip: int | None) -> Dialect:
        """The table starts after `skip` lines, or at the first record of the usual width if only titles are above."""
        first = next(record for record in self.records if len(record.fields) == self.fields)
        above = self.records[: self.records.index(first)]
        titles = len(above) <= TITLE_LINES and all(len(record.fields) < min(2, self.fields) + 1 for record in above)
        start = first if titles and skip is None else self.records[0]
        if self.records[-1] is start and start.is_open:
            raise not_tabular(f"The quotation mark in line {start.line + 1 + (skip or 0)} is not closed.")
        records = [record.fields for record in self.records[self.records.index(start) :]]
        return Dialect(self.delimiter, quote, start.fields, start.line + (skip or 0), records)


def _shape(sample: str, delimiter: str, quote: str, *, whole: bool) -> _Shape | None:
    records = _records(sample, delimiter, quote)
    if not whole and 1 < len(records) < RECORDS:
        records.pop()
    if not records:
        return None
    counts = Counter(len(record.fields) for record in records)
    fields, most = counts.most_common(1)[0]
    return _Shape(delimiter, records, fields, most / len(records), 1 - counts[1] / len(records))


def _records(sample: str, delimiter: str, quote: str) -> list[_Record]:
    """The first RECORDS records that are not blank, each with the number of lines above it."""
    csv.field_size_limit(MAX_FIELD)
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter, quotechar=quote)
    records: list[_Record] = []
    above = 0
    try:
        for fields in reader:
            if any(field.strip() for field in fields) or len(fields) > 1:
                records.append(_Record(above, tuple(fields)))
            above = reader.line_num
            if len(records) == RECORDS:
                break
    except csv.Error:
        return []
    return records
