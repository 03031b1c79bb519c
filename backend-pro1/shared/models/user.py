"""Users as every service sees them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

import orjson

Role = Literal["user", "admin"]


@dataclass(frozen=True, slots=True)
class PublicUser:
    """What `/auth/me` tells of a user."""

    id: UUID
    email: str
    full_name: str | None
    role: Role
    is_active: bool
    created_at: datetime

    def as_json(self) -> bytes:
        """The body of `/auth/me`."""
        return orjson.dumps(self, option=orjson.OPT_UTC_Z)


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated user, and what speaks for him: a login session or an API key.

    Attributes:
        scopes: what the API key may do; None for a session, which may do whatever the user may.
    """

    id: UUID
    email: str
    role: Role
    session_id: UUID | None = None
    api_key_id: UUID | None = None
    scopes: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A caller with a login session, for what no API key may do."""

    id: UUID
    email: str
    role: Role
    session_id: UUID
