"""Bodies and filters of /admin/api-logs."""

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field, IPvAnyAddress

from shared.schemas import ApiModel

MAXIMUM_METHOD = 20
MAXIMUM_PATH = 300

# Bounds that PostgreSQL, Python and every offset from UTC can express.
_EARLIEST, _LATEST = datetime(1970, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
Moment = Annotated[AwareDatetime, Field(ge=_EARLIEST, le=_LATEST)]


class ApiLogFilter(ApiModel):
    """Which calls to list; each member that is given narrows it further."""

    user_id: UUID | None = Field(None, description="Calls of this user.")
    api_key_id: UUID | None = Field(None, description="Calls made with this API key.")
    method: str | None = Field(
        None, max_length=MAXIMUM_METHOD, pattern="^[A-Za-z-]+$", description="The method as it was sent."
    )
    path: str | None = Field(
        None, max_length=MAXIMUM_PATH, pattern="^/[^\\x00]*$", description="Beginning of the path."
    )
    status: int | None = Field(None, ge=100, le=599, description="Exact status; 499: the client left.")
    status_class: Literal["2xx", "3xx", "4xx", "5xx"] | None = Field(None, description="All statuses of a class.")
    request_id: str | None = Field(
        None, max_length=64, pattern="^[A-Za-z0-9._-]+$", description="The call with this X-Request-ID."
    )
    address: IPvAnyAddress | None = Field(
        None, description="Calls from this address; of IPv6 the network (/64) counts, as it does for rate limits."
    )
    since: Moment | None = Field(None, description="Not before this time, with its offset from UTC.")
    until: Moment | None = Field(None, description="Before this time.")


class ApiLog(ApiModel):
    """One call."""

    id: UUID
    at: datetime = Field(description="When the answer was complete.")
    request_id: str
    user_id: UUID | None = Field(description="Null without a valid token.")
    api_key_id: UUID | None = Field(description="Null unless an API key was used.")
    method: str
    path: str = Field(description="Without the query; cut after 300 characters.")
    status: int = Field(description="499 if the client left before the answer.")
    duration_ms: float
    bytes_in: int | None = Field(description="Bytes of the body received; null if none were read.")
    bytes_out: int | None = Field(description="Bytes of the body sent.")
    address: str | None = Field(description="The client's address, of IPv6 its network (/64).")

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "01890a5d-ac96-774b-bcce-b302099a8057",
                "at": "2026-01-31T12:00:00.123456Z",
                "request_id": "5f1c6f0e2b7d4a0f8f0f5b0c2d1e3a4b",
                "user_id": "01890a5d-8c11-7a0b-8e2f-6d5c4b3a2910",
                "api_key_id": None,
                "method": "GET",
                "path": "/api/v1/projects",
                "status": 200,
                "duration_ms": 3.2,
                "bytes_in": None,
                "bytes_out": 512,
                "address": "203.0.113.7",
            }
        }
    )
