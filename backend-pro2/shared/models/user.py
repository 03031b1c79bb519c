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
        """The body of `/auth/me`; it begins with what `body_start` makes of the id."""
        return orjson.dumps(self, option=orjson.OPT_UTC_Z)


def body_start(user_id: UUID) -> bytes:
    """How the `/auth/me` body of this user begins, and that of nobody else."""
    return b'{"id":"%b",' % str(user_id).encode()


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

    @property
    def administers(self) -> bool:
        """Whether it may do what administrators may: they themselves, and their keys if they have the scope `admin`."""
        return self.role == "admin" and (self.scopes is None or "admin" in self.scopes)


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A caller with a login session, for what no API key may do."""

    id: UUID
    email: str
    role: Role
    session_id: UUID
