"""What every reader is given, and what it gives back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, NotRequired, Self, TypedDict

from shared.tabular.names import Renamed


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What the uploader says about a file (schemas.ingest_options); None and empty mean: find out."""

    format: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    header: bool | None = None
    skip: int | None = None
    sheet: str | None = None
    types: Mapping[str, str] = field(default_factory=dict)
    null_values: Sequence[str] | None = None
    decimal: str | None = None
    thousands: str | None = None
    date_format: str | None = None
    datetime_format: str | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """From a job's `options`; members of other versions of this program are passed over."""
        known = {entry.name for entry in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known and value is not None})


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read. `scratch` is a directory of the job's own; sizes are in bytes."""

    path: Path
    filename: str
    scratch: Path
    options: ReadOptions
    max_columns: int
    max_unpacked_bytes: int

    @classmethod
    def of(cls, job: Mapping[str, Any]) -> Self:
        """From the members of a job (ingest.IngestJob)."""
        return cls(
            path=Path(job["source"]),
            filename=job["filename"],
            scratch=Path(job["scratch"]),
            options=ReadOptions.of(job["options"]),
            max_columns=int(job["max_columns"]),
            max_unpacked_bytes=int(job["max_unpacked_bytes"]),
        )

    def at(self, path: Path) -> Self:
        """The same, read from another file."""
        return replace(self, path=path)


class Conversion(TypedDict):
    """What was done to a column beyond a plain cast, and why."""

    column: str
    note: str


class RejectedLine(TypedDict):
    """A line (or record) that is not in the dataset; lines count from 1."""

    line: int
    reason: str
    text: str


class RejectedCell(TypedDict):
    """A value that its column's type cannot hold and that became null, because the uploader insists on the type."""

    line: int
    column: str
    text: str


class IngestReport(TypedDict):
    """How a file was read, and what of it was not. Members that a format does not have are absent."""

    format: str
    renamed: list[Renamed]
    conversions: list[Conversion]
    rejected_rows: int
    rejected_reasons: dict[str, int]
    rejected_samples: list[RejectedLine]
    rejected_cells: int
    rejected_cells_by_column: dict[str, int]
    rejected_cell_samples: list[RejectedCell]
    packed_as: NotRequired[str]
    records_in: NotRequired[str]
    passed_over: NotRequired[list[str]]
    merged_ranges: NotRequired[int]
    sheet: NotRequired[str]
    sheets: NotRequired[list[str]]
    encoding: NotRequired[str]
    encoding_certain: NotRequired[bool]
    replaced_characters: NotRequired[int]
    delimiter: NotRequired[str]
    header: NotRequired[bool]
    skipped_lines: NotRequired[int]


@dataclass(frozen=True, slots=True)
class Read:
    """What a reader found: the Parquet file is written, with `rows` rows."""

    rows: int
    report: IngestReport


def clean_report(format: str) -> IngestReport:  # noqa: A002 - the member's name
    """A report of which nothing has been rejected or changed."""
    return IngestReport(
        format=format,
        renamed=[],
        conversions=[],
        rejected_rows=0,
        rejected_reasons={},
        rejected_samples=[],
        rejected_cells=0,
        rejected_cells_by_column={},
        rejected_cell_samples=[],
    )
