"""Bodies of /projects/{id}/members."""

from typing import Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from shared.models.project import ProjectRole
from shared.schemas import ApiModel, RequestModel

from .auth import LoginName


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


class MemberUpdate(RequestModel):
    """What a member may do from now on."""

    role: ProjectRole

    model_config = ConfigDict(json_schema_extra={"example": {"role": "viewer"}})


class Member(ApiModel):
    """A user who may see a project."""

    user_id: UUID
    email: str
    role: ProjectRole = Field(description="Viewers read, editors change, owners also decide about the project itself.")

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "user_id": "01890a5d-ac96-774b-bcce-b302099a8057",
                "email": "grace@example.com",
                "role": "editor",
            }
        }
    )
