"""A query and its rows."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue, StringConstraints, model_validator

from shared.schemas import ApiModel, RequestModel

from .datasets import ColumnModel

MAX_SQL = 16 * 1024
ROWS_AT_ONCE = 10_000
ROWS_OF_A_TASK = 10_000_000

Sql = Annotated[str, StringConstraints(min_length=1, max_length=MAX_SQL)]
_PROJECT = "01890a5d-ac96-774b-bcce-b302099a8057"
_SQL = "SELECT country, avg(price) AS mean FROM prices GROUP BY country ORDER BY mean DESC"
ROWS_EXAMPLE: dict[str, JsonValue] = {
    "columns": [{"name": "country", "type": "string"}, {"name": "mean", "type": "number"}],
    "rows": [["CH", 12.5], ["AT", 9.75]],
    "row_count": 2,
    "truncated": False,
    "took_ms": 31.4,
    "cached": False,
    "warnings": [],
}


class QueryText(RequestModel):
    """One SELECT. A dataset is a table by its name, `"name@3"` is its version 3."""

    project_id: UUID
    sql: Sql

    model_config = ConfigDict(json_schema_extra={"example": {"project_id": _PROJECT, "sql": _SQL}})


class QueryRequest(QueryText):
    """One SELECT and how to run it."""

    limit: int = Field(
        1000,
        ge=1,
        le=ROWS_OF_A_TASK,
        description=f"Rows answered at most; more than {ROWS_AT_ONCE} only with `background`.",
    )
    background: bool = Field(False, description="Run it as a task, whose rows are kept for some hours.")

    model_config = ConfigDict(
        json_schema_extra={"example": {"project_id": _PROJECT, "sql": _SQL, "limit": 100, "background": False}}
    )

    @model_validator(mode="after")
    def _many_rows_take_a_task(self) -> Self:
        if self.limit > ROWS_AT_ONCE and not self.background:
            raise ValueError(f"a limit above {ROWS_AT_ONCE} needs background: true")
        return self


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
    cached: bool = Field(False, description="Whether the same had been asked before of the same data.")
    warnings: list[QueryWarning] = Field(default_factory=list)

    model_config = ConfigDict(json_schema_extra={"example": ROWS_EXAMPLE})


class ResultRows(RowsModel):
    """A page of the rows of a query that ran as a task."""

    total_rows: int = Field(description="Rows of all pages.")
    next_cursor: str | None = Field(description="Asks for the page after this; null on the last.")
    expires_at: datetime = Field(description="Until then the rows are kept.")

    model_config = ConfigDict(
        json_schema_extra={
            "example": {**ROWS_EXAMPLE, "total_rows": 2, "next_cursor": None, "expires_at": "2026-02-01T12:00:00Z"}
        }
    )


class QueryTable(ApiModel):
    """A table of a query, and the version that it means now."""

    name: str
    dataset_id: UUID
    version: int


class QueryProblem(ApiModel):
    """Why a query would not run."""

    code: str = Field(examples=["unknown_column"])
    detail: str


class QueryValidity(ApiModel):
    """Whether a query would run, and what it would answer with; it has not run."""

    valid: bool
    tables: list[QueryTable]
    columns: list[ColumnModel]
    problem: QueryProblem | None

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "valid": True,
                "tables": [{"name": "prices", "dataset_id": "01890a5d-b3a1-7c52-8a6f-3f0f6f1f2d11", "version": 1}],
                "columns": ROWS_EXAMPLE["columns"],
                "problem": None,
            }
        }
    )


class TableColumnsModel(ApiModel):
    """The columns of one table that are read."""

    table: str
    columns: list[str]


class QueryEstimate(ApiModel):
    """What a query would read. Rows and bytes are of whole columns: filters may spare parts of them."""

    rows_scanned: int
    bytes_scanned: int = Field(description="Compressed bytes of the columns that are read.")
    columns_read: list[TableColumnsModel] = Field(description="One entry for each time that a table is read.")
    estimated_rows: int | None = Field(description="Rows of the answer, as the engine guesses; null if it cannot.")
    plan: str = Field(description="Steps of the engine, the last first, with the rows that it guesses for each.")
    took_ms: float

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "rows_scanned": 1460,
                "bytes_scanned": 8211,
                "columns_read": [{"table": "prices", "columns": ["country", "price"]}],
                "estimated_rows": 12,
                "plan": "HASH_GROUP_BY (about 12 rows)\n  READ_PARQUET (about 1460 rows)",
                "took_ms": 9.2,
            }
        }
    )
