"""Credentials that were not accepted, by reason; each refusal is counted once, where it is made."""

from enum import StrEnum

from prometheus_client import Counter

from . import REGISTRY
from .harmless import harmless

AUTH_FAILURES = Counter(
    "auth_failures_total", "Requests and logins whose credentials were refused.", ("reason",), registry=REGISTRY
)


class AuthFailure(StrEnum):
    """Why credentials were refused."""

    NO_CREDENTIALS = "no_credentials"
    BAD_TOKEN = "bad_token"  # noqa: S105 - a reason, no token
    UNKNOWN_API_KEY = "unknown_api_key"
    SESSION_ENDED = "session_ended"
    WRONG_CREDENTIALS = "wrong_credentials"
    WRONG_PASSWORD = "wrong_password"  # noqa: S105 - a reason, no password
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    EMAIL_NOT_VERIFIED = "email_not_verified"
    TOKEN_REUSED = "token_reused"  # noqa: S105 - a reason, no token
    INVALID_LINK = "invalid_link"


_REASONS = {reason: AUTH_FAILURES.labels(reason) for reason in AuthFailure}


@harmless
def failed(reason: AuthFailure) -> None:
    """Count a refusal."""
    _REASONS[reason].inc()
