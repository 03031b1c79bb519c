"""Bodies of /projects/{id}/invitations."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from shared.models.project import ProjectRole
from shared.schemas import ApiModel, RequestModel

from .auth import Email


class InvitationCreate(RequestModel):
    """Somebody to be asked by mail, with or without an account."""

    email: Email
    role: ProjectRole

    model_config = ConfigDict(json_schema_extra={"example": {"email": "grace@example.com", "role": "editor"}})


class InvitationAccept(RequestModel):
    """What the mail holds."""

    token: Annotated[str, StringConstraints(min_length=1, max_length=200)]

    model_config = ConfigDict(json_schema_extra={"example": {"token": "s5Cq0XW0lYb5pG9pXoGQm8y2vYQ7mJH0T3bS1dVx9kE"}})


class Invitation(ApiModel):
    """An open invitation. Its token goes by mail alone."""

    id: UUID
    email: str
    role: ProjectRole
    invited_by: UUID | None = Field(description="Null once that account is gone.")
    created_at: datetime
    expires_at: datetime

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "01890a5d-ac96-774b-bcce-b302099a8057",
                "email": "grace@example.com",
                "role": "editor",
                "invited_by": "01890a5d-ac96-774b-bcce-b302099a8058",
                "created_at": "2026-01-31T12:00:00.123456Z",
                "expires_at": "2026-02-07T12:00:00.123456Z",
            }
        }
    )
