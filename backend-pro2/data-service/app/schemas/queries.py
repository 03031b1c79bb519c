"""A query and its rows."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from shared.schemas import ApiModel, RequestModel

from .datasets import ColumnModel

MAX_SQL = 16 * 1024


class QueryRequest(RequestModel):
    """One SELECT. A dataset is a table by its name, `"name@3"` is its version 3."""

    project_id: UUID
    sql: Annotated[str, StringConstraints(min_length=1, max_length=MAX_SQL)]
    limit: int = Field(1000, ge=1, le=10_000, description="Rows answered at most.")

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "project_id": "01890a5d-ac96-774b-bcce-b302099a8057",
                "sql": "SELECT country, avg(price) AS mean FROM prices GROUP BY country ORDER BY mean DESC",
                "limit": 100,
            }
        }
    )


class QueryWarning(ApiModel):
    """Something that was changed on the way into JSON."""

    code: str = Field(examples=["not_finite"])
    message: str


class RowsModel(ApiModel):
    """Rows in the order of `columns`.

    Integers beyond 2**53 - 1 and decimals of more than 15 digits are strings; NaN and infinities are null, with a
    warning; moments are RFC 3339 in UTC.
    """

    columns: list[ColumnModel]
    rows: list[list[Any]]
    row_count: int = Field(description="Rows in this answer.")
    truncated: bool = Field(description="Whether there are more.")
    took_ms: float
    warnings: list[QueryWarning] = Field(default_factory=list)

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "columns": [{"name": "country", "type": "string"}, {"name": "mean", "type": "number"}],
                "rows": [["CH", 12.5], ["AT", 9.75]],
                "row_count": 2,
                "truncated": False,
                "took_ms": 31.4,
                "warnings": [],
            }
        }
    )
