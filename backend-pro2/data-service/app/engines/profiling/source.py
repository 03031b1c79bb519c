"""The file as a profile reads it: whole, in runs of columns, and in samples of rows.

Relations: `file` has every column; `data` those of the run; `sample` rows of the run for what need not see all of
them, `few` still fewer. Where the file is small, `data` is a copy in memory: a wide file has a long description, and
each query of the file would read all of it again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TypeVar

import duckdb

from shared.tabular.quoting import identifier, literal
from shared.tabular.types import STRING, ColumnSchema

EXACT_ROWS = 2_000_000
CELLS_AT_ONCE = 4_000_000
COLUMNS_AT_ONCE = 100
SAMPLE_ROWS = 200_000
FEW_ROWS = 20_000

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Data:
    """A Parquet file; statistics are `exact` unless it has too many rows."""

    connection: duckdb.DuckDBPyConnection
    path: Path
    columns: tuple[ColumnSchema, ...]
    kinds: dict[str, str]
    rows: int

    @property
    def exact(self) -> bool:
        """Whether each statistic sees every row."""
        return self.rows <= EXACT_ROWS

    def runs(self) -> Iterator["Run"]:
        """Columns that are looked at together, one run after the other, each with its relations ready."""
        for columns in batches(self.columns, self._width()):
            yield self._run(columns)

    def _width(self) -> int:
        rows = self.rows if self.exact else min(self.rows, SAMPLE_ROWS)
        return max(1, min(COLUMNS_AT_ONCE, CELLS_AT_ONCE // max(1, rows)))

    def draw(self, columns: Sequence[ColumnSchema]) -> int:
        """Put rows of these columns into the table `crossed`: all, or as many as fit; the number of rows in each."""
        limit = min(SAMPLE_ROWS, CELLS_AT_ONCE // max(1, len(columns)))
        step = -(-self.rows // limit) if self.rows else 1
        if not self.exact and len(self.columns) <= self._width():
            # The only run has drawn them already.
            view = f"SELECT {_listed(columns)}, rowid FROM sample"  # noqa: S608 - quoted identifiers
            self.connection.execute(f"CREATE OR REPLACE TEMP VIEW crossed AS {view}")
        else:
            self._draw("crossed", columns, step)
        return step

    def _run(self, columns: Sequence[ColumnSchema]) -> "Run":
        listed = _listed(columns)
        # Not from `file`: that would look at the expressions of all columns each time.
        rows = f"SELECT {_plains(columns, self.kinds)} FROM read_parquet({literal(self.path)})"  # noqa: S608
        self.connection.execute(f"CREATE OR REPLACE TEMP {'TABLE' if self.exact else 'VIEW'} data AS {rows}")
        if self.exact:
            self.connection.execute("CREATE OR REPLACE TEMP VIEW sample AS SELECT * FROM data")
        else:
            self._draw("sample", columns, -(-self.rows // SAMPLE_ROWS))
        kept, source = (self.rows, "data") if self.exact else (min(self.rows, SAMPLE_ROWS), "sample")
        chosen = "" if kept <= FEW_ROWS else f" WHERE hash(rowid) % {-(-kept // FEW_ROWS)} = 0"
        self.connection.execute(f"CREATE OR REPLACE TEMP VIEW few AS SELECT {listed} FROM {source}{chosen}")  # noqa: S608
        return Run(self.connection, tuple(columns), self.kinds, self.rows, self.exact, kept <= FEW_ROWS)

    def _draw(self, target: str, columns: Sequence[ColumnSchema], step: int) -> None:
        number = self._number()
        # By a hash of the row's number: every n-th row would beat with whatever repeats in the data.
        rows = f"{self._numbered(number)} WHERE hash({number}) % {step} = 0" if step > 1 else "file"
        self.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {target} AS SELECT {_listed(columns)} FROM {rows}"  # noqa: S608
        )

    def _number(self) -> str:
        """A name that no column has."""
        taken = {column["name"].lower() for column in self.columns}
        return next(name for name in (f"row_number_{number}" for number in count()) if name not in taken)

    def _numbered(self, number: str) -> str:
        """`file` with the row's number beside its columns."""
        if any(column["name"].lower() == "file_row_number" for column in self.columns):
            return f"(SELECT *, row_number() OVER () AS {number} FROM file)"  # noqa: S608
        source = f"read_parquet({literal(self.path)}, file_row_number = true)"
        return f"(SELECT {_plains(self.columns, self.kinds)}, file_row_number AS {number} FROM {source})"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Run:
    """Some columns, to be read from `data`, `sample` and `few`; `all_few` where `few` has every row."""

    connection: duckdb.DuckDBPyConnection
    columns: tuple[ColumnSchema, ...]
    kinds: dict[str, str]
    rows: int
    exact: bool
    all_few: bool


def open_file(connection: duckdb.DuckDBPyConnection, path: Path, schema: Sequence[ColumnSchema]) -> Data:
    """Define `file`: texts are VARCHAR and moments naive UTC there, whatever kind the file has."""
    connection.execute("SET parquet_metadata_cache = true")
    source = f"read_parquet({literal(path)})"
    found = connection.execute(f"SELECT count(*) FROM {source}").fetchone()  # noqa: S608 - a quoted literal
    described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()  # noqa: S608 - a quoted literal
    kinds = {row[0]: row[1] for row in described}
    columns = _plains(schema, kinds)
    connection.execute(f"CREATE OR REPLACE TEMP VIEW file AS SELECT {columns} FROM {source}")  # noqa: S608
    return Data(connection, path, tuple(schema), kinds, int(found[0]) if found else 0)


def batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """`items` in runs of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _plains(columns: Sequence[ColumnSchema], kinds: dict[str, str]) -> str:
    return ", ".join(_plain(column, kinds[column["name"]]) for column in columns)


def _plain(column: ColumnSchema, kind: str) -> str:
    name = identifier(column["name"])
    if column["type"] == STRING and kind != "VARCHAR":
        return f"CAST({name} AS VARCHAR) AS {name}"
    if kind.startswith("TIMESTAMP") and kind != "TIMESTAMP":
        return f"CAST({name} AS TIMESTAMP) AS {name}"
    return name


def _listed(columns: Sequence[ColumnSchema]) -> str:
    return ", ".join(identifier(column["name"]) for column in columns)
