"""Pages of rows, and values of a column."""

from typing import Any

from pydantic import ConfigDict, Field

from shared.schemas import ApiModel

from .datasets import ColumnModel
from .queries import QueryWarning


class RowsPage(ApiModel):
    """Rows in the order of `columns`, their values as in answers of queries; `next_cursor` is null on the last page."""

    version: int
    columns: list[ColumnModel]
    rows: list[list[Any]]
    row_count: int = Field(description="Rows in this page.")
    next_cursor: str | None = Field(description="Continues after the last row, in this version, filter and order.")
    took_ms: float
    warnings: list[QueryWarning] = Field(default_factory=list)

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "version": 1,
                "columns": [{"name": "country", "type": "string"}, {"name": "price", "type": "number"}],
                "rows": [["CH", 12.5], ["AT", 9.75]],
                "row_count": 2,
                "next_cursor": "WyI1ZjFjNmYwZTJiN2Q0YTBmIiwxLDFd",
                "took_ms": 8.4,
                "warnings": [],
            }
        }
    )


class ValueCount(ApiModel):
    """A value and in how many rows it stands; null is a missing one."""

    value: Any
    count: int


class ValuesModel(ApiModel):
    """Distinct values of a column, the most frequent first, and those of one count in their own order."""

    version: int
    name: str
    type: str
    values: list[ValueCount]
    truncated: bool = Field(description="Whether there are more.")

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "version": 1,
                "name": "country",
                "type": "string",
                "values": [{"value": "CH", "count": 820}, {"value": "AT", "count": 640}],
                "truncated": False,
            }
        }
    )
