"""Bodies of /auth/sessions."""

from datetime import datetime
from uuid import UUID

from pydantic import ConfigDict, Field

from shared.schemas import ApiModel


class LoginSession(ApiModel):
    """A place where the user is logged in."""

    id: UUID
    created_at: datetime
    last_used_at: datetime = Field(description="When its tokens were last refreshed.")
    expires_at: datetime = Field(description="When it ends unless it is refreshed before.")
    address: str | None = Field(description="Network address of the login; of IPv6 its /64.")
    user_agent: str | None
    current: bool = Field(description="Whether it is the one that asks.")

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "01890a5d-ac96-774b-bcce-b302099a8057",
                "created_at": "2026-01-31T12:00:00.123456Z",
                "last_used_at": "2026-02-02T07:45:12.345678Z",
                "expires_at": "2026-02-09T07:45:12.345678Z",
                "address": "192.0.2.7",
                "user_agent": "Mozilla/5.0",
                "current": True,
            }
        }
    )
