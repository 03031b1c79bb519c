"""JSON and JSON Lines to Parquet: each record is checked, then DuckDB reads all of them into typed columns."""

import copy
import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from shared.tabular.names import unique_names
from shared.tabular.quoting import identifier, literal
from shared.tabular.types import contract_type

from . import json_columns, json_shapes, typed
from .dialect import no_rows, not_tabular
from .json_columns import MARKER, Members
from .json_records import MAX_RECORD_BYTES, BadRecord, invalid_json, lines, parse
from .kinds import Kind
from .nesting import MAX_LISTS, list_depth
from .source import Conversion, IngestReport, Read, RejectedLine, Source, clean_report
from .typed import Staged, StagedColumn

REJECT_SAMPLES = 20
MAX_TYPE_TEXT = 4000
_FLAT = frozenset({"BIGINT", "DOUBLE", "BOOLEAN", "VARCHAR", "JSON", "DECIMAL(38,0)"})
_WHOLE = r"-?\d{1,38}"


def read(connection: duckdb.DuckDBPyConnection, source: Source, target: Path, kind: Kind) -> Read:
    """Write the JSON text `source` to `target` as Parquet; kind "jsonl" has a record a line, and bad ones are reported.

    Raises:
        ComputeError: `invalid_json`, `no_rows`, `not_tabular`, `too_many_columns`, `column_not_found`.
    """
    report = clean_report(kind)
    members = Members(source.max_columns, source.options.null_values or ())
    checked = source.scratch / "records.jsonl"
    found = _lines(source.path, report) if kind == "jsonl" else _document(source.path, report)
    # Closed at once, also when it is refused half way: it holds the file open.
    with checked.open("wb") as file, closing(found):
        for raw, record in found:
            members.add(record)
            file.write(raw + b"\n")
    _require_rows(members)
    checked, columns = _columns(connection, checked, members, report)
    # What a failed attempt notes must not stay.
    attempt = copy.deepcopy(report)
    try:
        rows = typed.write(connection, _staged(checked, columns), source.options, target, attempt)
    except duckdb.InvalidInputException:
        # Nested values that differ too much for one type: each then stays as it is written.
        attempt = report
        columns = [column if column.type in _FLAT else replace(column, type="JSON") for column in columns]
        rows = typed.write(connection, _staged(checked, columns), source.options, target, attempt)
    return Read(rows, attempt)


def _document(path: Path, report: IngestReport) -> Generator[tuple[bytes, dict[str, Any]]]:
    with closing(json_shapes.records(path, report)) as texts:
        for number, text in enumerate(texts, start=1):
            # Outside of texts a line end is a blank, and inside none may stand.
            raw = text.encode().replace(b"\n", b" ").replace(b"\r", b" ")
            try:
                record = parse(raw)
            except BadRecord as bad:
                raise invalid_json(f"record {number}: {bad.detail}.") from bad
            yield raw, record


def _lines(path: Path, report: IngestReport) -> Generator[tuple[bytes, dict[str, Any]]]:
    good = 0
    with closing(lines(path)) as numbered:
        for number, line in numbered:
            try:
                record = _parsed(line)
            except BadRecord as bad:
                _reject(report, number, bad, line or b"")
                continue
            good += 1
            yield line or b"", record
    if report["rejected_rows"] > good:
        sample = report["rejected_samples"][0]
        raise invalid_json(f"line {sample['line']}: {sample['reason']}. Most lines are no records.")


def _parsed(line: bytes | None) -> dict[str, Any]:
    if line is None:
        raise BadRecord("longer than 16 MiB", f"the line has more than {MAX_RECORD_BYTES} bytes")
    return parse(line)


def _reject(report: IngestReport, number: int, bad: BadRecord, line: bytes) -> None:
    report["rejected_rows"] += 1
    report["rejected_reasons"][bad.reason] = report["rejected_reasons"].get(bad.reason, 0) + 1
    if len(report["rejected_samples"]) < REJECT_SAMPLES:
        text = line[:800].decode(errors="replace")[:200]
        report["rejected_samples"].append(RejectedLine(line=number, reason=bad.detail, text=text))


def _require_rows(members: Members) -> None:
    if members.records == 0:
        raise no_rows()
    if not members.kinds:
        raise not_tabular("Its objects have no members.")


def _columns(
    connection: duckdb.DuckDBPyConnection, checked: Path, members: Members, report: IngestReport
) -> tuple[Path, list[StagedColumn]]:
    """Names and types of the columns, and the file of the records with these names."""
    names, report["renamed"] = unique_names(list(members.kinds))
    if names != list(members.kinds):
        checked = _renamed(checked, dict(zip(members.kinds, names, strict=True)))
    kinds = dict(zip(names, members.kinds.values(), strict=True))
    types = {name: json_columns.duck_type(bits) for name, bits in kinds.items()}
    types |= _nested(connection, checked, [name for name, kind in types.items() if kind == "NESTED"])
    types |= _huge(connection, checked, [name for name, kind in types.items() if kind == "?"])
    for name, bits in kinds.items():
        if reason := json_columns.note(bits):
            report["conversions"].append(Conversion(column=name, note=reason))
    return checked, [_column(name, types[name], bits) for name, bits in kinds.items()]


def _column(name: str, kind: str, bits: int) -> StagedColumn:
    if bits & MARKER and kind in ("BIGINT", "DOUBLE", "BOOLEAN"):
        return StagedColumn(name, name, "VARCHAR", becomes=contract_type(kind))
    return StagedColumn(name, name, kind, dates=True)


def _staged(checked: Path, columns: Sequence[StagedColumn]) -> Staged:
    return Staged(_reader(checked, {column.staged: column.type for column in columns}), columns)


def _reader(path: Path, types: Mapping[str, str] | None) -> str:
    """SQL that reads the checked records, with types or with those that DuckDB finds in all of them.

    That each is a record is said, as DuckDB guesses: of objects that are mostly empty it makes one column of texts.
    """
    columns = "sample_size=-1"
    if types is not None:
        listed = ", ".join(f"{identifier(name)}: {literal(kind)}" for name, kind in types.items())
        columns = f"columns={{{listed}}}"
    return (
        f"read_json({literal(path)}, format='newline_delimited', records=true, {columns}, "
        f"maximum_object_size={MAX_RECORD_BYTES + 1024})"
    )


def _nested(connection: duckdb.DuckDBPyConnection, path: Path, names: Sequence[str]) -> dict[str, str]:
    """The types of columns of lists and objects, JSON where there is none that keeps every digit or a short one."""
    types = dict.fromkeys(names, "JSON")
    if not names:
        return types
    with suppress(duckdb.InvalidInputException, duckdb.BinderException):
        described = connection.execute(f"DESCRIBE SELECT * FROM {_reader(path, None)}").fetchall()  # noqa: S608
        for name, kind, *_ in described:
            if name in types and _is_keepable(kind):
                types[name] = kind
    return types


def _is_keepable(kind: str) -> bool:
    exact = "HUGEINT" not in kind and "NULL" not in kind
    return exact and len(kind) <= MAX_TYPE_TEXT and list_depth(kind) <= MAX_LISTS


def _huge(connection: duckdb.DuckDBPyConnection, path: Path, names: Sequence[str]) -> dict[str, str]:
    """The types of columns of numbers beyond 64 bits: whole, written like 1e20, or kept as text where they mix."""
    types: dict[str, str] = {}
    for name in names:
        text = identifier(name)
        whole = typed.matches(_WHOLE, text)
        row = connection.execute(
            f"SELECT bool_and({whole}), bool_or({whole} AND abs(CAST({text} AS DOUBLE)) >= 1e15) "  # noqa: S608
            f"FROM {_reader(path, {name: 'VARCHAR'})}"
        ).fetchone() or (False, True)
        types[name] = "DECIMAL(38,0)" if row[0] else "VARCHAR" if row[1] else "DOUBLE"
    return types


def _renamed(path: Path, names: Mapping[str, str]) -> Path:
    """The same records with other names of their members; Python's own reader keeps integers of any length."""
    target = path.with_name("renamed.jsonl")
    with path.open("rb") as source, target.open("w", encoding="utf-8") as file:
        for line in source:
            record = {names[name]: value for name, value in json.loads(line).items()}
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
    return target
