"""Pages of a version's rows, filtered and sorted, and the values of a column, all found by DuckDB."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from shared.compute import Report
from shared.compute.protocol import ComputeError
from shared.tabular.answers import json_rows, not_finite, readable
from shared.tabular.duck import confine, connect, engine_memory_mb, error_message, file_gone
from shared.tabular.names import nearest
from shared.tabular.names import shown as quoted
from shared.tabular.quoting import identifier, literal
from shared.tabular.types import BOOLEAN, ColumnSchema, contract_type

from .expressions import compile_expression

TOO_LARGE = "This needs more memory than it may use. Take fewer columns or rows, or filter first."


class SortKey(NamedTuple):
    """A column to sort by; missing values come last either way."""

    column: str
    descending: bool


def page(job: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Up to `limit` rows of the Parquet file `path` after the row at `after`, in the order of the sort keys, then of
    the file.

    The job has `columns` (None: all), `filter` (an expression or None), `sort` (a list of [column, descending]) and
    `after` (a row's position in the file, or None). Answers shared.queries.query.QueryAnswer, and `next_after`.

    Raises:
        ComputeError: `unknown_column`, `invalid_expression`, `query_failed`, `query_too_large`, `file_gone`.
    """
    started = time.perf_counter()
    with _opened(job) as connection:
        try:
            table = Table.described(connection, job["path"])
            shown = table.chosen(job["columns"])
            rows, lost = json_rows(connection.execute(_page_sql(table, shown, job)))
        except duckdb.Error as error:
            raise _explained(error) from error
    report(1, 1, "Done")
    limit = int(job["limit"])
    more, kept = len(rows) > limit, rows[:limit]
    return {
        "columns": [ColumnSchema(name=name, type=contract_type(table.kinds[name])) for name in shown],
        "rows": [row[:-1] for row in kept],
        "row_count": len(kept),
        "truncated": more,
        "next_after": kept[-1][-1] if more else None,
        "took_ms": round((time.perf_counter() - started) * 1000, 1),
        "warnings": not_finite(lost),
    }


def values(job: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """The distinct values of `column` whose text holds `text` (None: all), the most frequent `limit` of them.

    Answers {name, type, values: [{value, count}], truncated}; a missing value is null, and matches no text.

    Raises:
        ComputeError: `unknown_column`, `query_failed`, `query_too_large`, `file_gone`.
    """
    limit = int(job["limit"])
    with _opened(job) as connection:
        try:
            table = Table.described(connection, job["path"])
            (name,) = table.chosen([job["column"]])
            text = job["text"]
            sql = _values_sql(table, name, limit, searched=text is not None)
            rows, _ = json_rows(connection.execute(sql, [] if text is None else [text]))
        except duckdb.Error as error:
            raise _explained(error) from error
    report(1, 1, "Done")
    return {
        "name": name,
        "type": contract_type(table.kinds[name]),
        "values": [{"value": value, "count": count} for value, count in rows[:limit]],
        "truncated": len(rows) > limit,
    }


class Table:
    """A Parquet file, its columns with DuckDB's types, and a name for rows' positions that no column has."""

    def __init__(self, path: str, kinds: Mapping[str, str]) -> None:
        self.kinds = kinds
        taken = {name.lower() for name in kinds}
        self.position = "position"
        while self.position in taken:
            self.position += "_"
        # DuckDB's own number lets it skip what lies before; a column of that name hides it.
        number = "row_number() OVER () - 1" if "file_row_number" in taken else "file_row_number"
        self.source = f"(SELECT *, {number} AS {self.position} FROM read_parquet({literal(path)}))"  # noqa: S608

    @classmethod
    def described(cls, connection: duckdb.DuckDBPyConnection, path: str) -> "Table":
        """The file's columns, from its footer."""
        rows = connection.execute(f"DESCRIBE SELECT * FROM read_parquet({literal(path)})").fetchall()  # noqa: S608
        return cls(path, {name: kind for name, kind, *_ in rows})

    @property
    def types(self) -> dict[str, str]:
        """The contract's type of each column."""
        return {name: contract_type(kind) for name, kind in self.kinds.items()}

    def chosen(self, columns: Iterable[str] | None) -> list[str]:
        """These columns as they are called, all of them if None.

        Raises:
            ComputeError: `unknown_column`.
        """
        return list(self.kinds) if columns is None else [self._known(name) for name in columns]

    def _known(self, name: str) -> str:
        if name in self.kinds:
            return name
        by_lower = {other.lower(): other for other in self.kinds}
        if name.lower() in by_lower:
            return by_lower[name.lower()]
        raise ComputeError("unknown_column", f"No column {quoted(name)}.{nearest(name, self.kinds)}")


def _page_sql(table: Table, shown: Sequence[str], job: Mapping[str, Any]) -> str:
    keys = [SortKey(table.chosen([name])[0], descending) for name, descending in job["sort"]]
    columns = [readable(f"t.{identifier(name)}", table.kinds[name]) for name in shown]
    source, where = table.source, ""
    if job["filter"] is not None:
        source = f"(SELECT * FROM {source} WHERE {_filter_sql(job['filter'], table.types)})"  # noqa: S608
    source += " AS t"
    if job["after"] is not None:
        after = int(job["after"])
        if keys:
            source += f", (SELECT * FROM {table.source} WHERE {table.position} = {after}) AS l"  # noqa: S608
        where = f" WHERE {_after_sql(keys, table.position, after)}"
    order = [f"t.{identifier(key.column)} {'DESC' if key.descending else 'ASC'} NULLS LAST" for key in keys]
    return (
        f"SELECT {', '.join([*columns, f't.{table.position}'])} FROM {source}"  # noqa: S608 - quoted names, own numbers
        f"{where} ORDER BY {', '.join([*order, f't.{table.position}'])} LIMIT {int(job['limit']) + 1}"
    )


def _filter_sql(text: str, types: Mapping[str, str]) -> str:
    compiled = compile_expression(text, types)
    if compiled.type != BOOLEAN:
        raise ComputeError(
            "invalid_expression",
            f"A filter is true or false for each row, this is of type {compiled.type}; compare it with something.",
        )
    return compiled.sql


def _after_sql(keys: Sequence[SortKey], position: str, after: int) -> str:
    """What holds for the rows behind row `l`, which is at position `after`, in the order of the keys."""
    return f"({' OR '.join(_branches(keys, position, after))})"


def _branches(keys: Sequence[SortKey], position: str, after: int) -> Iterator[str]:
    equal: list[str] = []
    for key in keys:
        column = identifier(key.column)
        compared = f"t.{column} {'<' if key.descending else '>'} l.{column}"
        behind = f"({compared} OR (t.{column} IS NULL AND l.{column} IS NOT NULL))"
        yield f"({' AND '.join([*equal, behind])})"
        equal.append(f"t.{column} IS NOT DISTINCT FROM l.{column}")
    yield f"({' AND '.join([*equal, f't.{position} > {after}'])})"


def _values_sql(table: Table, name: str, limit: int, *, searched: bool) -> str:
    column = identifier(name)
    where = f" WHERE contains(lower(CAST({column} AS VARCHAR)), lower(?))" if searched else ""
    return (
        f"SELECT {readable(column, table.kinds[name])}, count(*) FROM {table.source}"  # noqa: S608 - quoted
        f"{where} GROUP BY {column} ORDER BY 2 DESC, 1 NULLS LAST LIMIT {limit + 1}"
    )


def _opened(job: Mapping[str, Any]) -> duckdb.DuckDBPyConnection:
    """A connection that reaches the job's file and its scratch directory, if it has one, and nothing else."""
    scratch = Path(job["scratch"]) if "scratch" in job else None
    memory_mb = engine_memory_mb(int(job["memory_mb"]))
    connection = connect(memory_mb=memory_mb, threads=int(job["threads"]), scratch=scratch)
    confine(connection, job["path"])
    return connection


def _explained(error: duckdb.Error) -> ComputeError:
    if isinstance(error, duckdb.OutOfMemoryException):
        return ComputeError("query_too_large", TOO_LARGE)
    # No other file is named, and DuckDB tells one that is gone like one that is out of reach.
    if isinstance(error, duckdb.IOException | duckdb.PermissionException):
        return file_gone()
    if isinstance(error, duckdb.ConversionException | duckdb.OutOfRangeException | duckdb.InvalidInputException):
        sentence = error_message(error).partition("\n")[0].strip().rstrip(".!")[:300]
        return ComputeError("query_failed", f"{sentence}. Change the filter.")
    return ComputeError("query_failed", "These rows cannot be found in this way. Change filter or order.")
