"""Bodies of the routes that use a model on whole datasets."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from shared.schemas import ApiModel, one_line

from .analyses import DATASET
from .models import MODEL, TASK
from .predictions import DatasetUse, FeatureName, Level

KEPT_AT_MOST = 200
DatasetName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120), AfterValidator(one_line)
]
EvaluationKind = Literal["evaluation", "monitoring"]


class BatchRequest(DatasetUse):
    """Predict all rows of a dataset; the result is a new dataset."""

    name: DatasetName | None = Field(
        None, description="Of the new dataset; when absent it follows from the source and the model."
    )
    columns: Annotated[list[FeatureName], Field(max_length=KEPT_AT_MOST)] | None = Field(
        None, description="Columns of the source to keep, such as its key; all when absent."
    )
    level: Level | None = Field(
        None,
        description="Level of `low` and `high`, in whole percents (others are rounded up); the training's when absent. "
        "Of a classification it adds the column `set`, a JSON array of the classes of the conformal set.",
    )
    executor: Literal["auto", "local", "ray"] = Field(
        "auto", description="auto: on Ray if the instance has it; ray: on Ray or not at all."
    )

    model_config = ConfigDict(json_schema_extra={"example": {"dataset_id": DATASET, "columns": ["customer_id"]}})


class EvaluateRequest(DatasetUse):
    """Measure the model on data with a known target."""


class MonitorRequest(DatasetUse):
    """Compare data with those of the training, and the error with that of then if the target is known."""


class EvaluationModel(ApiModel):
    """How a version of a model did on a version of a dataset."""

    id: UUID
    model_id: UUID
    version: int
    kind: EvaluationKind
    task_id: UUID | None
    dataset_id: UUID
    dataset_version: int
    rows: int
    summary: dict[str, Any] = Field(description="`verdict`, and what it rests on.")
    details: dict[str, Any] = Field(description="Metrics beside those of the training, or drift column by column.")
    created_by: UUID | None
    created_at: datetime

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "01890a5d-e1f2-7a3b-8c4d-5e6f708192a3",
                "model_id": MODEL,
                "version": 2,
                "kind": "monitoring",
                "task_id": TASK,
                "dataset_id": DATASET,
                "dataset_version": 3,
                "rows": 442,
                "summary": {"verdict": "stable", "drifted": 0},
                "details": {"features": []},
                "created_by": None,
                "created_at": "2026-01-31T12:00:00.123456Z",
            }
        }
    )
