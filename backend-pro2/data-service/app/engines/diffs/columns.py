"""Columns of two versions side by side: what was added, removed or changed, and SQL that makes their rows comparable.

Two values of a column that kept its type are equal if they are the same: NaN equals NaN, null equals null, 0.0 is not
-0.0. Where the type changed they are equal if each, converted to the other's type, gives the other: 1 and 1.0 are, "01"
and 1 are not. A version that lacks a column has nulls there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

import duckdb

from shared.tabular.quoting import identifier, literal
from shared.tabular.types import JSON, ColumnSchema, contract_type

ROW_NUMBER = "file_row_number"
_FLOATS = frozenset({"FLOAT", "DOUBLE"})
_TEXTS = frozenset({"VARCHAR", "JSON"})
_PLAIN = _TEXTS | {
    *(
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "HUGEINT",
        "UTINYINT",
        "USMALLINT",
        "UINTEGER",
        "UBIGINT",
        "UHUGEINT",
    ),
    *("BOOLEAN", "DATE", "TIME", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"),
    *("TIMESTAMP WITH TIME ZONE", "BLOB", "UUID"),
}


class TypeChange(TypedDict):
    """A column that has another type now."""

    name: str
    from_type: str
    to_type: str


@dataclass(frozen=True, slots=True)
class Side:
    """A version's file, and the DuckDB type of each of its columns."""

    path: str
    types: Mapping[str, str]

    @property
    def numbered(self) -> str:
        """SQL for its rows: `n` counts them from 0, columns are c0, c1, … whatever they are called."""
        columns = "".join(f", {identifier(name)} AS c{index}" for index, name in enumerate(self.types))
        file = literal(self.path)
        if ROW_NUMBER in (name.lower() for name in self.types):
            return f"(SELECT row_number() OVER () - 1 AS n{columns} FROM read_parquet({file}))"  # noqa: S608
        return f"(SELECT {ROW_NUMBER} AS n{columns} FROM read_parquet({file}, {ROW_NUMBER} = true))"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Pair:
    """SQL over `numbered` of the earlier and of the later version, of one type; equal where the values are."""

    before: str
    after: str
    text: bool = False


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of both versions."""

    before: Side
    after: Side

    @property
    def added(self) -> list[ColumnSchema]:
        """Columns that only the later version has."""
        return _only(self.after, self.before)

    @property
    def removed(self) -> list[ColumnSchema]:
        """Columns that only the earlier version has."""
        return _only(self.before, self.after)

    @property
    def changed(self) -> list[TypeChange]:
        """Columns whose type, as the API has it, is another."""
        common = [(name, self.before.types[name], new) for name, new in self.after.types.items() if name in self.common]
        kinds = [(name, contract_type(old), contract_type(new)) for name, old, new in common]
        return [TypeChange(name=name, from_type=old, to_type=new) for name, old, new in kinds if old != new]

    @property
    def common(self) -> frozenset[str]:
        """Names that both have."""
        return frozenset(self.before.types) & frozenset(self.after.types)

    def rows(self) -> list[Pair]:
        """What rows are compared by: every column."""
        return self._pairs(list(dict.fromkeys([*self.after.types, *self.before.types])), exact=True)

    def keys(self, names: Sequence[str]) -> list[Pair]:
        """What rows are found by: these columns; 0.0 and -0.0 are one key, and null is a key like any other."""
        return self._pairs(names, exact=False)

    def _pairs(self, names: Sequence[str], *, exact: bool) -> list[Pair]:
        sides = (self.before, self.after)
        aliases = [{name: f"c{index}" for index, name in enumerate(one.types)} for one in sides]
        return [pair for name in names for pair in self._of(name, *aliases, exact=exact)]

    def _of(self, name: str, before: Mapping[str, str], after: Mapping[str, str], *, exact: bool) -> Iterator[Pair]:
        old, new = self.before.types.get(name), self.after.types.get(name)
        kind = new or old or ""
        nothing = f"CAST(NULL AS {kind})"
        value = before.get(name, nothing)
        if old and new and old != new:
            fits = _fits(value, old, new)
            yield Pair(f"CASE WHEN NOT ({fits}) THEN CAST({value} AS VARCHAR) END", "CAST(NULL AS VARCHAR)", text=True)
            value = f"CASE WHEN {fits} THEN TRY_CAST({value} AS {new}) END" if _castable(old, new) else nothing
        yield from _told_apart(value, after.get(name, nothing), kind, exact=exact)


def side(connection: duckdb.DuckDBPyConnection, path: str) -> Side:
    """The file and its columns."""
    rows = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [path]).fetchall()
    return Side(path, {row[0]: row[1] for row in rows})


def _told_apart(before: str, after: str, kind: str, *, exact: bool) -> Iterator[Pair]:
    """The values of a type, and what their equality overlooks."""
    if kind in _FLOATS:
        yield Pair(before, after)
        if exact:
            yield Pair(f"({before} = 0 AND signbit({before}))", f"({after} = 0 AND signbit({after}))")
    elif kind in _PLAIN or kind.startswith("DECIMAL"):
        yield Pair(before, after, text=kind in _TEXTS)
    else:
        # Nested values may hold zeros of either sign; an interval of 30 days and one of a month are equal.
        yield Pair(f"CAST({before} AS VARCHAR)", f"CAST({after} AS VARCHAR)", text=True)


def _fits(value: str, old: str, new: str) -> str:
    if not _castable(old, new):
        return f"{value} IS NULL"
    return f"TRY_CAST(TRY_CAST({value} AS {new}) AS {old}) IS NOT DISTINCT FROM {value}"


def _castable(old: str, new: str) -> bool:
    """Whether values of one can be those of the other: nested ones of another shape cannot."""
    return not any(contract_type(kind) == JSON and kind != "JSON" for kind in (old, new))


def _only(one: Side, other: Side) -> list[ColumnSchema]:
    columns = [(name, contract_type(kind)) for name, kind in one.types.items() if name not in other.types]
    return [ColumnSchema(name=name, type=kind) for name, kind in columns]
