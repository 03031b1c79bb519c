"""Bodies of the comparison of models."""

from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query
from pydantic import ConfigDict, Field, JsonValue

from shared.errors import Invalid
from shared.schemas import ApiModel

from .analyses import DATASET
from .models import MODEL, MetricModel, ModelProblem

MOST_COMPARED = 20
SMALLER_IS_BETTER = frozenset(
    {
        "log_loss", "brier", "mean_absolute_error", "root_mean_squared_error", "mae", "rmse", "mase",
        "calibration_error", "interval_width",
    }
)  # fmt: skip

ComparedIds = Annotated[
    list[str],
    Query(
        min_length=1,
        max_length=MOST_COMPARED,
        description="Ids of models, separated by commas or given several times, each perhaps with `@` and a version or "
        "an alias; without that the version in use is compared. From 2 to 20.",
        examples=[f"{MODEL}@1,{MODEL}@champion"],
    ),
]


@dataclass(frozen=True, slots=True)
class Chosen:
    """A version of a model that is to be compared."""

    model_id: UUID
    version: int | None = None
    alias: str | None = None


def read_ids(ids: list[str]) -> list[Chosen]:
    """What `ids` names, in its order.

    Raises:
        Invalid: something that is no id, fewer than two, or more than twenty.
    """
    found = [_read(text.strip()) for part in ids for text in part.split(",") if text.strip()]
    if not 2 <= len(found) <= MOST_COMPARED:
        raise Invalid(f"ids: give from 2 to {MOST_COMPARED} models, separated by commas.")
    return found


def _read(text: str) -> Chosen:
    model_id, _, which = text.partition("@")
    try:
        found = UUID(model_id)
    except ValueError as error:
        raise Invalid(f"ids: {model_id[:50]!r} is no id of a model.") from error
    if which.isascii() and which.isdigit() and len(which) < 10:
        return Chosen(found, version=int(which))
    return Chosen(found, alias=which[:50] or None)


class ComparedModel(ApiModel):
    """One of those compared."""

    model_id: UUID
    name: str
    version: int
    aliases: list[str]
    problem: ModelProblem
    target: str
    algorithm: str
    dataset_id: UUID
    dataset_version: int
    rows: int = Field(validation_alias="row_count")
    features: list[str]


class ComparedMetric(ApiModel):
    """A metric of all of them, in the order of `models`; null where a model does not have it."""

    name: str
    better: Literal["larger", "smaller"]
    values: list[MetricModel | None]
    best: int | None = Field(description="Place in `models` of the best one; null where none can be named.")
    is_clear: bool = Field(description="Whether the interval of the best one overlaps no other's.")


_VALUES: list[JsonValue] = [
    {"value": 0.482, "ci_low": 0.391, "ci_high": 0.561},
    {"value": 0.433, "ci_low": 0.338, "ci_high": 0.512},
]
_COMPARED: dict[str, JsonValue] = {
    "model_id": MODEL,
    "name": "progression of diabetes",
    "problem": "regression",
    "target": "progression",
    "dataset_id": DATASET,
    "dataset_version": 1,
    "rows": 442,
    "features": ["bmi", "bp"],
}


class ComparisonModel(ApiModel):
    """Models side by side, and how far their metrics can be compared."""

    models: list[ComparedModel]
    same_problem: bool = Field(description="Whether problem and target are the same; if not, no best one is named.")
    same_data: bool = Field(description="Whether all have learnt from the same content of a dataset.")
    same_features: bool
    metrics: list[ComparedMetric]
    notes: list[str] = Field(description="What must be known before metrics are compared.")

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "models": [
                    {**_COMPARED, "version": 2, "aliases": ["champion"], "algorithm": "ridge"},
                    {**_COMPARED, "version": 1, "aliases": [], "algorithm": "tree"},
                ],
                "same_problem": True,
                "same_data": True,
                "same_features": True,
                "metrics": [{"name": "r2", "better": "larger", "values": _VALUES, "best": 0, "is_clear": False}],
                "notes": ["The intervals of r2 overlap: the order may be chance."],
            }
        }
    )
