"""Pipelines: saved steps, versioned, and their runs."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, StringConstraints

from shared.schemas import ApiModel, RequestModel, one_line

from .processes import Output, Steps, VersionNumber

PipelineName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120), AfterValidator(one_line)
]
Description = Annotated[str, StringConstraints(max_length=2000)]
_PROJECT = "01890a5d-9f00-7c1e-9d8a-2f1e6b7c8d90"
_STEPS: list[JsonValue] = [{"op": "filter", "where": "price > 0"}]
_AT = "2026-01-31T12:00:00.123456Z"
_PIPELINE: dict[str, JsonValue] = {
    "id": "01890a5d-c0de-7a11-8f00-1a2b3c4d5e6f",
    "project_id": _PROJECT,
    "name": "clean prices",
    "description": "Drops what is free.",
    "version": 1,
    "steps": _STEPS,
    "created_by": "01890a5d-8c11-7a0b-8e2f-6d5c4b3a2910",
    "created_at": _AT,
    "updated_at": _AT,
}


class PipelineContent(RequestModel):
    """What a pipeline consists of; replacing it makes its next version."""

    name: PipelineName
    description: Description = ""
    steps: Steps

    model_config = ConfigDict(json_schema_extra={"example": {"name": "clean prices", "steps": _STEPS}})


class NewPipeline(PipelineContent):
    """A pipeline to be saved in a project."""

    project_id: UUID

    model_config = ConfigDict(
        json_schema_extra={"example": {"project_id": _PROJECT, "name": "clean prices", "steps": _STEPS}}
    )


class PipelineRun(RequestModel):
    """On what to run a pipeline, and where its result goes."""

    dataset_id: UUID
    version: VersionNumber = None
    output: Output
    pipeline_version: int | None = Field(None, ge=1, lt=2**31, description="Default: the newest.")

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"dataset_id": "01890a5d-b3a1-7c52-8a6f-3f0f6f1f2d11", "output": {"name": "prices, clean"}}
        }
    )


class PipelineModel(ApiModel):
    """A saved list of steps; `version` is the newest, to which `steps` belong."""

    id: UUID
    project_id: UUID
    name: str
    description: str
    version: int
    steps: list[dict[str, Any]]
    created_by: UUID | None
    created_at: datetime
    updated_at: datetime

    model_config = ConfigDict(json_schema_extra={"example": _PIPELINE})


class PipelineVersionModel(ApiModel):
    """The steps of a pipeline as they were."""

    pipeline_id: UUID
    version: int
    steps: list[dict[str, Any]]
    created_by: UUID | None
    created_at: datetime

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "pipeline_id": _PIPELINE["id"],
                "version": 1,
                "steps": _STEPS,
                "created_by": _PIPELINE["created_by"],
                "created_at": _AT,
            }
        }
    )
