"""Lines that keep DuckDB from reading those round them are emptied in a copy, and so counted and shown like others."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .csv_file import MAX_LINE_BYTES
from .dialect import Dialect

CHUNK = 1024 * 1024
LINE_FEED = 10
# DuckDB takes some microseconds for each value too many, and more the longer the line is.
MANY = 50_000
LONG = 16 * 1024


def empty_lines(source: Path, target: Path, lines: set[int]) -> None:
    """Copy `source` without the content of these lines; all others keep their numbers."""
    with source.open("rb") as reader, target.open("wb") as writer:
        for number, line in enumerate(reader, start=1):
            writer.write(b"\n" if number in lines else line)


@dataclass(frozen=True, slots=True)
class Survey:
    """The longest line of a file in bytes, and how many delimiters it has more than its lines need."""

    longest: int
    spare: int

    @property
    def has_many_spare(self) -> bool:
        """Whether these are worth a look; those inside quotation marks, in lines of usual length, are no matter."""
        return self.longest > LONG and self.spare > MANY


def survey(path: Path, delimiter: str, width: int) -> Survey:
    """Look at the whole file, whose lines have `width` values. Delimiters inside quotation marks count too."""
    code, spare, longest, begun = ord(delimiter), 0, 0, 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            codes = np.frombuffer(chunk, np.uint8)
            ends = np.flatnonzero(codes == LINE_FEED)
            spare += max(0, int(np.count_nonzero(codes == code)) - (len(ends) + 1) * (width - 1))
            lengths = np.diff(ends, prepend=-begun, append=len(codes))
            longest = max(longest, int(lengths.max()))
            begun = int(lengths[-1])
    return Survey(longest, spare)


def too_long(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that are longer than DuckDB takes, and their beginning: of those beyond its buffer it tells nothing."""
    number, length, start = 1, 0, b""
    with path.open("rb") as file:
        while piece := file.readline(CHUNK):
            length, start = length + len(piece), start or piece[:LONG]
            if piece.endswith(b"\n"):
                if length > MAX_LINE_BYTES:
                    yield number, start.decode(errors="replace")
                number, length, start = number + 1, 0, b""
    if length > MAX_LINE_BYTES:
        yield number, start.decode(errors="replace")


def too_wide(path: Path, shape: Dialect) -> Iterator[tuple[range, str]]:
    """The lines of each record with more values than the first, and its beginning."""
    csv.field_size_limit(MAX_LINE_BYTES)
    width = len(shape.header)
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        for _ in range(shape.skip):
            next(lines, None)
        reader, start = csv.reader(lines, delimiter=shape.delimiter, quotechar=shape.quote), shape.skip
        for row in reader:
            if len(row) > width:
                yield range(start + 1, shape.skip + reader.line_num + 1), shape.delimiter.join(row[:100])
            start = shape.skip + reader.line_num
