"""Rules that settings obey, apart from their list."""

import re
from collections.abc import Iterable
from typing import Annotated, Protocol
from urllib.parse import unquote

from pydantic import SecretStr
from pydantic_settings import NoDecode

# Words separated by commas in the environment.
Words = Annotated[tuple[str, ...], NoDecode]

PLACEHOLDERS = (
    "your-",
    "your_",
    "change-me",
    "changeme",
    "placeholder",
    "example",
    "postgres123",
    "redis123",
    "minioadmin",
)
MINIMUM_SECRET_LENGTH = 32
_FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
_FIELD_VALUE = re.compile(r"[ -~]+")


class _Secrets(Protocol):
    @property
    def secret_key(self) -> SecretStr: ...
    @property
    def secret_keys_previous(self) -> tuple[SecretStr, ...]: ...
    @property
    def database_url(self) -> SecretStr: ...
    @property
    def redis_url(self) -> SecretStr: ...
    @property
    def s3_access_key(self) -> SecretStr: ...
    @property
    def s3_secret_key(self) -> SecretStr: ...
    @property
    def ray_enabled(self) -> bool: ...
    @property
    def ray_auth_token(self) -> SecretStr: ...


def comma_separated(value: object) -> object:
    """Split `a, b` into ("a", "b"); anything but text passes through."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def header_fields(text: str) -> dict[str, str]:
    """Header fields from `name=value, other=value`, values percent-encoded as W3C Baggage has them.

    Raises:
        ValueError: one is no header field; no value is named.
    """
    fields = {}
    for number, part in enumerate(filter(None, (part.strip() for part in text.split(","))), 1):
        name, _, value = part.partition("=")
        name, value = name.strip().lower(), unquote(value.strip())
        if not _FIELD_NAME.fullmatch(name) or not _FIELD_VALUE.fullmatch(value):
            raise ValueError(f"number {number} is not of the form name=value")
        fields[name] = value
    return fields


def plain_postgres_scheme(value: object) -> object:
    """Turn SQLAlchemy's `postgresql+asyncpg://` into the `postgresql://` that asyncpg takes."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not isinstance(text, str):
        return value
    if not text.startswith(("postgresql://", "postgres://", "postgresql+asyncpg://")):
        raise ValueError("must begin with postgresql://")
    return "postgresql://" + text.split("://", 1)[1]


def refuse_weak_secrets(settings: _Secrets) -> None:
    """Refuse what nobody should run in production.

    Raises:
        ValueError: names every variable at fault and never its value.
    """
    faults = list(_weak_secrets(settings))
    if faults:
        raise ValueError("not fit for production: " + "; ".join(faults))


def _weak_secrets(settings: _Secrets) -> Iterable[str]:
    secrets = {
        "SECRET_KEY": settings.secret_key,
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "S3_ACCESS_KEY": settings.s3_access_key,
        "S3_SECRET_KEY": settings.s3_secret_key,
    }
    for name, secret in secrets.items():
        if any(mark in secret.get_secret_value().lower() for mark in PLACEHOLDERS):
            yield f"{name} still holds a placeholder"
    for key in (settings.secret_key, *settings.secret_keys_previous):
        if len(key.get_secret_value()) < MINIMUM_SECRET_LENGTH:
            yield f"SECRET_KEY (or a previous one) is shorter than {MINIMUM_SECRET_LENGTH} characters"
    if settings.ray_enabled and len(settings.ray_auth_token.get_secret_value()) < MINIMUM_SECRET_LENGTH:
        yield f"RAY_AUTH_TOKEN is shorter than {MINIMUM_SECRET_LENGTH} characters"
