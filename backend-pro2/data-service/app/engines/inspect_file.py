"""Look into a file: what it is, its columns and first rows, found by the readers that would ingest it."""

import gzip
import zlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import duckdb

from shared.compute import Report
from shared.compute.protocol import ComputeError
from shared.tabular.duck import connect, engine_memory_mb
from shared.tabular.names import Renamed
from shared.tabular.quoting import literal
from shared.tabular.types import ColumnSchema, contract_type
from shared.tabular.values import json_value

from .readers import any_format, containers
from .readers.kinds import HEAD_BYTES as KIND_BYTES
from .readers.kinds import FileKind, recognise
from .readers.source import Conversion, IngestReport, Read, Source

HEAD_BYTES = 4 * 1024 * 1024
LONG_RECORD_BYTES = 64 * 1024
MAX_SAMPLE_ROWS = 100
_LINES = ("csv", "jsonl", "arff")
_WIDE_NEWLINES = {b"\xff\xfe": b"\n\0", b"\xfe\xff": b"\0\n"}


class Inspection(TypedDict):
    """What a file is found to be; `row_count_estimate` is exact where the whole file was read, null where unknown."""

    format: str
    packed_as: str | None
    encoding: str | None
    encoding_certain: bool | None
    delimiter: str | None
    header: bool | None
    skipped_lines: int | None
    sheets: list[str] | None
    sheet: str | None
    columns: list[ColumnSchema]
    rows: list[list[Any]]
    row_count_estimate: int | None
    renamed: list[Renamed]
    conversions: list[Conversion]
    warnings: list[str]


@dataclass(frozen=True, slots=True)
class _Head:
    """A file to read, or its beginning (`cut`), whose whole lines are `bytes` of `total`, where that is known."""

    source: Source
    packed_as: str | None = None
    cut: bool = False
    bytes: int = 0
    total: int | None = None


def inspect(job: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Read the beginning of a file as `ingest` would (answer: Inspection).

    The job has the members of an IngestJob without `parquet`, and `sample_rows` and `partial`: whether the file is only
    the first bytes of a longer one.

    Raises:
        ComputeError: `complete_file_needed`, and what the readers raise.
    """
    source = Source.of(job)
    head = _head(source, partial=bool(job["partial"]))
    memory_mb = engine_memory_mb(int(job["memory_mb"]))
    with connect(memory_mb=memory_mb, threads=int(job["threads"]), scratch=source.scratch) as connection:
        report(0, 100, "Reading the file")
        target = source.scratch / "inspected.parquet"
        found = any_format.read(connection, head.source, target)
        columns, rows = _sample(connection, target, min(MAX_SAMPLE_ROWS, int(job["sample_rows"])))
    return dict(_answer(head, found, columns, rows))


def _head(source: Source, *, partial: bool) -> _Head:
    with source.path.open("rb") as file:
        found = recognise(file.read(KIND_BYTES), source.filename)
    if found.packing in ("gzip", "zstd"):
        return _unpacked(source, found, partial=partial)
    if partial and (found.packing or (source.options.format or found.kind) not in _LINES):
        raise _complete_file_needed()
    if found.packing:
        return _Head(source)
    return _shortened(source, found, total=None if partial else source.path.stat().st_size, partial=partial)


def _complete_file_needed() -> ComputeError:
    return ComputeError("complete_file_needed", "Only the whole file says what is in it. Upload it instead.")


def _unpacked(source: Source, found: FileKind, *, partial: bool) -> _Head:
    """The beginning of what is packed, with a name without the packing's suffix."""
    target = source.scratch / "head-unpacked"
    whole = _unpack(source.path, target, str(found.packing))
    with target.open("rb") as file:
        inner = recognise(file.read(KIND_BYTES), source.filename.rpartition(".")[0])
    if inner.kind is None or inner.packing is not None or (source.options.format or inner.kind) not in _LINES:
        if partial:
            raise _complete_file_needed()
        opened = containers.open_source(source)
        return _Head(opened.source, opened.packed_as)
    head = _shortened(source.at(target), inner, total=None, partial=not whole)
    return _Head(head.source, found.packing, head.cut)


def _unpack(source: Path, target: Path, packing: str) -> bool:
    """Unpack at most HEAD_BYTES; whether that is all. What is cut short is unpacked as far as it goes."""
    data, ended = b"", False
    with _opened(source, packing) as stream:
        try:
            while len(data) < HEAD_BYTES and not ended:
                more = stream.read(KIND_BYTES)
                data, ended = data + more, not more
        except (EOFError, OSError, zlib.error) as error:
            if not data:
                raise ComputeError("damaged_archive", "The file is damaged. Pack and upload it again.") from error
    target.write_bytes(data)
    return ended


def _opened(source: Path, packing: str) -> AbstractContextManager[Any]:
    if packing == "gzip":
        return gzip.open(source)
    # Imported here: it is large, and few files need it.
    import pyarrow as pa

    stream: AbstractContextManager[Any] = pa.CompressedInputStream(pa.OSFile(str(source), "rb"), "zstd")
    return stream


def _shortened(source: Source, found: FileKind, *, total: int | None, partial: bool) -> _Head:
    """The first lines of a text, if it is long or cut; otherwise the file itself."""
    size = source.path.stat().st_size
    if (source.options.format or found.kind) not in _LINES or (size <= HEAD_BYTES and not partial):
        return _Head(source)
    with source.path.open("rb") as file:
        data = _whole_lines(file.read(HEAD_BYTES))
    target = source.scratch / "head"
    target.write_bytes(data)
    return _Head(source.at(target), cut=True, bytes=len(data), total=total)


def _whole_lines(data: bytes) -> bytes:
    """`data` without what follows its last line end that stands outside of quotation marks."""
    newline = _WIDE_NEWLINES.get(data[:2], b"\n")
    end = _last(data, newline, len(data))
    if data.count(b'"') % 2:
        before = _last(data, newline, data.rfind(b'"'))
        end = before if before and end - before < LONG_RECORD_BYTES else end
    return data[:end] or data


def _last(data: bytes, newline: bytes, before: int) -> int:
    """Where the last line end before a place ends."""
    place = data.rfind(newline, 0, before)
    while place > 0 and place % len(newline):
        place = data.rfind(newline, 0, place + len(newline) - 1)
    return place + len(newline) if place >= 0 else 0


def _sample(
    connection: duckdb.DuckDBPyConnection, parquet: Path, limit: int
) -> tuple[list[ColumnSchema], list[list[Any]]]:
    table = f"read_parquet({literal(parquet)})"
    described = connection.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()  # noqa: S608 - quoted literal
    columns = [ColumnSchema(name=row[0], type=contract_type(row[1])) for row in described]
    rows = connection.execute(f"SELECT * FROM {table} LIMIT {limit}").fetchall()  # noqa: S608 - quoted literal
    return columns, [[json_value(value) for value in row] for row in rows]


def _answer(head: _Head, found: Read, columns: list[ColumnSchema], rows: list[list[Any]]) -> Inspection:
    told = found.report
    return Inspection(
        format=told["format"],
        packed_as=head.packed_as or told.get("packed_as"),
        encoding=told.get("encoding"),
        encoding_certain=told.get("encoding_certain"),
        delimiter=told.get("delimiter"),
        header=told.get("header"),
        skipped_lines=told.get("skipped_lines"),
        sheets=told.get("sheets"),
        sheet=told.get("sheet"),
        columns=columns,
        rows=rows,
        row_count_estimate=_estimate(head, found.rows),
        renamed=told["renamed"],
        conversions=told["conversions"],
        warnings=list(_warnings(head, told)),
    )


def _estimate(head: _Head, rows: int) -> int | None:
    if not head.cut:
        return rows
    return round(rows * head.total / head.bytes) if head.total and head.bytes else None


def _warnings(head: _Head, told: IngestReport) -> Iterator[str]:
    if head.cut:
        yield "Only the beginning of the file was read; a type may turn out wider in later rows."
    if told.get("encoding_certain") is False:
        yield f"The encoding {told.get('encoding')} is a guess from the letters."
    if told.get("replaced_characters"):
        yield f"{told.get('replaced_characters')} characters are not of the encoding and were replaced."
    if told["rejected_rows"]:
        sample = told["rejected_samples"][0]
        reason = f"the first is line {sample['line']}: {sample['reason']}"
        yield f"{told['rejected_rows']} of the lines read do not fit the table; {reason}."
    if told["rejected_cells"]:
        yield f"{told['rejected_cells']} of the values read do not fit the types given and would become null."
