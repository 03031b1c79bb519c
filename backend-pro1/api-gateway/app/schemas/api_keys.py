"""Bodies of /auth/api-keys."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field, JsonValue, StringConstraints

from shared.schemas import ApiModel, RequestModel, one_line
from shared.scopes import SCOPES

_KEY: dict[str, JsonValue] = {
    "id": "01890a5d-ac96-774b-bcce-b302099a8057",
    "name": "nightly import",
    "prefix": "adp_k3Jx9QwZ",
    "scopes": ["read", "datasets:write"],
    "expires_at": "2027-01-31T00:00:00Z",
    "created_at": "2026-01-31T12:00:00.123456Z",
}


def _known(scope: str) -> str:
    if scope not in SCOPES:
        raise ValueError(f"there is no such scope; there are {', '.join(SCOPES)}")
    return scope


def _each_once(scopes: list[str]) -> list[str]:
    return list(dict.fromkeys(scopes))


KeyName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120), AfterValidator(one_line)
]
Scope = Annotated[str, Field(max_length=40, json_schema_extra={"enum": [*SCOPES]}), AfterValidator(_known)]
Scopes = Annotated[list[Scope], Field(min_length=1, max_length=40), AfterValidator(_each_once)]


class ApiKeyCreate(RequestModel):
    """A key to be made."""

    name: KeyName = Field(description="What it is for.")
    scopes: Scopes = Field(["read", "write"], description="What it may do; `admin` is for administrators.")
    expires_at: AwareDatetime | None = Field(None, description="When it stops to work; null: when it is revoked.")

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "name": "nightly import",
                "scopes": ["read", "datasets:write"],
                "expires_at": "2027-01-31T00:00:00Z",
            }
        }
    )


class ApiKey(ApiModel):
    """A key, by all that is known of it afterwards."""

    id: UUID
    name: str
    prefix: str = Field(description="Its first characters.")
    scopes: list[str]
    expires_at: datetime | None
    created_at: datetime
    last_used_at: datetime | None = Field(description="To the minute or so.")

    model_config = ConfigDict(json_schema_extra={"example": {**_KEY, "last_used_at": "2026-02-02T07:45:00.345678Z"}})


class CreatedApiKey(ApiModel):
    """A key with its secret, which is told here and never again."""

    id: UUID
    name: str
    prefix: str = Field(description="Its first characters, by which lists name it.")
    key: str = Field(description="Send it as `Authorization: Bearer <key>`.")
    scopes: list[str]
    expires_at: datetime | None
    created_at: datetime

    model_config = ConfigDict(
        json_schema_extra={"example": {**_KEY, "key": "adp_k3Jx9QwZ_hS1n8b4VqYw0cR7tUeXzL2mGp5dKfJ6aBoIyTsNvMlQ"}}
    )
