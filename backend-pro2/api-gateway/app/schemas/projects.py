"""Bodies of /projects."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from shared.models.project import ProjectRole
from shared.schemas import ApiModel, RequestModel

from .auth import LoginName

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Description = Annotated[str, Field(max_length=5000)]


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
    role: ProjectRole = Field(description="The caller's role.")
    archived: bool
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


class MemberAdd(RequestModel):
    """A user to let into a project, named by address or by id."""

    email: LoginName | None = None
    user_id: UUID | None = None
    role: ProjectRole

    model_config = ConfigDict(json_schema_extra={"example": {"email": "grace@example.com", "role": "editor"}})

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if (self.email is None) == (self.user_id is None):
            raise ValueError("name the user by email or by user_id, one of them")
        return self


class Member(ApiModel):
    """A user who may see a project."""

    user_id: UUID
    email: str
    role: ProjectRole

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "user_id": "01890a5d-ac96-774b-bcce-b302099a8057",
                "email": "grace@example.com",
                "role": "editor",
            }
        }
    )
