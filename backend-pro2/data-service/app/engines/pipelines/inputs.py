"""The tables that a pipeline starts from; after they are named, the connection reaches no other file."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from shared.tabular.duck import confine, file_gone
from shared.tabular.names import shown
from shared.tabular.quoting import identifier, literal
from shared.tabular.types import STRING, ColumnSchema, contract_type

from ..expressions.nodes import SQL_TYPES
from ..operations.builder import Builder
from ..operations.failures import invalid
from ..operations.relation import Column, Key, Relation

MAX_SAMPLED_CELLS = 2_000_000
_ROW_NUMBER = "file_row_number"


class Sources:
    """Inputs by name: paths of Parquet files, or lists of {name, type} for tables of which only the columns are known.

    With `sample_rows` the main one is cut to its first rows; `sampled` then says to how many, if it had more.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        inputs: Mapping[str, Any],
        *,
        target: Path | None = None,
        sample_rows: int | None = None,
    ) -> None:
        self._connection = connection
        self._inputs = inputs
        self._sample_rows = sample_rows
        self.sampled = 0
        self.blind = any(not isinstance(source, str) for source in inputs.values())
        self._close(target)

    def load(self, builder: Builder, name: str) -> Relation:
        """The table of one input, its rows numbered as they stand in the file.

        Raises:
            ComputeError: `invalid_step` for an unknown input, `file_gone`.
        """
        source = self._inputs.get(name)
        if source is None:
            raise invalid(f"The dataset {shown(name)} is not at hand.")
        if not isinstance(source, str):
            return _empty(builder, source)
        try:
            return self._file(builder, source, main=name == "main")
        except duckdb.IOException as error:
            raise file_gone() from error

    def _close(self, target: Path | None) -> None:
        paths = [source for source in self._inputs.values() if isinstance(source, str)]
        # Steps that learn from the data read the file again and again; a wide one's description takes long to read.
        self._connection.execute("SET parquet_metadata_cache = true")
        confine(self._connection, *paths, *([target] if target else []))

    def _file(self, builder: Builder, path: str, *, main: bool) -> Relation:
        described = self._connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [path]).fetchall()
        columns = [Column(row[0], contract_type(row[1]), builder.fresh()) for row in described]
        row = builder.fresh("r")
        # The reader numbers rows at no cost, unless a column has the name that it would give the number.
        taken = any(column.name.lower() == _ROW_NUMBER for column in columns)
        reader = f"read_parquet({literal(path)}{'' if taken else f', {_ROW_NUMBER} = true'})"
        number = "row_number() OVER () - 1" if taken else _ROW_NUMBER
        listed = [*_plain(columns, [str(row[1]) for row in described]), f"{number} AS {row}"]
        limit = self._limit(path, len(columns)) if main and self._sample_rows else ""
        view = builder.view(f"SELECT {', '.join(listed)} FROM {reader}{limit}")  # noqa: S608 - quoted
        return Relation(view, tuple(columns), (Key(row),), in_order=True)

    def _limit(self, path: str, columns: int) -> str:
        most = max(1, min(self._sample_rows or 1, MAX_SAMPLED_CELLS // max(1, columns)))
        found = self._connection.execute("SELECT num_rows FROM parquet_file_metadata(?)", [path]).fetchone()
        if found and int(found[0]) > most:
            self.sampled = most
        return f" LIMIT {most}"


def _plain(columns: Sequence[Column], kinds: Sequence[str]) -> Iterator[str]:
    """Zoned moments as UTC, and what the contract calls a string as one."""
    for column, kind in zip(columns, kinds, strict=True):
        name = identifier(column.name)
        if kind == "TIMESTAMP WITH TIME ZONE":
            yield f"{name} AT TIME ZONE 'UTC' AS {column.sql}"
        elif column.type == STRING and kind != "VARCHAR":
            yield f"CAST({name} AS VARCHAR) AS {column.sql}"
        else:
            yield f"{name} AS {column.sql}"


def _empty(builder: Builder, schema: Sequence[Mapping[str, str]]) -> Relation:
    columns = [Column(column["name"], column["type"], builder.fresh()) for column in schema]
    row = builder.fresh("r")
    listed = [f"CAST(NULL AS {SQL_TYPES.get(column.type, 'JSON')}) AS {column.sql}" for column in columns]
    view = builder.view(f"SELECT {', '.join(listed)}, 0 AS {row} WHERE FALSE")
    return Relation(view, tuple(columns), (Key(row),), in_order=True)


def columns_of(table: Relation) -> list[ColumnSchema]:
    """The columns as the API shows them."""
    return [ColumnSchema(name=column.name, type=column.type) for column in table.columns]
