"""Whose request it is: the Authorization header, read into a principal; no HTTP, and SQL only in `shared.identity`."""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from math import inf
from typing import Generic, NamedTuple, TypeVar
from uuid import UUID

from shared.admission import session_key
from shared.api_keys import API_KEY_PREFIX, api_key_sha256, is_api_key
from shared.auth import TokenCodec
from shared.errors import Unauthorized
from shared.models.user import body_start

REMEMBERED = 10_000
KEY_FACTS_SECONDS = 60
NOT_BEARER = "The Authorization header must read: Bearer <token>."
_KEY_PREFIX = API_KEY_PREFIX.encode()
UNKNOWN_KEY = "This API key is unknown, revoked or expired."

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Principal:
    """Whom a credential proves: an access token speaks for a login session, an API key for itself.

    Attributes:
        credential_id: the session's or the key's.
        scopes: what an API key may do; None for a session, which may do whatever its user may.
        expires_at: seconds since the epoch.
        subject: whose requests are counted together.
        session_key: where Redis tells whether session or key are alive.
        user: `user_id` as text.
        body_start: how what Redis keeps for this user begins.
    """

    user_id: UUID
    credential_id: UUID
    scopes: frozenset[str] | None
    expires_at: float
    subject: str
    session_key: str
    user: str
    body_start: bytes

    @property
    def session_id(self) -> UUID | None:
        """The login session, if it is one."""
        return self.credential_id if self.scopes is None else None

    @property
    def api_key_id(self) -> UUID | None:
        """The API key, if it is one."""
        return None if self.scopes is None else self.credential_id


def principal_of_session(user_id: UUID, session_id: UUID, expires_at: datetime) -> Principal:
    """Whom an access token speaks for; the sessions of a user share one limit."""
    user, key = str(user_id), session_key(session_id)
    return Principal(user_id, session_id, None, expires_at.timestamp(), user, key, user, body_start(user_id))


def principal_of_key(user_id: UUID, api_key_id: UUID, scopes: frozenset[str], expires_at: datetime | None) -> Principal:
    """Whom an API key speaks for; each key has a limit of its own."""
    ends = inf if expires_at is None else expires_at.timestamp()
    key, start = session_key(api_key_id), body_start(user_id)
    return Principal(user_id, api_key_id, scopes, ends, str(api_key_id), key, str(user_id), start)


class Remembered(OrderedDict[Key, Value], Generic[Key, Value]):
    """A dict that forgets its oldest entries."""

    def remember(self, key: Key, value: Value) -> None:
        """Keep `value` as the newest entry."""
        self[key] = value
        self.move_to_end(key)
        if len(self) > REMEMBERED:
            self.popitem(last=False)


FindKey = Callable[[bytes], Awaitable[Principal | None]]


class KeyRing:
    """The API keys that were met lately; only keys that exist are remembered, so nobody can fill it."""

    def __init__(self, find: FindKey, clock: Callable[[], float] = time.time) -> None:
        self._find = find
        self._clock = clock
        self._met: Remembered[bytes, tuple[float, Principal]] = Remembered()

    def recall(self, sha256: bytes) -> tuple[Principal | None, bool]:
        """The principal of a key that was met before and has not expired, and whether it was asked for lately."""
        fresh_until, principal = self._met.get(sha256, (0.0, None))
        now = self._clock()
        if principal is None or principal.expires_at <= now:
            return None, False
        return principal, fresh_until > now

    async def look_up(self, sha256: bytes) -> Principal | None:
        """The principal of a key by what the database says now.

        Raises:
            ServiceUnavailable: the database is away.
        """
        if (met := self._met.get(sha256)) is not None:
            # Whoever comes in the meantime need not ask too.
            self._met[sha256] = (self._fresh_until(), met[1])
        principal = None
        try:
            principal = await self._find(sha256)
        finally:
            if principal is None:
                self._met.pop(sha256, None)
        if principal is not None:
            self._met.remember(sha256, (self._fresh_until(), principal))
        return self.recall(sha256)[0]

    def _fresh_until(self) -> float:
        return self._clock() + KEY_FACTS_SECONDS


class Presented(NamedTuple):
    """What an Authorization header holds: a principal, an API key to be looked up in the database, or a fault."""

    principal: Principal | None = None
    look_up: bytes | None = None
    fault: str | None = None


class CredentialReader:
    """Reads Authorization headers; those with a verified access token are remembered until it expires."""

    def __init__(self, codec: TokenCodec, keys: KeyRing, clock: Callable[[], float] = time.time) -> None:
        self._codec = codec
        self._keys = keys
        self._clock = clock
        self._tokens: Remembered[bytes, Principal] = Remembered()

    def read(self, header: bytes) -> Presented:
        """What the header presents."""
        principal = self._tokens.get(header)
        if principal is not None and principal.expires_at > self._clock():
            return Presented(principal)
        scheme, _, token = header.partition(b" ")
        if scheme.lower() != b"bearer":
            return Presented(fault=NOT_BEARER)
        return self._read_key(token) if token.startswith(_KEY_PREFIX) else self._read_token(header, token)

    def _read_key(self, token: bytes) -> Presented:
        if not is_api_key(token):
            return Presented(fault=UNKNOWN_KEY)
        sha256 = api_key_sha256(token)
        principal, fresh = self._keys.recall(sha256)
        return Presented(principal, None if fresh else sha256)

    def _read_token(self, header: bytes, token: bytes) -> Presented:
        try:
            claims = self._codec.read_access(token.decode("latin-1"))
        except Unauthorized as fault:
            return Presented(fault=fault.detail)
        principal = principal_of_session(claims.user_id, claims.session_id, claims.expires_at)
        self._tokens.remember(header, principal)
        return Presented(principal)

    async def look_up(self, sha256: bytes) -> Presented:
        """The same for an API key that the database had to be asked about.

        Raises:
            ServiceUnavailable: the database is away.
        """
        principal = await self._keys.look_up(sha256)
        return Presented(principal, fault=UNKNOWN_KEY if principal is None else None)
