"""Which type each column has once the rows of a file have joined those of a version."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb

from shared.tabular.quoting import identifier
from shared.tabular.types import DATETIME, INTEGER, JSON, NUMBER, STRING, contract_type

from ..diffs.columns import Side
from ..readers.source import Conversion
from .fit import fits, mismatch, pair

NOTHING = "NULL"
_WIDEST = {INTEGER: "BIGINT", NUMBER: "DOUBLE", DATETIME: "TIMESTAMP", JSON: "JSON", STRING: "VARCHAR"}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the result: its type there and in the base, and SQL over `Side.numbered` of either side."""

    name: str
    type: str
    before: str
    base: str
    file: str

    @property
    def quoted(self) -> str:
        """Its name, as SQL has it."""
        return identifier(self.name)

    @property
    def conversions(self) -> Iterator[Conversion]:
        """What was done to the base's column, if the API shows it."""
        old, new = contract_type(self.before), contract_type(self.type)
        if old != new:
            yield Conversion(column=self.name, note=f"widened from {old} to {new}")


@dataclass(frozen=True, slots=True)
class _Values:
    """A column of one side, as SQL over `rows`."""

    rows: str
    value: str
    type: str


def join_columns(connection: duckdb.DuckDBPyConnection, base: Side, file: Side) -> list[Column]:
    """The columns of `base`, each of the first type that holds all values of both sides as they are.

    Raises:
        ComputeError: `schema_mismatch`.
    """
    pairs = pair(list(base.types), list(file.types))
    old = {name: _Values(base.numbered, f"c{index}", kind) for index, (name, kind) in enumerate(base.types.items())}
    new = {name: _Values(file.numbered, f"c{index}", kind) for index, (name, kind) in enumerate(file.types.items())}
    return [_column(connection, name, old[name], new[other]) for name, other in pairs.items()]


def is_empty(connection: duckdb.DuckDBPyConnection, rows: str, value: str) -> bool:
    """Whether a column holds nothing but nulls."""
    row = connection.execute(f"SELECT {value} FROM {rows} WHERE {value} IS NOT NULL LIMIT 1").fetchone()  # noqa: S608
    return row is None


def _column(connection: duckdb.DuckDBPyConnection, name: str, old: _Values, new: _Values) -> Column:
    if old.type == new.type:
        return Column(name, old.type, old.type, old.value, new.value)
    if is_empty(connection, new.rows, new.value):
        return Column(name, old.type, old.type, old.value, NOTHING)
    for kind in _candidates(old.type, new.type):
        if _keeps(connection, old, kind) and _keeps(connection, new, kind):
            return Column(name, kind, old.type, old.value, new.value)
    was, now = contract_type(old.type), contract_type(new.type)
    if fits(was, now):
        raise mismatch(f"The column '{name}' has values that no common type of both sides holds without loss.")
    raise mismatch(f"The file does not have the dataset's columns: '{name}' is {now} instead of {was}.")


def _candidates(old: str, new: str) -> Sequence[str]:
    was, now = contract_type(old), contract_type(new)
    if was == STRING:
        return [old, "VARCHAR"]
    if not fits(was, now):
        return []
    wider = _WIDEST.get(now if was != now and fits(now, was) and now in (NUMBER, DATETIME) else was, old)
    return [old, new, wider] if was == now else [old, wider]


def _keeps(connection: duckdb.DuckDBPyConnection, values: _Values, kind: str) -> bool:
    """Whether every value survives the way to the type and back."""
    if values.type == kind:
        return True
    value = values.value
    back = f"TRY_CAST(TRY_CAST({value} AS {kind}) AS {values.type})"
    try:
        row = connection.execute(
            f"SELECT 1 FROM {values.rows} WHERE {back} IS DISTINCT FROM {value} LIMIT 1"  # noqa: S608 - aliases and types
        ).fetchone()
    except (duckdb.BinderException, duckdb.ConversionException, duckdb.NotImplementedException):
        return False
    return row is None
