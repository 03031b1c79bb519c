"""Bodies of /auth."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, StringConstraints

from shared.models.user import Role
from shared.schemas import ApiModel, RequestModel, one_line

from ..core.emails import normalise_email, normalise_login

MAXIMUM_SECRET_CHARACTERS = 4096

_USER: dict[str, JsonValue] = {
    "id": "01890a5d-ac96-774b-bcce-b302099a8057",
    "email": "ada@example.com",
    "full_name": "Ada Lovelace",
    "role": "user",
    "is_active": True,
    "created_at": "2026-01-31T12:00:00.123456Z",
}
_TOKENS: dict[str, JsonValue] = {
    "access_token": "eyJ…",
    "refresh_token": "eyJ…",
    "token_type": "bearer",
    "expires_in": 1800,
}

Email = Annotated[str, Field(max_length=320, json_schema_extra={"format": "email"}), AfterValidator(normalise_email)]
LoginName = Annotated[str, Field(max_length=320), AfterValidator(normalise_login)]
Password = Annotated[str, Field(max_length=MAXIMUM_SECRET_CHARACTERS)]
NewPassword = Annotated[
    str,
    Field(
        max_length=MAXIMUM_SECRET_CHARACTERS,
        description="10 to 128 characters; not the e-mail address or a name of yours, even with digits around it, nor"
        " one of the passwords everybody tries.",
    ),
]
FullName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(one_line)
]


class Registration(RequestModel):
    """A new account."""

    email: Email = Field(description="Kept in lower case.")
    password: NewPassword
    full_name: FullName | None = None

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "email": "ada@example.com",
                "password": "correct horse battery staple",
                "full_name": "Ada Lovelace",
            }
        }
    )


class Login(RequestModel):
    """Credentials as JSON."""

    email: LoginName
    password: str

    model_config = ConfigDict(
        json_schema_extra={"example": {"email": "ada@example.com", "password": "correct horse battery staple"}}
    )


class LoginForm(RequestModel):
    """Credentials as the form of OAuth 2's password grant, whose other fields are accepted and unused."""

    username: LoginName
    password: str
    grant_type: Literal["password"] | None = None
    scope: str = ""
    client_id: str | None = None
    client_secret: str | None = None


class Refresh(RequestModel):
    """The refresh token of a session."""

    refresh_token: str = Field(max_length=4096)

    model_config = ConfigDict(json_schema_extra={"example": {"refresh_token": "eyJ…"}})


class User(ApiModel):
    """A user."""

    id: UUID
    email: str
    full_name: str | None
    role: Role
    is_active: bool
    created_at: datetime

    model_config = ConfigDict(json_schema_extra={"example": _USER})


class Tokens(ApiModel):
    """A fresh pair: the access token goes with each request, the refresh token buys the next pair, once."""

    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - a kind of token, not one
    expires_in: int = Field(description="Life of the access token in seconds.")

    model_config = ConfigDict(json_schema_extra={"example": _TOKENS})
