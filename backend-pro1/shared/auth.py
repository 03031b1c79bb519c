"""Passwords and tokens: the only place that knows bcrypt and JSON Web Tokens."""

import asyncio
import base64
import hashlib
import hmac
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeVar
from uuid import UUID

from jose import jwt
from jose.exceptions import JOSEError

from shared.config import Settings
from shared.errors import ServiceUnavailable, Unauthorized
from shared.ids import new_id

MAXIMUM_TOKEN_CHARACTERS = 4096
CLAIMS_CACHE_SIZE = 10_000
CLOCK_LEEWAY_SECONDS = 60

_SHAPE = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_HEADERS = {"access": {"typ": "at+jwt"}, "refresh": {"typ": "rt+jwt"}}
_OPTIONS = {f"require_{claim}": True for claim in ("aud", "iss", "exp", "iat", "sub", "jti")} | {"leeway": 0}

_LOADING = threading.Lock()

Kind = Literal["access", "refresh"]
Answer = TypeVar("Answer")


class PasswordHasher:
    """bcrypt in a small thread pool, so that a login never holds up the event loop.

    A password is first condensed by HMAC-SHA-256 to 44 ASCII characters: bcrypt reads at most 72 bytes and none
    after a NUL, so long passwords neither fail nor share a prefix's hash. Stored hashes keep bcrypt's `$2b$` form.
    """

    def __init__(self, settings: Settings, *, threads: int = 2, waiting: int = 100) -> None:
        self._rounds = settings.bcrypt_rounds
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="bcrypt")
        self._places = threads + waiting
        self._turns = asyncio.Semaphore(threads)
        self._dummy: str | None = None
        self._making = threading.Lock()

    async def hash(self, password: str) -> str:
        """The hash to store; about 0.25 s of one core at cost 12.

        Raises:
            ServiceUnavailable: too many others are waiting.
        """
        return await self._run(None, self._hash, password)

    async def verify(
        self, password: str, hashed: str | None, *, first: Callable[[], Awaitable[None]] | None = None
    ) -> bool:
        """Whether the password fits; with None, the same work for nobody's password and then False.

        Args:
            first: awaited when it is this password's turn; what it raises is raised, and no work is done.

        Raises:
            ServiceUnavailable: too many others are waiting.
        """
        return await self._run(first, self._verify, password, hashed)

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _run(
        self, first: Callable[[], Awaitable[None]] | None, work: Callable[..., Answer], *arguments: object
    ) -> Answer:
        if self._places <= 0:
            raise ServiceUnavailable("Too many people are logging in at once; try again shortly.")
        self._places -= 1
        try:
            async with self._turns:
                if first is not None:
                    await first()
                return await asyncio.get_running_loop().run_in_executor(self._pool, work, *arguments)
        finally:
            self._places += 1

    def _hash(self, password: str) -> str:
        hashed: str = _bcrypt().using(rounds=self._rounds).hash(_condensed(password))
        return hashed

    def _verify(self, password: str, hashed: str | None) -> bool:
        fits = bool(_bcrypt().verify(_condensed(password), hashed or self._nobody()))
        return fits and hashed is not None

    def _nobody(self) -> str:
        with self._making:
            if self._dummy is None:
                self._dummy = self._hash("nobody's password")
            return self._dummy


def _bcrypt() -> Any:
    # Loaded with the first password, since it takes a while; passlib's own lazy loading is not safe among threads.
    with _LOADING:
        from passlib.hash import bcrypt

        return bcrypt


def _condensed(password: str) -> str:
    digest = hmac.digest(b"password", password.encode("utf-8", "surrogatepass"), hashlib.sha256)
    return base64.b64encode(digest).decode()


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says."""

    user_id: UUID
    session_id: UUID
    jti: UUID
    issued_at: datetime
    expires_at: datetime


class TokenCodec:
    """Issues and reads HS256 tokens of one instance.

    Every token must carry `iss` and `aud` equal to PROJECT_ID, so a token of another instance is refused even under
    the same key; the header must be, byte for byte, the one that we write, which settles algorithm, type and critical
    extensions before anything is parsed. Verified access tokens are remembered until they expire.
    """

    def __init__(self, settings: Settings) -> None:
        self._project = settings.project_id
        self._key = settings.secret_key.get_secret_value()
        self._keys = (self._key, *(key.get_secret_value() for key in settings.secret_keys_previous))
        self._access_life = timedelta(minutes=settings.access_token_expire_minutes)
        self._refresh_life = timedelta(days=settings.refresh_token_expire_days)
        self._prefixes = {kind: self._header_segment(kind) for kind in ("access", "refresh")}
        self._verified: OrderedDict[str, tuple[float, Claims]] = OrderedDict()

    def issue_access(self, user_id: UUID, session_id: UUID) -> str:
        """A short-lived bearer token."""
        return self._issue("access", user_id, session_id, new_id(), datetime.now(UTC), self._access_life)

    def issue_refresh(self, user_id: UUID, session_id: UUID, jti: UUID, issued_at: datetime) -> str:
        """A refresh token; equal arguments give equal bytes, so that a repeated refresh can be answered alike."""
        return self._issue("refresh", user_id, session_id, jti, issued_at, self._refresh_life)

    def refresh_expiry(self, issued_at: datetime) -> datetime:
        """When a refresh token issued then will end."""
        return issued_at + self._refresh_life

    def read_access(self, token: str) -> Claims:
        """Verified claims of an access token.

        Raises:
            Unauthorized: forged, expired, of another kind or instance.
        """
        remembered = self._verified.get(token)
        if remembered is not None and remembered[0] > time.time():
            return remembered[1]
        claims = self._read("access", token)
        self._verified[token] = (claims.expires_at.timestamp(), claims)
        if len(self._verified) > CLAIMS_CACHE_SIZE:
            self._verified.popitem(last=False)
        return claims

    def read_refresh(self, token: str) -> Claims:
        """Verified claims of a refresh token.

        Raises:
            Unauthorized: forged, expired, of another kind or instance.
        """
        return self._read("refresh", token)

    def _issue(self, kind: Kind, user_id: UUID, session_id: UUID, jti: UUID, at: datetime, life: timedelta) -> str:
        issued = int(at.timestamp())
        claims = {
            "iss": self._project,
            "aud": self._project,
            "sub": str(user_id),
            "sid": str(session_id),
            "jti": str(jti),
            "iat": issued,
            "exp": issued + int(life.total_seconds()),
        }
        token: str = jwt.encode(claims, self._key, algorithm="HS256", headers=_HEADERS[kind])
        return token

    def _header_segment(self, kind: Kind) -> str:
        token: str = jwt.encode({}, self._key, algorithm="HS256", headers=_HEADERS[kind])
        return token.split(".", 1)[0] + "."

    def _read(self, kind: Kind, token: str) -> Claims:
        if (
            len(token) > MAXIMUM_TOKEN_CHARACTERS
            or not _SHAPE.fullmatch(token)
            or not token.startswith(self._prefixes[kind])
        ):
            raise Unauthorized(f"This is not a valid {kind} token of this instance.")
        for key in self._keys:
            claims = self._verify(key, token)
            if claims is not None:
                return claims
        raise Unauthorized(f"The {kind} token is expired or not valid here; log in again.")

    def _verify(self, key: str, token: str) -> Claims | None:
        try:
            claims = jwt.decode(
                token, key, algorithms=["HS256"], audience=self._project, issuer=self._project, options=_OPTIONS
            )
            # The library is content when ours is one of several audiences.
            return _claims(claims) if claims["aud"] == self._project else None
        except (JOSEError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
            return None


def _claims(raw: dict[str, Any]) -> Claims:
    if type(raw["iat"]) is not int or not 0 <= raw["iat"] < raw["exp"]:
        raise ValueError("not issued at a time before its end")
    issued_at = datetime.fromtimestamp(raw["iat"], UTC)
    if issued_at > datetime.now(UTC) + timedelta(seconds=CLOCK_LEEWAY_SECONDS):
        raise ValueError("issued in the future")
    return Claims(
        user_id=UUID(raw["sub"]),
        session_id=UUID(raw["sid"]),
        jti=UUID(raw["jti"]),
        issued_at=issued_at,
        expires_at=datetime.fromtimestamp(raw["exp"], UTC),
    )
