"""Bodies of /users."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import ConfigDict, Field, JsonValue, StrictBool

from shared.models.user import Role
from shared.schemas import ApiModel, RequestModel

from .auth import Email, FullName

_ACCOUNT: dict[str, JsonValue] = {
    "id": "01890a5d-ac96-774b-bcce-b302099a8057",
    "email": "ada@example.com",
    "full_name": "Ada Lovelace",
    "role": "user",
    "is_active": True,
    "created_at": "2026-01-31T12:00:00.123456Z",
    "email_verified": True,
    "last_login_at": "2026-02-01T08:30:00.654321Z",
}

Secret = Annotated[str, Field(max_length=4096)]


class Account(ApiModel):
    """A user as administrators and the user see one."""

    id: UUID
    email: str
    full_name: str | None
    role: Role
    is_active: bool
    created_at: datetime
    email_verified: bool = Field(description="Whether the address was proven to be the user's.")
    last_login_at: datetime | None

    model_config = ConfigDict(json_schema_extra={"example": _ACCOUNT})


class OwnUpdate(RequestModel):
    """What users may change about themselves; members that are absent stay as they are."""

    full_name: FullName | None = Field(None, description="null takes the name away.")
    email: Email | None = Field(None, description="Needs `current_password`; the new address is unverified at first.")
    current_password: Secret | None = Field(None, description="Proves that it is you who changes the address.")

    model_config = ConfigDict(json_schema_extra={"example": {"full_name": "Ada King"}})

    def for_account(self) -> "AccountUpdate":
        """The same change as the one use case takes it."""
        return AccountUpdate.model_validate(self.model_dump(exclude_unset=True))


class AccountUpdate(OwnUpdate):
    """The same, and what only administrators may change."""

    is_active: StrictBool | None = Field(None, description="false ends all sessions and API keys at once.")

    model_config = ConfigDict(json_schema_extra={"example": {"is_active": False}})


class RoleChange(RequestModel):
    """The role a user is to have."""

    role: Role

    model_config = ConfigDict(json_schema_extra={"example": {"role": "admin"}})


class AccountFilter:
    """Query parameters that narrow the list of users."""

    def __init__(
        self,
        q: Annotated[str | None, Query(max_length=200, description="Part of the address or the name.")] = None,
        role: Annotated[Role | None, Query(description="Only users with this role.")] = None,
        is_active: Annotated[bool | None, Query(description="Only those that may, or may not, log in.")] = None,
        email_verified: Annotated[bool | None, Query(description="Only those with a proven address, or not.")] = None,
    ) -> None:
        self.q = q
        self.role = role
        self.is_active = is_active
        self.email_verified = email_verified
