"""Figures over even spans of time."""

import re
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.tabular.names import shown
from shared.tabular.types import DATE, INTEGER, NUMBER

from .aggregate import FUNCTIONS, Aggregation, Aggregations, aggregated, names
from .base import AnyNames, Name, StepModel
from .builder import Builder, over
from .columns import moment
from .failures import invalid
from .relation import Column, Relation, mapped

MAX_SPANS = 1_000_000
_EVERY = re.compile(r"(\d{1,6}) *(second|minute|hour|day|week|month|quarter|year)s?")
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_DAYS = frozenset({"day", "week", "month", "quarter", "year"})


class Resample(StepModel):
    """Bring rows to an even rhythm."""

    title: ClassVar = "Resample in time"
    description: ClassVar = (
        f"One row per span of time, such as '15 minutes', '1 day', '1 week' (from Monday) or '1 month', named by its "
        f"start in UTC, with figures: {FUNCTIONS}. Spans without rows are filled between the first and the last: null "
        f"(counts are 0), zero, forward (as the span before), or none to leave them out. `by` keeps groups apart; rows "
        f"without a time are left out and counted in a warning."
    )
    example: ClassVar = {
        "op": "resample",
        "time": "day",
        "every": "1 month",
        "aggregations": [{"column": "price", "function": "sum", "as": "sales"}],
    }

    op: Literal["resample"]
    time: Name
    every: Annotated[str, Field(max_length=20)]
    aggregations: Aggregations
    by: AnyNames = Field(default_factory=list)
    fill: Literal["null", "zero", "forward", "none"] = "null"

    def apply(self, table: Relation, builder: Builder) -> Relation:
        """One row per group and span, ordered by the group and then by time."""
        time = table.temporal(self.time)
        span, unit = self._span()
        by = table.picked(self.by)
        lost = builder.row(f"SELECT count(*) - count({time.sql}) FROM {table.view}")[0]  # noqa: S608 - ours
        if lost:
            builder.warn("rows_without_time", f"{lost} rows have no {shown(self.time)}; they are left out.")
        kind = DATE if time.type == DATE and unit in _DAYS else "datetime"
        start = _cast(f"time_bucket({span}, {moment(time)})", kind)
        table = builder.where(table, f"{time.sql} IS NOT NULL")
        bucket = Column(self.time, kind, builder.fresh())
        table = builder.change(table, mapped(table.columns, {self.time: bucket}), [start])
        found = aggregated(builder, table, [*by, bucket], self.aggregations)
        if self.fill == "none":
            return found
        return self._filled(builder, found, bucket, [found.column(column.name) for column in by], span)

    def _span(self) -> tuple[str, str]:
        match = _EVERY.fullmatch(self.every.strip().lower())
        if match is None or not int(match[1]):
            raise invalid(f"{shown(self.every)} is no span of time; write it like '15 minutes', '1 day' or '3 months'.")
        n, unit = int(match[1]), match[2]
        if unit in _MONTHS:
            return f"INTERVAL {n * _MONTHS[unit]} MONTH", unit
        return f"INTERVAL {n * 7 if unit == 'week' else n} {'DAY' if unit == 'week' else unit.upper()}", unit

    def _filled(self, builder: Builder, found: Relation, bucket: Column, by: list[Column], span: str) -> Relation:
        """All spans between the first and the last, joined by what was found for them."""
        spans = self._spans(builder, found, bucket, by, span)
        grid = [*(column.sql for column in by), bucket.sql]
        same = " AND ".join(f"g.{sql} IS NOT DISTINCT FROM f.{sql}" for sql in grid)
        figures = [found.column(name) for name in names(self.aggregations)]
        new = [Column(column.name, column.type, builder.fresh()) for column in figures]
        there = builder.fresh()
        joined = builder.view(
            f"SELECT {', '.join(f'g.{sql}' for sql in grid)}, {', '.join(f'f.{c.sql}' for c in figures)}, "  # noqa: S608
            f"f.{bucket.sql} IS NOT NULL AS {there} FROM {spans} g LEFT JOIN {found.view} f ON {same}"
        )
        values = [
            f"{self._value(a, column, by, bucket, there)} AS {name.sql}"
            for a, column, name in zip(self.aggregations, figures, new, strict=True)
        ]
        view = builder.view(f"SELECT {', '.join([*grid, *values])} FROM {joined}")  # noqa: S608 - our identifiers
        return Relation(view, (*by, bucket, *new), found.keys, in_order=False)

    def _spans(self, builder: Builder, found: Relation, bucket: Column, by: list[Column], span: str) -> str:
        """A view of groups and spans; each group has those between its own first and last."""
        groups = "".join(f"{column.sql}, " for column in by)
        grouped = f" GROUP BY {', '.join(column.sql for column in by)}" if by else ""
        ends = builder.view(
            f"SELECT {groups}CAST(min({bucket.sql}) AS TIMESTAMP) AS low, "  # noqa: S608 - our identifiers
            f"CAST(max({bucket.sql}) AS TIMESTAMP) AS high FROM {found.view}{grouped}"
        )
        step = f"epoch(TIMESTAMP '1970-01-01' + {span})"
        many = builder.row(f"SELECT coalesce(sum((epoch(high) - epoch(low)) / {step} + 1), 0) FROM {ends}")[0]  # noqa: S608
        if many > MAX_SPANS:
            raise invalid(
                f"There would be {int(many)} spans of {self.every}, but at most {MAX_SPANS} can be filled; take longer "
                "ones, or fill: none."
            )
        start = _cast(f"unnest(generate_series(low, high, {span}))", bucket.type)
        return builder.view(f"SELECT {groups}{start} AS {bucket.sql} FROM {ends}")  # noqa: S608 - our identifiers

    def _value(self, aggregation: Aggregation, column: Column, by: list[Column], bucket: Column, there: str) -> str:
        if self.fill == "forward":
            window = over(by, bucket.sql, "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW")
            return f"CASE WHEN {there} THEN {column.sql} ELSE last_value({column.sql} IGNORE NULLS) {window} END"
        zero = column.type in {INTEGER, NUMBER} and self.fill == "zero"
        if zero or aggregation.function in {"count", "distinct"}:
            return f"CASE WHEN {there} THEN {column.sql} ELSE 0 END"
        return column.sql


def _cast(sql: str, kind: str) -> str:
    return f"CAST({sql} AS {'DATE' if kind == DATE else 'TIMESTAMP'})"


MODELS: tuple[type[StepModel], ...] = (Resample,)
