"""Bodies of /auth/verify-email and /auth/resend-verification."""

from pydantic import ConfigDict

from shared.schemas import RequestModel

from .auth import LoginName
from .passwords import MailedToken


class EmailVerification(RequestModel):
    """A mailed token."""

    token: MailedToken

    model_config = ConfigDict(json_schema_extra={"example": {"token": "kJ3v0n2Zr8mB5yQwX1cTfH6uLsEaDgPiOoRtYbVnMqU"}})


class VerificationRequest(RequestModel):
    """Which address is to be proven."""

    email: LoginName

    model_config = ConfigDict(json_schema_extra={"example": {"email": "ada@example.com"}})
