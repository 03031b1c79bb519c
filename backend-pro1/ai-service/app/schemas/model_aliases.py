"""Bodies of the routes of aliases: names of versions that can be moved."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Path
from pydantic import ConfigDict, Field, StringConstraints

from shared.schemas import ApiModel, RequestModel

from .analyses import LARGEST_VERSION
from .models import MODEL

ALIAS = "^[a-z][a-z0-9_-]{0,49}$"
CHAMPION = "champion"
LATEST = "latest"

AliasName = Annotated[
    str, Path(pattern=ALIAS, description="A name such as `champion`, the version in use.", examples=[CHAMPION])
]


class AliasTarget(RequestModel):
    """Where the alias is to point: forwards promotes, backwards rolls back."""

    version: int = Field(ge=1, le=LARGEST_VERSION)
    reason: Annotated[str, StringConstraints(max_length=500)] = Field("", description="Kept in the alias's history.")

    model_config = ConfigDict(json_schema_extra={"example": {"version": 2, "reason": "Better on the new clinic."}})


class AliasModel(ApiModel):
    """A name of a version that can be moved."""

    model_id: UUID
    alias: str
    version: int
    updated_by: UUID | None
    updated_at: datetime

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "model_id": MODEL,
                "alias": CHAMPION,
                "version": 2,
                "updated_by": "01890a5d-8c11-7a0b-8e2f-6d5c4b3a2910",
                "updated_at": "2026-01-31T12:00:00.123456Z",
            }
        }
    )


class Aliases(ApiModel):
    """All aliases of a model."""

    items: list[AliasModel]


class AliasMoveModel(ApiModel):
    """A move of an alias."""

    alias: str
    from_version: int | None = Field(description="Null: there was no such alias.")
    to_version: int | None = Field(description="Null: the alias was removed.")
    task_id: UUID | None = Field(description="The training that moved it, if one did.")
    reason: str
    created_by: UUID | None
    created_at: datetime

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "alias": CHAMPION,
                "from_version": 1,
                "to_version": 2,
                "task_id": None,
                "reason": "Better on the new clinic.",
                "created_by": "01890a5d-8c11-7a0b-8e2f-6d5c4b3a2910",
                "created_at": "2026-01-31T12:00:00.123456Z",
            }
        }
    )
