"""The shape of a delimited text: its delimiter, its header line, and whether it is a table at all."""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from shared.compute.protocol import ComputeError

DELIMITERS = (",", ";", "\t", "|")
CONSISTENT = 0.5
RAGGED = 0.3
TITLE_LINES = 20
MAX_FIELD = 4 * 1024 * 1024

_NOT_CSV = re.compile(r"\s*(<!doctype|<html|<\?xml|\{\s*[\"}]|\[\s*[\[{])", re.IGNORECASE)
_SEPARATOR_LINE = re.compile(r"sep=([,;|\t])\r?\n")


@dataclass(frozen=True, slots=True)
class Dialect:
    """`header` is the first record of the table, which starts after `skip` lines of titles and blanks."""

    delimiter: str
    header: tuple[str, ...]
    skip: int


def detect(sample: str, *, whole: bool) -> Dialect:
    """The delimiter that splits most records of `sample` into one number of fields, two or more.

    Text in which no delimiter does is a table of one column, unless it is prose or another format. A first line
    `sep=;`, as Excel writes it, decides by itself.

    Raises:
        ComputeError: `not_tabular`, `no_rows`.
    """
    if not sample.strip():
        raise no_rows()
    if _NOT_CSV.match(sample):
        raise not_tabular("It looks like JSON, HTML or XML.")
    told = _SEPARATOR_LINE.match(sample)
    # Blanked rather than cut, so that line numbers stay.
    sample = _SEPARATOR_LINE.sub("\n", sample, count=1) if told else sample
    delimiters = (told[1],) if told else DELIMITERS
    candidates = [shape for shape in (_shape(sample, delimiter, whole=whole) for delimiter in delimiters) if shape]
    if not candidates:
        raise not_tabular("It has no readable lines.")
    best = max(candidates, key=lambda shape: shape.rank)
    if told or (best.fields > 1 and best.share >= CONSISTENT):
        return best.dialect()
    if max(shape.split for shape in candidates) > RAGGED:
        raise not_tabular("Its lines do not have the same number of values under any of: comma, semicolon, tab, bar.")
    return candidates[0].dialect()


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

    def dialect(self) -> Dialect:
        """The table starts at the first record of the usual width if only titles stand above it."""
        first = next(record for record in self.records if len(record.fields) == self.fields)
        above = self.records[: self.records.index(first)]
        titles = len(above) <= TITLE_LINES and all(len(record.fields) < min(2, self.fields) + 1 for record in above)
        start = first if titles else self.records[0]
        return Dialect(self.delimiter, start.fields, start.line)


def _shape(sample: str, delimiter: str, *, whole: bool) -> _Shape | None:
    records = _records(sample, delimiter)
    if not whole and len(records) > 1:
        records.pop()
    if not records:
        return None
    counts = Counter(len(record.fields) for record in records)
    fields, most = counts.most_common(1)[0]
    return _Shape(delimiter, records, fields, most / len(records), 1 - counts[1] / len(records))


def _records(sample: str, delimiter: str) -> list[_Record]:
    """The records that are not blank, each with the number of lines above it."""
    csv.field_size_limit(MAX_FIELD)
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
    records: list[_Record] = []
    above = 0
    try:
        for fields in reader:
            if any(field.strip() for field in fields) or len(fields) > 1:
                records.append(_Record(above, tuple(fields)))
            above = reader.line_num
    except csv.Error:
        return []
    return records
