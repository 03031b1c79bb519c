"""Statistics of a Parquet file: exact up to EXACT_ROWS rows, beyond that estimates where said so."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from shared.compute import Report

from . import profile_warnings
from .correlations import correlate
from .duck import literal
from .frequencies import Frequencies, frequencies
from .profile_shapes import ColumnProfile, Profile
from .scalars import Scalars, scalars
from .spread import Spread, spread
from .types import ColumnSchema
from .values import json_value

EXACT_ROWS = 2_000_000
CELLS_IN_MEMORY = 4_000_000


def profile_file(
    connection: duckdb.DuckDBPyConnection, path: Path, schema: Sequence[ColumnSchema], report: Report
) -> Profile:
    """The profile of a Parquet file with these columns."""
    rows = _open(connection, path, len(schema))
    basics = scalars(connection, schema)
    report(70, 100, "Counting values")
    exact = rows <= EXACT_ROWS
    counted = frequencies(connection, basics, exact=exact)
    report(85, 100, "Measuring distributions")
    spreads = spread(connection, basics, exact=exact)
    report(95, 100, "Correlating columns")
    columns = [_column(basic, counted[basic.name], spreads[basic.name]) for basic in basics]
    profile = Profile(
        rows=rows,
        columns=columns,
        correlations=correlate(connection, basics, rows, path),
        duplicates=_duplicates(connection, basics, rows),
        warnings=[],
    )
    profile["warnings"] = profile_warnings.warnings(profile, basics)
    return profile


def _open(connection: duckdb.DuckDBPyConnection, path: Path, columns: int) -> int:
    """Define `data`: the file, or a copy in memory where that is small; the number of its rows."""
    source = f"read_parquet({literal(path)})"
    found = connection.execute(f"SELECT count(*) FROM {source}").fetchone()  # noqa: S608 - a quoted literal
    rows = int(found[0]) if found else 0
    # Each query would read the whole description of a wide file again.
    kind = "TABLE" if rows * columns <= CELLS_IN_MEMORY else "VIEW"
    connection.execute(f"CREATE TEMP {kind} data AS SELECT * FROM {source}")  # noqa: S608 - a quoted literal
    return rows


def _column(basic: Scalars, counted: Frequencies, spread: Spread) -> ColumnProfile:
    return ColumnProfile(
        name=basic.name,
        type=basic.type,
        count=basic.count,
        nulls=basic.rows - basic.count,
        distinct=counted.distinct,
        min=json_value(basic.low),
        max=json_value(basic.high),
        mean=basic.mean,
        std=basic.std,
        quantiles=spread.quantiles,
        top=counted.top,
        histogram=spread.histogram,
        approximate=[*counted.approximate, *spread.approximate],
    )


def _duplicates(connection: duckdb.DuckDBPyConnection, columns: Sequence[Scalars], rows: int) -> int:
    """Rows equal to an earlier one, found by a 64-bit hash of the row."""
    row = ", ".join(column.column for column in columns)
    hashes = f"SELECT hash({row}) AS h FROM data"  # noqa: S608 - quoted identifiers
    # Grouped, not count(DISTINCT): only a grouping spills to disk.
    found = connection.execute(f"SELECT count(*) FROM (SELECT h FROM ({hashes}) GROUP BY h)").fetchone()  # noqa: S608
    return rows - int(found[0]) if found else 0
