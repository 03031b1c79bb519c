"""Parquet from anywhere becomes Parquet as it is kept: our names, our row groups, moments in UTC."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from shared.compute.protocol import ComputeError
from shared.tabular.names import unique_names
from shared.tabular.quoting import identifier, literal
from shared.tabular.types import STRING, contract_type

from . import typed
from .dialect import no_rows, not_tabular, too_many_columns
from .nesting import MAX_LISTS, list_depth
from .source import Conversion, IngestReport, Read, Source, clean_report
from .typed import Staged, StagedColumn

AT_ONCE = 100
_MAGIC = b"PAR1"
_REFUSED = ("INTERVAL", "GEOMETRY", "GEOGRAPHY", "VARIANT", "UNION")
# What has to be known of a column before it can be read without a loss.
_TESTS = {
    "FLOAT": "bool_or(isnan({}))",
    "DOUBLE": "bool_or(isnan({}))",
    "TIMESTAMP_NS": "bool_or(epoch_ns({}) % 1000 <> 0)",
    "BLOB": "bool_or({} IS NOT NULL AND try(decode({})) IS NULL)",
}


@dataclass(frozen=True, slots=True)
class _Column:
    alias: str
    name: str
    type: str


def read(connection: duckdb.DuckDBPyConnection, source: Source, target: Path) -> Read:
    """Write the Parquet file `source` anew to `target`.

    Raises:
        ComputeError: `damaged_file`, `unsupported_column_type`, `too_many_columns`, `no_rows`, `not_tabular`,
            `column_not_found`.
    """
    _require_frame(source.path)
    report = clean_report("parquet")
    try:
        staged = _staged(connection, source, report)
        rows = typed.write(connection, staged, source.options, target, report)
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        # Of a hostile file any part of the engine may complain, in words that name our paths.
        raise _damaged() from error
    if rows == 0:
        raise no_rows()
    return Read(rows, report)


def _require_frame(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(-min(4, file.seek(0, 2)), 2)
        end = file.read(4)
    if start != _MAGIC or end != _MAGIC:
        raise _damaged()


def _damaged() -> ComputeError:
    return ComputeError(
        "damaged_file", "The file is no whole Parquet file: it is damaged or cut short. Write it again."
    )


def _staged(connection: duckdb.DuckDBPyConnection, source: Source, report: IngestReport) -> Staged:
    file = f"read_parquet({literal(source.path)})"
    header = _header(connection, source.path)
    if not header:
        raise not_tabular("It has no columns.")
    if len(header) > source.max_columns:
        raise too_many_columns(len(header), source.max_columns)
    described = connection.execute(f"DESCRIBE SELECT * FROM {file}").fetchall()  # noqa: S608 - a quoted literal
    if len(described) != len(header):
        raise _damaged()
    names, report["renamed"] = unique_names(header)
    # By position: of two columns of one name the engine would rename the second in silence.
    aliases = [f"c{position}" for position in range(len(names))]
    relation = f"{file} AS t({', '.join(aliases)})"
    columns = [_Column(*parts) for parts in zip(aliases, names, (row[1] for row in described), strict=True)]
    for column in columns:
        _require_supported(column)
    facts = _facts(connection, relation, columns)
    values = [_value(column, column.name in facts, report) for column in columns]
    select = ", ".join(f"{sql} AS {identifier(c.name)}" for c, (sql, _) in zip(columns, values, strict=True))
    staged = [StagedColumn(c.name, c.name, kind) for c, (_, kind) in zip(columns, values, strict=True)]
    return Staged(f"(SELECT {select} FROM {relation})", staged)  # noqa: S608 - quoted names


def _header(connection: duckdb.DuckDBPyConnection, path: Path) -> list[str]:
    """The names as they stand in the file: those of the root's children in the flattened schema."""
    nodes = connection.execute("SELECT name, coalesce(num_children, 0) FROM parquet_schema(?)", [str(path)]).fetchall()
    header: list[str] = []
    inside = 0
    for name, children in nodes[1:]:
        if inside == 0:
            header.append(name)
        inside = max(inside - 1, 0) + children
    return header


def _require_supported(column: _Column) -> None:
    if any(word in column.type for word in _REFUSED) or list_depth(column.type) > MAX_LISTS:
        detail = (
            f"Column {column.name!r} is of type {column.type[:60]}, which is not kept. Write it as text or numbers."
        )
        raise ComputeError("unsupported_column_type", detail)


def _facts(connection: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[_Column]) -> set[str]:
    """The names of the columns of which it is so what `_TESTS` asks of their type."""
    tested = [column for column in columns if column.type in _TESTS]
    found: set[str] = set()
    for start in range(0, len(tested), AT_ONCE):
        batch = tested[start : start + AT_ONCE]
        tests = ", ".join(_TESTS[column.type].replace("{}", column.alias) for column in batch)
        row = connection.execute(f"SELECT {tests} FROM {relation}").fetchone() or ()  # noqa: S608 - our aliases
        found |= {column.name for column, yes in zip(batch, row, strict=True) if yes}
    return found


def _value(column: _Column, fact: bool, report: IngestReport) -> tuple[str, str]:
    """SQL that reads a column as it is kept, and the type that this has."""
    sql, kind, note = column.alias, column.type, None
    match column.type:
        case "FLOAT" | "DOUBLE" if fact:
            sql, note = f"CASE WHEN isnan({column.alias}) THEN NULL ELSE {column.alias} END", "NaN became null"
        case "TIMESTAMP WITH TIME ZONE":
            sql, kind = f"{column.alias} AT TIME ZONE 'UTC'", "TIMESTAMP"
        case "TIMESTAMP_NS" | "TIMESTAMP_S" | "TIMESTAMP_MS" if not fact:
            sql, kind = f"CAST({column.alias} AS TIMESTAMP)", "TIMESTAMP"
        case "BLOB" if fact:
            sql, kind, note = f"to_base64({column.alias})", "VARCHAR", "bytes that are no text: written in base64"
        case "BLOB":
            sql, kind, note = f"decode({column.alias})", "VARCHAR", "bytes read as UTF-8 text"
        case other if contract_type(other) == STRING:
            # Times of day, UUIDs and the like have no type of their own in the contract.
            sql, kind = f"CAST({column.alias} AS VARCHAR)", "VARCHAR"
    if note:
        report["conversions"].append(Conversion(column=column.name, note=note))
    return sql, kind
