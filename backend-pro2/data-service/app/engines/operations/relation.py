"""A table between two steps: a view, its columns under names of our own, and the order of its rows.

Users' column names never stand in the SQL of a step: each column has an identifier such as c12, and hidden keys such as
k3 carry the order of the rows, so no name can collide with ours, differ in case only, or need quoting.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from shared.compute.protocol import ComputeError
from shared.tabular.names import nearest, shown
from shared.tabular.types import NUMERIC, TEMPORAL

from .failures import invalid

MAX_NAME = 200


@dataclass(frozen=True, slots=True)
class Column:
    """`name` as the user knows it, `type` as the contract has it, `sql` as the view has it."""

    name: str
    type: str
    sql: str


@dataclass(frozen=True, slots=True)
class Key:
    """A hidden or visible column by which the rows are ordered; nulls come last either way."""

    sql: str
    descending: bool = False

    @property
    def order(self) -> str:
        """As ORDER BY takes it."""
        return f"{self.sql} {'DESC' if self.descending else 'ASC'} NULLS LAST"


@dataclass(frozen=True, slots=True)
class Computed:
    """A view's columns that are computed, each by itself, over the columns of `base`."""

    base: str
    sqls: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Relation:
    """`keys` define the order of the rows; `in_order` says that the view gives them so without being sorted.

    `computed` is set where the view only computes columns, so that more of them can be computed beside these.
    """

    view: str
    columns: tuple[Column, ...]
    keys: tuple[Key, ...]
    in_order: bool
    computed: Computed | None = None

    @property
    def types(self) -> dict[str, str]:
        """Types by name."""
        return {column.name: column.type for column in self.columns}

    @property
    def identifiers(self) -> dict[str, str]:
        """SQL identifiers by name."""
        return {column.name: column.sql for column in self.columns}

    @property
    def order(self) -> str:
        """The order of the rows, as ORDER BY takes it."""
        return ", ".join(key.order for key in self.keys)

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            ComputeError: `unknown_column`, with the nearest name.
        """
        for column in self.columns:
            if column.name == name:
                return column
        known = [column.name for column in self.columns]
        raise ComputeError("unknown_column", f"There is no column {shown(name)}.{nearest(name, known)}")

    def picked(self, names: Sequence[str]) -> list[Column]:
        """The columns of those names, in that order; each may be named once."""
        if repeated := repeated_name(names):
            raise invalid(f"The column {shown(repeated)} is named twice.")
        return [self.column(name) for name in names]

    def numeric(self, name: str) -> Column:
        """A column of numbers."""
        return self._of_kind(name, NUMERIC, "a column of numbers")

    def temporal(self, name: str) -> Column:
        """A column of dates or moments."""
        return self._of_kind(name, TEMPORAL, "a column of dates or datetimes")

    def _of_kind(self, name: str, kinds: Iterable[str], wanted: str) -> Column:
        column = self.column(name)
        if column.type not in kinds:
            raise invalid(f"{shown(name)} must be {wanted}, but holds {column.type}; use the step cast first.")
        return column

    def with_column(self, column: Column) -> tuple[Column, ...]:
        """The columns with this one in the place of its namesake, or at the end."""
        if any(other.name == column.name for other in self.columns):
            return tuple(column if other.name == column.name else other for other in self.columns)
        return (*self.columns, column)

    def without(self, names: Iterable[str]) -> tuple[Column, ...]:
        """The columns but those."""
        left_out = set(names)
        return tuple(column for column in self.columns if column.name not in left_out)

    def named(self, columns: Sequence[Column]) -> "Relation":
        """The same view with other names or fewer columns."""
        return replace(self, columns=check_names(columns))


def check_names(columns: Iterable[Column]) -> tuple[Column, ...]:
    """The columns, if their names can stand side by side in a table.

    Raises:
        ComputeError: `invalid_step`.
    """
    found = tuple(columns)
    if not found:
        raise invalid("No column would be left.")
    for column in found:
        check_name(column.name)
    if repeated := repeated_name(column.name for column in found):
        raise invalid(
            f"There would be two columns {shown(repeated)}; names that differ in case only count as the same."
        )
    return found


def check_name(name: str) -> None:
    """Refuse what cannot be a column's name."""
    if not name.strip() or name != name.strip() or len(name) > MAX_NAME or not name.isprintable():
        raise invalid(
            f"{shown(name)} cannot be a column's name: use 1 to {MAX_NAME} printable letters, no blanks at the ends."
        )


def repeated_name(names: Iterable[str]) -> str | None:
    """The first name that occurs again, in any case of letters."""
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen:
            return name
        seen.add(name.lower())
    return None


def mapped(columns: Iterable[Column], changes: Mapping[str, Column]) -> tuple[Column, ...]:
    """The columns, with those of `changes` in the place of their namesakes."""
    return tuple(changes.get(column.name, column) for column in columns)
