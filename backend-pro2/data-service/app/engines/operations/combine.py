"""Steps that bring in another dataset of the project."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from shared.tabular.names import shown
from shared.tabular.types import JSON, NUMERIC, TEMPORAL

from .base import Name, StepModel
from .builder import Builder
from .failures import invalid
from .literals import as_kind
from .relation import Column, Key, Relation, check_names

DatasetId = Annotated[UUID, Field(strict=False, description="A dataset of the same project.")]
Version = Annotated[int, Field(ge=1, description="Default: the newest.")]
_EXAMPLE_ID = "0190d6a8-7c1e-7b3a-9f42-5d7c1a2b3c4d"
_WORDS = {"inner": "JOIN", "left": "LEFT JOIN", "right": "RIGHT JOIN", "full": "FULL JOIN", "cross": "CROSS JOIN"}


class Join(StepModel):
    """Put columns of another dataset beside these."""

    title: ClassVar = "Join"
    description: ClassVar = (
        "Brings rows together that agree in the columns `on` (the same names in both, or {here: there}); nulls agree "
        "with nothing. inner keeps the pairs, left and right also the rows of that side without a partner, full both; "
        "semi keeps the rows that have a partner, anti those that have none, once each and without new columns; cross "
        "pairs all with all. Columns of the other dataset whose names are taken get the suffix. The rows keep their "
        "order, partners theirs; rows without a partner here come last."
    )
    example: ClassVar = {"op": "join", "dataset_id": _EXAMPLE_ID, "on": ["city"], "how": "left"}

    op: Literal["join"]
    dataset_id: DatasetId
    version: Version | None = None
    on: Name | Annotated[list[Name], Field(max_length=50)] | Annotated[dict[Name, Name], Field(max_length=50)] = Field(
        default_factory=list
    )
    how: Literal["inner", "left", "right", "full", "semi", "anti", "cross"] = "inner"
    suffix: Annotated[str, Field(min_length=1, max_length=50)] = "_right"

    @model_validator(mode="after")
    def _on_unless_cross(self) -> Self:
        if bool(self.on) == (self.how == "cross"):
            raise ValueError("on is needed for every join but a cross join, which takes none")
        return self

    def apply(self, table: Relation, builder: Builder) -> Relation:
        """The rows with their partners."""
        other = builder.other(self.dataset_id, self.version)
        pairs = self._pairs(table, other)
        same = " AND ".join(_equal(left, right) for left, right in pairs)
        if self.how in {"semi", "anti"}:
            exists = f"SELECT 1 FROM {other.view} r WHERE {same}"  # noqa: S608 - our identifiers
            sql = f"SELECT * FROM {table.view} l WHERE {'NOT ' if self.how == 'anti' else ''}EXISTS ({exists})"  # noqa: S608
            return Relation(builder.view(sql), table.columns, table.keys, in_order=False)
        return self._beside(table, other, builder, pairs, f" ON {same}" if same else "")

    def _pairs(self, table: Relation, other: Relation) -> list[tuple[Column, Column]]:
        if isinstance(self.on, dict):
            named = dict(self.on)
        else:
            named = {name: name for name in ([self.on] if isinstance(self.on, str) else self.on)}
        lefts, rights = table.picked(list(named)), other.picked(list(named.values()))
        for left, right in zip(lefts, rights, strict=True):
            if not _comparable(left.type, right.type):
                raise invalid(
                    f"{shown(left.name)} holds {left.type} here and {right.type} there; use the step cast first."
                )
        return list(zip(lefts, rights, strict=True))

    def _beside(
        self, table: Relation, other: Relation, builder: Builder, pairs: Sequence[tuple[Column, Column]], on: str
    ) -> Relation:
        keyed = {right.sql for _, right in pairs}
        partner = {left.sql: right for left, right in pairs}
        taken = {column.name.lower() for column in table.columns}
        listed, columns = [], []
        for column in table.columns:
            new = Column(column.name, column.type, builder.fresh())
            value = f"l.{column.sql}"
            if column.sql in partner and self.how in {"right", "full"}:
                right = partner[column.sql]
                value = f"coalesce({value}, {as_kind(f'r.{right.sql}', right.type, column.type)})"
            listed.append(f"{value} AS {new.sql}")
            columns.append(new)
        for column in other.columns:
            if column.sql not in keyed:
                name = f"{column.name}{self.suffix}" if column.name.lower() in taken else column.name
                columns.append(Column(name, column.type, builder.fresh()))
                listed.append(f"r.{column.sql} AS {columns[-1].sql}")
        keys = []
        for side, key in [*(("l", key) for key in table.keys), *(("r", key) for key in other.keys)]:
            keys.append(Key(builder.fresh("k"), key.descending))
            listed.append(f"{side}.{key.sql} AS {keys[-1].sql}")
        sql = f"SELECT {', '.join(listed)} FROM {table.view} l {_WORDS[self.how]} {other.view} r{on}"  # noqa: S608
        return Relation(builder.view(sql), check_names(columns), tuple(keys), in_order=False)


def _comparable(left: str, right: str) -> bool:
    return left != JSON and (left == right or {left, right} <= NUMERIC or {left, right} <= TEMPORAL)


def _equal(left: Column, right: Column) -> str:
    return f"l.{left.sql} = r.{right.sql}"


class Union(StepModel):
    """Put rows of another dataset below these."""

    title: ClassVar = "Union"
    description: ClassVar = (
        "Appends the rows of another dataset, column by column of the same name; a column that only one of them has is "
        "null for the other, and named in a warning. Integers beside numbers become numbers, dates beside moments "
        "moments; other differences of type must be cast first."
    )
    example: ClassVar = {"op": "union", "dataset_id": _EXAMPLE_ID}

    op: Literal["union"]
    dataset_id: DatasetId
    version: Version | None = None

    def apply(self, table: Relation, builder: Builder) -> Relation:
        """These rows and then those."""
        table, _ = builder.numbered(table)
        other, _ = builder.numbered(builder.other(self.dataset_id, self.version))
        columns = self._columns(table, other, builder)
        part, row = builder.fresh("k"), builder.fresh("k")
        sides = []
        for number, side in enumerate((table, other)):
            by_name = {column.name.lower(): column for column in side.columns}
            listed = [_value(by_name.get(column.name.lower()), column) for column in columns]
            keys = f"{number} AS {part}, {side.keys[0].sql} AS {row}"
            sides.append(f"SELECT {', '.join(listed)}, {keys} FROM {side.view}")  # noqa: S608 - our identifiers
        view = builder.view(" UNION ALL ".join(sides))
        return Relation(view, columns, (Key(part), Key(row)), table.in_order and other.in_order)

    def _columns(self, table: Relation, other: Relation, builder: Builder) -> tuple[Column, ...]:
        here = {column.name.lower(): column for column in table.columns}
        there = {column.name.lower(): column for column in other.columns}
        only = [
            c.name for c in (*table.columns, *other.columns) if (c.name.lower() in here) != (c.name.lower() in there)
        ]
        if only:
            listed = ", ".join(map(shown, only[:10])) + (" and others" if len(only) > 10 else "")
            builder.warn("columns_of_one_side", f"Only one of the datasets has {listed}; they are null for the other.")
        kinds = {low: _common(column, there.get(low)) for low, column in here.items()}
        columns = [Column(c.name, kinds[c.name.lower()], builder.fresh()) for c in table.columns]
        extra = [Column(c.name, c.type, builder.fresh()) for c in other.columns if c.name.lower() not in here]
        return check_names([*columns, *extra])


def _common(left: Column, right: Column | None) -> str:
    if right is None or left.type == right.type:
        return left.type
    for kinds, wider in ((NUMERIC, "number"), (TEMPORAL, "datetime")):
        if {left.type, right.type} <= kinds:
            return wider
    raise invalid(f"{shown(left.name)} holds {left.type} here and {right.type} there; use the step cast first.")


def _value(column: Column | None, target: Column) -> str:
    if column is None:
        return f"NULL AS {target.sql}"
    return f"{as_kind(column.sql, column.type, target.type)} AS {target.sql}"


MODELS: tuple[type[StepModel], ...] = (Join, Union)
