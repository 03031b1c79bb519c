"""Parts of dates and moments as columns."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.tabular.types import BOOLEAN, INTEGER, STRING

from .base import Name, StepModel
from .builder import Builder
from .columns import moment
from .failures import invalid
from .relation import Column, Relation, repeated_name

Part = Literal[
    "year", "quarter", "month", "week", "day", "day_of_year", "weekday", "hour", "minute", "second",
    "is_weekend", "month_name", "weekday_name",
]  # fmt: skip
_TEMPLATES = {
    "day_of_year": "dayofyear({})",
    "weekday": "isodow({})",
    "is_weekend": "(isodow({}) >= 6)",
    "month_name": "monthname({})",
    "weekday_name": "dayname({})",
}
_TYPES = {"is_weekend": BOOLEAN, "month_name": STRING, "weekday_name": STRING}


class DateParts(StepModel):
    """Take dates apart."""

    title: ClassVar = "Parts of dates"
    description: ClassVar = (
        "Adds a column `<column>_<part>` per part: year, quarter, month, week (ISO 8601), day, day_of_year, weekday (1 "
        "Monday to 7 Sunday), hour, minute, second, is_weekend, month_name and weekday_name (English)."
    )
    example: ClassVar = {"op": "date_parts", "column": "day", "parts": ["year", "month"]}

    op: Literal["date_parts"]
    column: Name
    parts: Annotated[list[Part], Field(min_length=1, max_length=13)]

    def apply(self, table: Relation, builder: Builder) -> Relation:
        """One more column per part."""
        column = table.temporal(self.column)
        if repeated := repeated_name(self.parts):
            raise invalid(f"The part {repeated} is named twice.")
        new = [Column(f"{self.column}_{part}", _TYPES.get(part, INTEGER), builder.fresh()) for part in self.parts]
        sqls = [_sql(part, moment(column)) for part in self.parts]
        return builder.change(table, [*table.columns, *new], sqls)


def _sql(part: str, value: str) -> str:
    sql = _TEMPLATES.get(part, f"{part}({{}})").format(value)
    return sql if part in _TYPES else f"CAST({sql} AS BIGINT)"


MODELS: tuple[type[StepModel], ...] = (DateParts,)
