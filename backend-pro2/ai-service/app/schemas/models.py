"""Bodies of the routes of models and their versions."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, StringConstraints

from shared.schemas import ApiModel, RequestModel, one_line

from .analyses import DATASET, PROJECT

MODEL = "01890a5d-d1f0-7e3a-9b52-4c6d8e0f1a23"
TASK = "01890a5d-c0de-7abc-9def-0123456789ab"
_CREATOR = "01890a5d-8c11-7a0b-8e2f-6d5c4b3a2910"
_AT = "2026-01-31T12:00:00.123456Z"
_METRICS: dict[str, JsonValue] = {"r2": {"value": 0.482, "ci_low": 0.391, "ci_high": 0.561}}
_FITTED: dict[str, JsonValue] = {
    "version": 2,
    "dataset_id": DATASET,
    "dataset_version": 1,
    "problem": "regression",
    "target": "progression",
    "features": ["bmi", "bp", "s5"],
    "algorithm": "ridge",
    "metrics": _METRICS,
    "metric": "r2",
    "score": 0.482,
    "ci_low": 0.391,
    "ci_high": 0.561,
    "task_id": TASK,
}

_STORED: dict[str, JsonValue] = {
    "model_id": MODEL,
    "aliases": ["champion"],
    **_FITTED,
    "dataset_sha256": "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
    "rows": 442,
    "bytes": 28114,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "created_by": _CREATOR,
    "created_at": _AT,
}

ModelProblem = Literal["classification", "regression", "forecast"]
ModelName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120), AfterValidator(one_line)
]
Description = Annotated[str, StringConstraints(max_length=2000)]
Notes = Annotated[str, StringConstraints(max_length=20_000)]
Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50), AfterValidator(one_line)]
Tags = Annotated[list[Tag], Field(max_length=20), AfterValidator(lambda tags: list(dict.fromkeys(tags)))]


@dataclass(frozen=True, slots=True)
class ModelFilter:
    """Which models to list; None: any."""

    project_id: UUID | None = None
    dataset_id: UUID | None = None
    problem: ModelProblem | None = None
    alias: str | None = None
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class VersionChoice:
    """Which version of a model is meant; without either the one in use."""

    version: int | None = None
    alias: str | None = None


class ModelChange(RequestModel):
    """What to change; members left out or null stay."""

    name: ModelName | None = None
    description: Description | None = None
    tags: Tags | None = None
    notes: Notes | None = Field(None, description="Free text, for example why a version was chosen.")

    model_config = ConfigDict(json_schema_extra={"example": {"tags": ["clinic"], "notes": "Version 2 without s1."}})


class MetricModel(ApiModel):
    """A metric on rows that the model had not learnt from, with its interval where one is known."""

    value: float | None
    ci_low: float | None = None
    ci_high: float | None = None


class ModelModel(ApiModel):
    """A named series of versions that predict one column. What is told of a version is of the one in use: that of the
    alias `champion` if there is one, else the newest."""

    id: UUID
    name: str
    project_id: UUID
    description: str
    tags: list[str]
    notes: str
    problem: ModelProblem
    target: str
    version: int = Field(description="The version in use.")
    newest_version: int
    aliases: dict[str, int] = Field(description="The version that each alias points to.")
    dataset_id: UUID = Field(description="What the version in use has learnt from.")
    dataset_version: int
    features: list[str]
    algorithm: str
    metrics: dict[str, MetricModel]
    metric: str = Field(description="What the candidates were ranked by; `score` is its value.")
    score: float | None
    ci_low: float | None
    ci_high: float | None
    task_id: UUID | None = Field(description="The training, unless it has been removed.")
    trained_at: datetime
    created_by: UUID | None
    created_at: datetime
    updated_at: datetime

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": MODEL,
                "name": "progression of diabetes",
                "project_id": PROJECT,
                "description": "",
                "tags": ["clinic"],
                "notes": "",
                "newest_version": 3,
                "aliases": {"champion": 2},
                **_FITTED,
                "trained_at": _AT,
                "created_by": _CREATOR,
                "created_at": _AT,
                "updated_at": _AT,
            }
        }
    )


class VersionSummary(ApiModel):
    """A fitted model, which never changes."""

    model_id: UUID
    version: int
    aliases: list[str] = Field(description="Aliases that point to it.")
    problem: ModelProblem
    target: str
    dataset_id: UUID
    dataset_version: int
    dataset_sha256: str = Field(description="Of the content that it has learnt from.")
    features: list[str]
    algorithm: str
    metrics: dict[str, MetricModel]
    metric: str
    score: float | None
    ci_low: float | None
    ci_high: float | None
    rows: int = Field(validation_alias="row_count", description="Rows that it has learnt from.")
    bytes: int
    sha256: str = Field(description="Of its file.")
    task_id: UUID | None
    created_by: UUID | None
    created_at: datetime

    model_config = ConfigDict(json_schema_extra={"example": _STORED})


class VersionModel(VersionSummary):
    """A fitted model with all that is needed to use it or to make it again."""

    inputs: list[dict[str, Any]] = Field(description="Each feature: name, type, kind, and what values it had.")
    classes: list[Any] | None = Field(None, description="Of a classification.")
    parameters: dict[str, Any] = Field(description="The settings of its algorithm.")
    baseline: dict[str, MetricModel] = Field(description="What a model that looks at no feature reaches.")
    seed: int
    libraries: dict[str, str]

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                **_STORED,
                "inputs": [{"name": "bmi", "type": "number", "kind": "numeric", "low": 18.0, "high": 42.2}],
                "classes": None,
                "parameters": {"alpha": 1.0},
                "baseline": {"r2": {"value": -0.01, "ci_low": -0.03, "ci_high": 0.0}},
                "seed": 0,
                "libraries": {"scikit-learn": "1.8.0", "skops": "0.13.0"},
            }
        }
    )


class CardModel(ApiModel):
    """What anybody should know who uses the model (after Mitchell et al. 2019, Model Cards for Model Reporting)."""

    model_id: UUID
    name: str
    version: int
    description: str
    notes: str
    tags: list[str]
    problem: ModelProblem
    target: str
    algorithm: str
    dataset_id: UUID
    dataset_version: int
    trained_at: datetime
    data: dict[str, Any] = Field(description="What it has learnt from.")
    metrics: dict[str, MetricModel]
    baseline: dict[str, MetricModel]
    intervals: str = Field(description="How the intervals of metrics and importances were found.")
    calibration: dict[str, Any] | None = Field(description="How far its probabilities can be believed.")
    conformal: dict[str, Any] | None = Field(description="How intervals and sets of its predictions are made.")
    subgroups: list[dict[str, Any]] = Field(description="Metrics by parts of the data.")
    limits: list[str] = Field(description="What it must not be relied upon for.")

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "model_id": MODEL,
                "name": "progression of diabetes",
                "version": 2,
                "description": "",
                "notes": "",
                "tags": ["clinic"],
                "problem": "regression",
                "target": "progression",
                "algorithm": "ridge",
                "dataset_id": DATASET,
                "dataset_version": 1,
                "trained_at": _AT,
                "data": {"rows": 442, "learnt_from": 442, "folds": 5},
                "metrics": _METRICS,
                "baseline": {"r2": {"value": -0.01}},
                "intervals": "Metrics: 95 % percentile bootstrap of the rows left out.",
                "calibration": None,
                "conformal": {"method": "cross", "level": 0.9, "coverage": 0.9},
                "subgroups": [{"feature": "sex", "level": "1", "n": 235, "metric": "r2", "value": 0.47}],
                "limits": ["The measures hold for rows drawn like those learnt from."],
            }
        }
    )


class LeaderboardModel(ApiModel):
    """The candidates that training compared, the best first."""

    model_id: UUID
    version: int
    metric: str
    items: list[dict[str, Any]]

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "model_id": MODEL,
                "version": 2,
                "metric": "r2",
                "items": [{"rank": 1, "algorithm": "ridge", "parameters": {"alpha": 1.0}, "score": 0.482, "std": 0.05}],
            }
        }
    )


class ImportanceModel(ApiModel):
    """How much worse the metric gets when a feature's values are shuffled, the most important first."""

    model_id: UUID
    version: int
    metric: str
    items: list[dict[str, Any]]

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "model_id": MODEL,
                "version": 2,
                "metric": "r2",
                "items": [{"feature": "bmi", "mean": 0.12, "ci_low": 0.08, "ci_high": 0.16}],
            }
        }
    )
