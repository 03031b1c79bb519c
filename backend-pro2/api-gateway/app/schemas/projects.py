"""Bodies of /projects."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from shared.models.project import ProjectRole
from shared.parameters import made
from shared.schemas import ApiModel, RequestModel, one_line

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120), AfterValidator(one_line)]
Description = Annotated[str, Field(max_length=5000)]


class ProjectSelection:
    """Query parameters that choose projects."""

    def __init__(
        self,
        q: Annotated[str | None, Query(max_length=200, description="Part of the name or description.")] = None,
        archived: Annotated[bool | None, Query(description="Only archived ones, or only others.")] = None,
        all: Annotated[  # noqa: A002 - the contract's name
            bool, Query(description="For administrators: every project of the instance.")
        ] = False,
    ) -> None:
        self.text = q
        self.archived = archived
        self.all = all


SelectionQuery = Annotated[ProjectSelection, made(ProjectSelection)]


class ProjectCreate(RequestModel):
    """A new project."""

    name: Name
    description: Description = ""

    model_config = ConfigDict(
        json_schema_extra={"example": {"name": "Diabetes study", "description": "Baseline and one-year progression."}}
    )


class ProjectUpdate(RequestModel):
    """Members that are absent stay as they are."""

    name: Name | None = None
    description: Description | None = None

    model_config = ConfigDict(json_schema_extra={"example": {"name": "Diabetes study, second wave"}})


class Project(ApiModel):
    """A project as the caller sees it."""

    id: UUID
    name: str
    description: str
    role: ProjectRole | None = Field(
        description="The caller's role; null for an administrator who is no member of the project."
    )
    archived: bool = Field(description="Whether it is read-only until an owner restores it.")
    created_at: datetime
    updated_at: datetime

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "01890a5d-ac96-774b-bcce-b302099a8057",
                "name": "Diabetes study",
                "description": "Baseline and one-year progression.",
                "role": "owner",
                "archived": False,
                "created_at": "2026-01-31T12:00:00.123456Z",
                "updated_at": "2026-01-31T12:00:00.123456Z",
            }
        }
    )
