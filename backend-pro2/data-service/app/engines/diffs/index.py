"""Which rows of two versions differ: their numbers, found by hashes, kept in a small Parquet file.

Rows that are equal in every column are matched first, each with one. What is left was removed from the earlier version
or added to the later one; with a key, a row that is the only one left of its key on either side was changed. So rows
that share a key are never taken for one another, and null is a key like any other.
"""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from shared.tabular.quoting import literal

from .columns import Columns, Pair

REMOVED, CHANGED, ADDED = "removed", "changed", "added"
KINDS = (REMOVED, CHANGED, ADDED)


def write_index(connection: duckdb.DuckDBPyConnection, columns: Columns, key: Sequence[str], target: Path) -> None:
    """Write the differing rows to `target`: kind (a position in KINDS), row before, row after; in that order.

    Hashes have 128 bits, so rows that differ are told apart with near certainty. Groupings, joins and sorts spill.
    """
    rows, keys = columns.rows(), columns.keys(key)
    for table, numbered, before in (("a", columns.before.numbered, True), ("b", columns.after.numbered, False)):
        hashed = f"{_hashes(rows, 'h', before=before)}, {_hashes(keys, 'k', before=before)}"
        connection.execute(f"CREATE TEMP TABLE {table} AS SELECT n, {hashed} FROM {numbered}")  # noqa: S608
    connection.execute(_COUNTED)
    connection.execute(_LEFT.format(table="gone", rows="a", mine="ca", others="cb"))
    connection.execute(_LEFT.format(table="come", rows="b", mine="cb", others="ca"))
    connection.execute(_PAIRS.format(condition="true" if key else "false"))
    connection.execute(f"COPY ({_INDEX}) TO {literal(target)} (FORMAT parquet, COMPRESSION zstd)")


def count_kinds(connection: duckdb.DuckDBPyConnection, index: Path) -> dict[str, int]:
    """How many rows of each kind an index has."""
    sql = f"SELECT kind, count(*) FROM read_parquet({literal(index)}) GROUP BY kind"  # noqa: S608 - a quoted literal
    found = dict(connection.execute(sql).fetchall())
    return {kind: int(found.get(position, 0)) for position, kind in enumerate(KINDS)}


def _hashes(pairs: Sequence[Pair], name: str, *, before: bool) -> str:
    """Two hashes of 64 bits each that do not collide together."""
    values = [pair.before if before else pair.after for pair in pairs]
    # Behind another letter a text falls into other words of the hash function.
    others = [f"'x' || {value}" if pair.text else value for pair, value in zip(pairs, values, strict=True)]
    return f"hash({', '.join(['0', *values])}) AS {name}1, hash({', '.join(['1', *reversed(others)])}) AS {name}2"


_COUNTED = """
CREATE TEMP TABLE counted AS
SELECT h1, h2, ca, cb FROM (
    SELECT h1, h2, count(*) FILTER (WHERE earlier) AS ca, count(*) FILTER (WHERE NOT earlier) AS cb
    FROM (SELECT h1, h2, true AS earlier FROM a UNION ALL SELECT h1, h2, false FROM b)
    GROUP BY h1, h2
) WHERE ca <> cb
"""
_LEFT = """
CREATE TEMP TABLE {table} AS
SELECT n, k1, k2 FROM (
    SELECT n, k1, k2, {others}, row_number() OVER (PARTITION BY h1, h2 ORDER BY n) AS number
    FROM {rows} JOIN counted USING (h1, h2)
    WHERE {mine} > {others}
) WHERE number > {others}
"""
_PAIRS = """
CREATE TEMP TABLE pairs AS
SELECT old.n AS before, new.n AS after
FROM (SELECT k1, k2, min(n) AS n FROM gone GROUP BY k1, k2 HAVING count(*) = 1) AS old
JOIN (SELECT k1, k2, min(n) AS n FROM come GROUP BY k1, k2 HAVING count(*) = 1) AS new USING (k1, k2)
WHERE {condition}
"""
_INDEX = """
SELECT kind, before, after FROM (
    SELECT 0::UTINYINT AS kind, n AS before, NULL::BIGINT AS after
    FROM gone ANTI JOIN pairs ON n = before
    UNION ALL
    SELECT 1::UTINYINT, before, after FROM pairs
    UNION ALL
    SELECT 2::UTINYINT, NULL, n FROM come ANTI JOIN pairs ON n = after
) ORDER BY kind, coalesce(before, after)
"""
