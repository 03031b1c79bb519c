"""Turns steps into views, one on another, and looks at data where a step must know some before it can be written."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Protocol
from uuid import UUID

from ..expressions import Compiled, compile_expression
from .failures import invalid
from .relation import Column, Computed, Key, Relation, check_names

_IDENTIFIER = re.compile(r"\b[a-z][0-9]+\b")


class Result(Protocol):
    """What a connection answers."""

    def fetchall(self) -> list[Any]:
        """All rows."""


class Connection(Protocol):
    """The part of a DuckDB connection that steps need."""

    def execute(self, query: str) -> Result:
        """Run one statement."""


@dataclass(slots=True)
class Builder:
    """`load` gives a table by its input name; `salt` keys pseudonyms; one that is `blind` has no rows to look at.

    `naming` stays true where the query of a view was refused, which is the fault of its own step.
    """

    connection: Connection
    load: Callable[["Builder", str], Relation]
    salt: bytes
    blind: bool = False
    warnings: list[dict[str, str]] = field(default_factory=list)
    learned: dict[str, Any] = field(default_factory=dict)
    naming: bool = False
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def fresh(self, letter: str = "c") -> str:
        """An identifier that no other view or column has."""
        return f"{letter}{next(self._numbers)}"

    def warn(self, code: str, message: str) -> None:
        """Tell the user of something that is no error."""
        self.warnings.append({"code": code, "message": message})

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a small query over the views so far."""
        return self.connection.execute(sql).fetchall()

    def row(self, sql: str) -> tuple[Any, ...]:
        """The one row of an aggregate."""
        return self.rows(sql)[0]

    def view(self, sql: str) -> str:
        """Name a query; DuckDB checks it now and runs it as part of the one that asks for the rows."""
        name = self.fresh("v")
        self.naming = True
        self.connection.execute(f"CREATE TEMP VIEW {name} AS {sql}")
        self.naming = False
        return name

    def other(self, dataset_id: UUID, version: int | None) -> Relation:
        """The table of another dataset."""
        return self.load(self, input_name(dataset_id, version))

    def compiled(self, text: str, relation: Relation) -> Compiled:
        """An expression over the columns of `relation`."""
        return compile_expression(text, relation.types, relation.identifiers)

    def add(self, relation: Relation, name: str, type_: str, sql: str, *, in_order: bool = True) -> Relation:
        """`relation` with one more column, or another in the place of its namesake."""
        return self.change(relation, relation.with_column(Column(name, type_, self.fresh())), [sql], in_order=in_order)

    def replace(self, relation: Relation, changes: Mapping[str, tuple[str, str]], *, in_order: bool = True) -> Relation:
        """`relation` with other values in some columns: their type and SQL by name."""
        new = {name: Column(name, type_, self.fresh()) for name, (type_, _) in changes.items()}
        columns = tuple(new.get(column.name, column) for column in relation.columns)
        sqls = [changes[column.name][1] for column in columns if column.name in changes]
        return self.change(relation, columns, sqls, in_order=in_order)

    def change(
        self, relation: Relation, columns: Sequence[Column], sqls: Sequence[str], *, in_order: bool = True
    ) -> Relation:
        """A view with these columns; `sqls` are the values of those that `relation` has not, in order."""
        old = {column.sql for column in relation.columns}
        new = [column.sql for column in check_names(columns) if column.sql not in old]
        computed = _beside(relation, dict(zip(new, sqls, strict=True)))
        needed = [*(column.sql for column in columns), *(key.sql for key in relation.keys)]
        listed = [f"{computed.sqls[n]} AS {n}" if n in computed.sqls else n for n in dict.fromkeys(needed)]
        view = self.view(f"SELECT {', '.join(listed)} FROM {computed.base}")  # noqa: S608 - our identifiers
        return Relation(view, tuple(columns), relation.keys, relation.in_order and in_order, computed)

    def where(self, relation: Relation, condition: str) -> Relation:
        """The rows for which `condition` is true."""
        view = self.view(f"SELECT * FROM {relation.view} WHERE {condition}")  # noqa: S608 - compiled or our own
        return Relation(view, relation.columns, relation.keys, relation.in_order)

    def qualify(self, relation: Relation, condition: str) -> Relation:
        """The rows for which a condition over window functions is true; they come out in no order."""
        view = self.view(f"SELECT * FROM {relation.view} QUALIFY {condition}")  # noqa: S608 - compiled or our own
        return Relation(view, relation.columns, relation.keys, in_order=False)

    def numbered(self, relation: Relation) -> tuple[Relation, str]:
        """`relation` with one hidden key that numbers its rows from 0, and that key."""
        if len(relation.keys) == 1 and relation.keys[0].sql.startswith("r"):
            return relation, relation.keys[0].sql
        key = self.fresh("r")
        # Over rows that come in order, a bare row_number() streams; it need not see them all first.
        over = "" if relation.in_order else f"ORDER BY {relation.order}"
        listed = ", ".join(column.sql for column in relation.columns)
        view = self.view(f"SELECT {listed}, row_number() OVER ({over}) - 1 AS {key} FROM {relation.view}")  # noqa: S608
        return Relation(view, relation.columns, (Key(key),), relation.in_order), key

    def known(self, what: str) -> None:
        """Stop where a step's columns depend on rows and there are none to look at."""
        if self.blind:
            raise invalid(f"{what} depends on the data, which are not looked at here.")


def _beside(relation: Relation, new: Mapping[str, str]) -> Computed:
    """`new` columns beside those that the view computes already, or over the view if they are computed from these.

    One projection instead of a chain of them: each holds a chunk of all columns, which adds up in a wide table.
    """
    before = relation.computed
    if before is None or any(name in before.sqls for sql in new.values() for name in _IDENTIFIER.findall(sql)):
        return Computed(relation.view, new)
    return Computed(before.base, {**before.sqls, **new})


def input_name(dataset_id: UUID, version: int | None) -> str:
    """The name of a dataset among the inputs of a job."""
    return str(dataset_id) if version is None else f"{dataset_id}@{version}"


def over(partition: Sequence[Column], order: str, frame: str = "") -> str:
    """An OVER clause."""
    by = f"PARTITION BY {', '.join(column.sql for column in partition)} " if partition else ""
    ordered = f"ORDER BY {order} " if order else ""
    return f"OVER ({by}{ordered}{frame})"
