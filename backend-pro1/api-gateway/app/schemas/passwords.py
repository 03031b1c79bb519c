"""Bodies of /auth/change-password, /auth/forgot-password and /auth/reset-password."""

from typing import Annotated

from pydantic import ConfigDict, Field

from shared.schemas import ApiModel, RequestModel

from .auth import LoginName, NewPassword, Password

MailedToken = Annotated[str, Field(max_length=200, description="From the mail.")]


class PasswordChange(RequestModel):
    """The present password, and the one to come."""

    current_password: Password
    new_password: NewPassword

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "current_password": "correct horse battery staple",
                "new_password": "seven grey geese over the marsh",
            }
        }
    )


class PasswordForgotten(RequestModel):
    """Whose password."""

    email: LoginName

    model_config = ConfigDict(json_schema_extra={"example": {"email": "ada@example.com"}})


class PasswordReset(RequestModel):
    """A mailed token, and the password to come."""

    token: MailedToken
    new_password: NewPassword

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "token": "kJ3v0n2Zr8mB5yQwX1cTfH6uLsEaDgPiOoRtYbVnMqU",
                "new_password": "seven grey geese over the marsh",
            }
        }
    )


class Accepted(ApiModel):
    """The same answer, whoever asks for whatever address."""

    detail: str = "If this concerns an account, a mail is on its way."

    model_config = ConfigDict(
        json_schema_extra={"example": {"detail": "If this concerns an account, a mail is on its way."}}
    )
