"""Bodies of the routes that use a model: predictions for rows, their reasons, and what would be if."""

from typing import Annotated, Any, Literal, Self
from uuid import UUID

import orjson
from pydantic import (
    ConfigDict,
    Field,
    JsonValue,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    StringConstraints,
    model_validator,
)

from shared.schemas import ApiModel, RequestModel

from .analyses import DATASET, LARGEST_SEED, LARGEST_VERSION
from .model_aliases import ALIAS
from .models import MODEL

ROWS_EXPLAINED = 100
CHANGED_AT_MOST = 50
GRID_POINTS = 200
_ROW: dict[str, JsonValue] = {"bmi": 32.1, "bp": 101.0, "s5": 4.86}
_VALUE: dict[str, JsonValue] = {"value": 206.1, "interval": {"low": 119.4, "high": 292.8, "level": 0.9}}
_NOTICE: dict[str, JsonValue] = {"code": "missing_values", "message": "bmi: missing in 1 of 2 rows."}

# From left to right, and strictly: each value is looked at once, of which a request may have many thousands.
Cell = Annotated[
    Annotated[StrictFloat, Field(allow_inf_nan=False)] | StrictInt | StrictStr | StrictBool | None,
    Field(union_mode="left_to_right"),
]
Row = dict[str, Cell]
ModelVersionNumber = Annotated[int, Field(ge=1, le=LARGEST_VERSION)]
Level = Annotated[float, Field(ge=0.5, le=0.99)]
AliasText = Annotated[str, StringConstraints(pattern=ALIAS)]
FeatureName = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class ModelUse(RequestModel):
    """Which version of the model is used; without either the one in use, `champion` or else the newest."""

    version: ModelVersionNumber | None = Field(None, description="Version of the model.")
    alias: AliasText | None = Field(None, description="An alias of the model instead of a version.")

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, value: Any) -> Any:
        # Nothing of it is stored; whether it can be passed on is found out faster so than by a look at each value.
        try:
            orjson.dumps(value)
        except TypeError:
            detail = (
                "text must not hold unpaired surrogates, whole numbers must fit into 64 bits, nothing nested deeply"
            )
            raise ValueError(detail) from None
        return value

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.version is not None and self.alias is not None:
            raise ValueError("name a version or an alias, not both")
        return self


class PredictRequest(ModelUse):
    """Rows to predict; members are the model's features, those left out or null are missing."""

    rows: list[Row] = Field(min_length=1, description="At most as many as `PREDICT_MAX_ROWS` of the instance allows.")
    level: Level | None = Field(
        None,
        description="Of intervals and sets, in whole percents (others are rounded up); the training's when absent.",
    )

    model_config = ConfigDict(json_schema_extra={"example": {"rows": [_ROW]}})


class PredictionNotice(ApiModel):
    """Something to know of these rows."""

    code: str
    message: str


class Predictions(ApiModel):
    """A prediction for each row, in their order."""

    model_id: UUID
    version: int
    predictions: list[dict[str, Any]] = Field(
        description="`value` with a conformal `interval: {low, high, level}`, or of a classification with "
        "`probabilities` by class and the conformal `set` of classes."
    )
    level: float = Field(description="Share of such intervals or sets that are to hold the truth.")
    notices: list[PredictionNotice]

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"model_id": MODEL, "version": 2, "predictions": [_VALUE], "level": 0.9, "notices": [_NOTICE]},
        }
    )


class ExplainRequest(ModelUse):
    """Rows, or a dataset of the model's project of which some are taken."""

    rows: Annotated[list[Row], Field(min_length=1, max_length=ROWS_EXPLAINED)] | None = None
    dataset_id: UUID | None = None
    dataset_version: Annotated[int, Field(ge=1, le=LARGEST_VERSION)] | None = Field(
        None, description="Version of the dataset; the current one when absent."
    )
    sample: int = Field(20, ge=1, le=ROWS_EXPLAINED, description="Random rows to take of the dataset.")
    of_class: str | None = Field(
        None, max_length=500, description="Whose probability is explained; when absent each row's most probable class."
    )
    seed: int = Field(0, ge=0, le=LARGEST_SEED, description="Same inputs and seed, same answer.")

    model_config = ConfigDict(json_schema_extra={"example": {"rows": [_ROW]}})

    @model_validator(mode="after")
    def _rows_or_dataset(self) -> Self:
        if (self.rows is None) == (self.dataset_id is None):
            raise ValueError("give rows or a dataset_id")
        if self.rows is not None and self.dataset_version is not None:
            raise ValueError("dataset_version belongs to a dataset_id")
        return self


class Explanations(ApiModel):
    """What each feature adds to the mean prediction, row by row."""

    model_id: UUID
    version: int
    method: Literal["exact", "sampled"] = Field(
        description="exact: Shapley values over all sets of features; sampled: over random orders, with `std_error`."
    )
    explanations: list[dict[str, Any]] = Field(
        description="`prediction`, `base` and `contributions: [{feature, value, contribution, std_error}]`, the "
        "largest first; base and contributions add up to the prediction. `class` says whose probability it is."
    )
    mean_absolute: list[dict[str, Any]] = Field(description="`{feature, mean_absolute}` over these rows.")
    notices: list[PredictionNotice]

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "model_id": MODEL,
                "version": 2,
                "method": "exact",
                "explanations": [
                    {
                        "prediction": 206.1,
                        "base": 152.1,
                        "contributions": [{"feature": "bmi", "value": 32.1, "contribution": 54.0, "std_error": 0.0}],
                    }
                ],
                "mean_absolute": [{"feature": "bmi", "mean_absolute": 54.0}],
                "notices": [],
            }
        }
    )


class GridAxis(RequestModel):
    """Values of a feature: those listed, or so many from the lowest to the highest, or all levels, of the training."""

    feature: FeatureName
    values: Annotated[list[Cell], Field(min_length=1, max_length=GRID_POINTS)] | None = None
    points: int = Field(20, ge=2, le=GRID_POINTS, description="How many, when `values` is absent.")


class WhatIfRequest(ModelUse):
    """A row, and changes of it: each alone, or the grid of one or two features."""

    row: Row
    changes: Annotated[list[Row], Field(min_length=1, max_length=CHANGED_AT_MOST)] | None = None
    grid: Annotated[list[GridAxis], Field(min_length=1, max_length=2)] | None = None

    model_config = ConfigDict(
        json_schema_extra={"example": {"row": _ROW, "grid": [{"feature": "bmi", "values": [20, 25, 30, 35]}]}}
    )

    @model_validator(mode="after")
    def _changes_or_grid(self) -> Self:
        if (self.changes is None) == (self.grid is None):
            raise ValueError("give changes or a grid")
        if self.grid is not None and len({axis.feature for axis in self.grid}) < len(self.grid):
            raise ValueError("a grid has two different features")
        return self


class WhatIf(ApiModel):
    """The row's own prediction, and one for each change or point of the grid."""

    model_id: UUID
    version: int
    original: dict[str, Any]
    points: list[dict[str, Any]] = Field(
        description="`changes`, the `prediction` with them, and `difference` to the original: of the value, or of the "
        "probability of the original's class."
    )
    notices: list[PredictionNotice]

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "model_id": MODEL,
                "version": 2,
                "original": _VALUE,
                "points": [{"changes": {"bmi": 25}, "prediction": _VALUE, "difference": 0.0}],
                "notices": [],
            }
        }
    )


class DatasetUse(RequestModel):
    """A dataset of the model's project, and the version of the model that is used on it."""

    dataset_id: UUID
    version: Annotated[int, Field(ge=1, le=LARGEST_VERSION)] | None = Field(
        None, description="Version of the dataset; the current one when absent."
    )
    model_version: ModelVersionNumber | None = Field(None, description="When absent the version in use.")
    alias: AliasText | None = Field(None, description="An alias of the model instead of a version.")
    priority: int = Field(5, ge=0, le=9, description="0 last to 9 first.")

    model_config = ConfigDict(json_schema_extra={"example": {"dataset_id": DATASET}})

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.model_version is not None and self.alias is not None:
            raise ValueError("name a model_version or an alias, not both")
        return self
