"""Bodies of the routes of distributed jobs."""

from collections.abc import Mapping
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field

from shared.schemas import ApiModel, RequestModel

from .analyses import DATASET, LARGEST_SEED, LARGEST_VERSION, PROJECT, Deadline
from .analysis_type import AnalysisType

ExecutorName = Literal["auto", "local", "ray"]


class JobRequest(RequestModel):
    """A distributed job over a version of a dataset."""

    project_id: UUID
    dataset_id: UUID
    version: int | None = Field(
        None, ge=1, le=LARGEST_VERSION, description="Version of the dataset; the current one when absent."
    )
    job: str = Field(min_length=1, max_length=50, description="One of `/tasks/jobs`.")
    params: dict[str, Any] = Field(
        default_factory=dict, description="Parameters of the job, as `/tasks/jobs` describes them."
    )
    seed: int = Field(0, ge=0, le=LARGEST_SEED, description="Same inputs and seed, same result to the last bit.")
    priority: int = Field(5, ge=0, le=9, description="0 last to 9 first.")
    deadline: Deadline | None = Field(
        None,
        description="A job that has not ended by then fails with `deadline_exceeded`; in the future, and at most 30 "
        "days from now.",
        examples=["2026-02-01T06:00:00Z"],
    )
    executor: ExecutorName = Field(
        "auto",
        description="Where the pieces run. auto: on Ray if the instance has it and it gains by it, else locally; "
        "local: in the worker; ray: on Ray or not at all, waiting while the cluster is away.",
    )

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "project_id": PROJECT,
                "dataset_id": DATASET,
                "job": "bootstrap",
                "params": {"column": "income", "statistic": "median"},
                "seed": 7,
            }
        }
    )


class JobTypeModel(ApiModel):
    """What a job does and takes."""

    name: str
    title: str
    description: str
    schema_: dict[str, Any] = Field(
        validation_alias="schema", serialization_alias="schema", description="JSON Schema of `params`."
    )
    example: Mapping[str, Any] = Field(description="An example of `params`.")
    cost: Literal["low", "medium", "high"] = Field(description="How its time grows with the data.")

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "name": "bootstrap",
                "title": "Bootstrap confidence interval",
                "description": "Percentile and BCa intervals …",
                "schema": {"type": "object", "properties": {"column": {"type": "string"}}},
                "example": {"column": "income", "statistic": "median"},
                "cost": "medium",
            }
        }
    )

    @classmethod
    def of(cls, entry: AnalysisType) -> Self:
        """The entry as the catalogue shows it."""
        return cls.model_validate(
            {
                "name": entry.name,
                "title": entry.title,
                "description": entry.description,
                "schema": entry.parameters.model_json_schema(),
                "example": entry.example,
                "cost": entry.cost,
            }
        )


class JobTypes(ApiModel):
    """All jobs."""

    items: list[JobTypeModel]
