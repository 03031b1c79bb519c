"""What the versions of a dataset must satisfy, and how they did."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue, StringConstraints, model_validator

from shared.schemas import ApiModel, RequestModel

from .ingest_options import ColumnName

Severity = Literal["error", "warning"]
Judgement = Literal["passed", "warned", "failed"]
Share = Annotated[float, Field(ge=0, le=1, description="Share of rows that may break the rule.")]
Bound = int | float | Annotated[str, StringConstraints(min_length=1, max_length=40)]
Expression = Annotated[str, StringConstraints(min_length=1, max_length=8192)]

_DATASET_ID = "01890a5d-b3a1-7c52-8a6f-3f0f6f1f2d11"
_RULE_ID = "01890a5d-d0d0-7a51-9f6e-1d2c3b4a5968"
_AT = "2026-01-31T12:00:00.123456Z"
_RANGE: dict[str, JsonValue] = {"kind": "range", "column": "price", "min": 0, "max": None, "max_share": 0}
_RULE: dict[str, JsonValue] = {
    "id": _RULE_ID,
    "dataset_id": _DATASET_ID,
    "rule": _RANGE,
    "severity": "error",
    "is_active": True,
    "created_by": "01890a5d-8c11-7a0b-8e2f-6d5c4b3a2910",
    "created_at": _AT,
    "updated_at": _AT,
}
_RESULT: dict[str, JsonValue] = {
    "rule_id": _RULE_ID,
    "rule": _RANGE,
    "severity": "error",
    "passed": False,
    "checked": 1460,
    "violations": 2,
    "share": 0.00137,
    "samples": [-1, -5],
    "message": "2 of 1460 values of 'price' are below 0.",
}


class NotNull(RequestModel):
    """The column has a value in every row."""

    kind: Literal["not_null"]
    column: ColumnName
    max_share: Share = 0


class Unique(RequestModel):
    """No two rows are equal in these columns; rows in which one of them is missing are passed over."""

    kind: Literal["unique"]
    columns: list[ColumnName] = Field(min_length=1, max_length=20)
    max_share: Share = 0


class Range(RequestModel):
    """Values lie between the bounds, which belong to it; bounds of dates and moments are ISO 8601 texts."""

    kind: Literal["range"]
    column: ColumnName
    min: Bound | None = None
    max: Bound | None = None
    max_share: Share = 0

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("a range needs min, max or both")
        return self


class InSet(RequestModel):
    """Values are among these."""

    kind: Literal["set"]
    column: ColumnName
    values: list[bool | int | float | Annotated[str, StringConstraints(max_length=500)]] = Field(
        min_length=1, max_length=1000
    )
    max_share: Share = 0


class Pattern(RequestModel):
    """The whole text of each value matches a regular expression (RE2)."""

    kind: Literal["pattern"]
    column: ColumnName
    pattern: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    max_share: Share = 0


class RowCount(RequestModel):
    """The version has this many rows."""

    kind: Literal["row_count"]
    min: int | None = Field(None, ge=0)
    max: int | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("a row count needs min, max or both")
        return self


class ForeignKey(RequestModel):
    """Every value occurs in a column of another dataset's current version."""

    kind: Literal["foreign_key"]
    column: ColumnName
    parent_dataset_id: UUID
    parent_column: ColumnName
    max_share: Share = 0


class Freshness(RequestModel):
    """The latest date or moment in the column is not older than this when the rule is checked."""

    kind: Literal["freshness"]
    column: ColumnName
    max_age_hours: float = Field(gt=0, le=10_000_000)


class ExpressionRule(RequestModel):
    """An expression is not false in any row; like a CHECK in SQL, it holds where it is null."""

    kind: Literal["expression"]
    expression: Expression
    max_share: Share = 0


Rule = Annotated[
    NotNull | Unique | Range | InSet | Pattern | RowCount | ForeignKey | Freshness | ExpressionRule,
    Field(discriminator="kind"),
]


class RuleBody(RequestModel):
    """A rule. One of severity `warning` is reported, but neither fails a version nor closes the gate."""

    rule: Rule
    severity: Severity = "error"
    is_active: bool = True

    model_config = ConfigDict(json_schema_extra={"example": {"rule": _RANGE, "severity": "error"}})


class RuleModel(ApiModel):
    """A rule of a dataset."""

    id: UUID
    dataset_id: UUID
    rule: dict[str, Any] = Field(description="`kind` and the members of that kind.")
    severity: Severity
    is_active: bool
    created_by: UUID | None
    created_at: datetime
    updated_at: datetime

    model_config = ConfigDict(json_schema_extra={"example": _RULE})


class Suggestion(ApiModel):
    """A rule that the profiled version satisfies, and why it may be wanted."""

    rule: dict[str, Any]
    reason: str


class Suggestions(ApiModel):
    """Rules to choose from; POST the wanted ones."""

    version: int
    items: list[Suggestion]

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "version": 1,
                "items": [{"rule": {"kind": "not_null", "column": "price"}, "reason": "No value is missing."}],
            }
        }
    )


class RuleResult(ApiModel):
    """How a version did against one rule; `checked` and `violations` count rows, `samples` show some that broke it."""

    rule_id: UUID
    rule: dict[str, Any]
    severity: Severity
    passed: bool
    checked: int
    violations: int
    share: float
    samples: list[Any]
    message: str

    model_config = ConfigDict(json_schema_extra={"example": _RESULT})


class QualityRun(ApiModel):
    """One check of a version: `failed` if a rule of severity error was broken, `warned` if only others were."""

    id: UUID
    dataset_id: UUID
    version: int
    status: Judgement
    results: list[RuleResult]
    created_by: UUID | None
    created_at: datetime

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "01890a5d-e0e0-7b62-8a7f-2e3d4c5b6a79",
                "dataset_id": _DATASET_ID,
                "version": 2,
                "status": "failed",
                "results": [_RESULT],
                "created_by": None,
                "created_at": _AT,
            }
        }
    )


class GateBody(RequestModel):
    """Whether versions that failed their rules may be used."""

    enabled: bool = Field(
        description="With the gate, a new version that fails does not become current, and no query, pipeline or "
        "analysis may use it. Looking at it stays possible."
    )

    model_config = ConfigDict(json_schema_extra={"example": {"enabled": True}})


class GateModel(ApiModel):
    """The gate, and the versions that it keeps from use."""

    enabled: bool
    blocked_versions: list[int]

    model_config = ConfigDict(json_schema_extra={"example": {"enabled": True, "blocked_versions": [2]}})
