"""In-memory twins of what logins, passwords, keys and mails are kept in."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from shared.config import Settings
from shared.database import Session
from shared.redis_client import RedisClient, RedisUnavailable

from ..app.repositories import Repositories
from ..app.repositories.accounts import Account, Accounts
from ..app.repositories.api_keys import ApiKeyRecord, ApiKeys, NewApiKey
from ..app.repositories.mails import MailKind, Mails, RequestedKind
from ..app.repositories.one_time_tokens import NewToken, OneTimeTokens, Purpose, TokenOwner

if TYPE_CHECKING:
    from email.message import EmailMessage

    from .fakes import Tables

NO_DATABASE = cast("Session", None)


@dataclass
class Token:
    """A token that was mailed."""

    new: NewToken
    expires_at: datetime
    used: bool = False


@dataclass
class Mail:
    """A mail in the outbox."""

    kind: str
    recipient: str
    user_id: UUID | None
    invitation_id: UUID | None = None


@dataclass
class AuthTables:
    """What the database holds of this."""

    verified: set[UUID] = field(default_factory=set)
    tokens: dict[bytes, Token] = field(default_factory=dict)
    keys: dict[UUID, tuple[NewApiKey, bool]] = field(default_factory=dict)
    mails: list[Mail] = field(default_factory=list)
    project_names: list[str] = field(default_factory=list)


class FakeAccounts(Accounts):
    """Passwords and proofs of users in a dictionary; nothing needs a lock."""

    def __init__(self, tables: Tables) -> None:
        super().__init__(NO_DATABASE)
        self._tables = tables

    async def by_email(self, email: str, address: str) -> Account | None:
        found = (user.id for user, _ in self._tables.users.values() if user.email == email)
        user_id = next(found, None)
        return None if user_id is None else await self.by_id(user_id, address)

    async def by_id(self, user_id: UUID, address: str) -> Account | None:
        if user_id not in self._tables.users:
            return None
        user, is_active = self._tables.users[user_id]
        familiar = any(
            row.new.user_id == user_id and row.new.address == address for row in self._tables.sessions.values()
        )
        verified = user_id in self._tables.auth.verified
        return Account(user_id, user.email, user.full_name, user.password_hash, is_active, verified, familiar)

    async def lock(self, user_id: UUID) -> bool:
        return self._tables.users.get(user_id, (None, False))[1]

    async def change_password(self, user_id: UUID, former_hash: str, password_hash: str) -> bool:
        user, is_active = self._tables.users[user_id]
        if user.password_hash != former_hash or not is_active:
            return False
        self._tables.users[user_id] = (replace(user, password_hash=password_hash), True)
        return True

    async def reset_password(self, user_id: UUID, password_hash: str) -> None:
        user, is_active = self._tables.users[user_id]
        self._tables.users[user_id] = (replace(user, password_hash=password_hash), is_active)
        self._tables.auth.verified.add(user_id)

    async def verify_email(self, user_id: UUID) -> None:
        self._tables.auth.verified.add(user_id)

    async def project_names(self, user_id: UUID) -> list[str]:
        return self._tables.auth.project_names


class FakeOneTimeTokens(OneTimeTokens):
    """Mailed tokens in a dictionary."""

    def __init__(self, tables: Tables) -> None:
        super().__init__(NO_DATABASE)
        self._tables = tables

    async def insert(self, new: NewToken) -> None:
        self._tables.auth.tokens[new.sha256] = Token(new, datetime.now(UTC) + new.life)

    async def owner_of(self, sha256: bytes, purpose: Purpose) -> TokenOwner | None:
        token = self._tables.auth.tokens.get(sha256)
        if token is None or token.used or token.new.purpose != purpose or token.expires_at <= datetime.now(UTC):
            return None
        user, is_active = self._tables.users[token.new.user_id]
        fits = is_active and user.email == token.new.email
        return TokenOwner(user.id, user.email, user.full_name) if fits else None

    async def use(self, sha256: bytes, purpose: Purpose) -> bool:
        if await self.owner_of(sha256, purpose) is None:
            return False
        self._tables.auth.tokens[sha256].used = True
        return True

    async def void(self, user_id: UUID, purpose: Purpose) -> None:
        for token in self._tables.auth.tokens.values():
            token.used |= token.new.user_id == user_id and token.new.purpose == purpose


class FakeMails(Mails):
    """The outbox in a list."""

    def __init__(self, tables: Tables) -> None:
        super().__init__(NO_DATABASE)
        self._tables = tables

    async def enqueue(
        self, kind: MailKind, recipient: str, *, user_id: UUID | None = None, invitation_id: UUID | None = None
    ) -> None:
        self._tables.auth.mails.append(Mail(kind, recipient, user_id, invitation_id))

    async def enqueue_for_address(self, kind: RequestedKind, email: str) -> None:
        found = [user.id for user, is_active in self._tables.users.values() if user.email == email and is_active]
        await self.enqueue(kind, email, user_id=found[0] if found else None)


class FakeApiKeys(ApiKeys):
    """Keys in a dictionary; the flag says whether one was revoked."""

    def __init__(self, tables: Tables) -> None:
        super().__init__(NO_DATABASE)
        self._keys = tables.auth.keys

    async def insert(self, new: NewApiKey) -> datetime:
        self._keys[new.id] = (new, False)
        return datetime.now(UTC)

    async def count_live(self, user_id: UUID) -> int:
        return sum(key.user_id == user_id and not revoked for key, revoked in self._keys.values())

    async def page_of(self, user_id: UUID, limit: int, before: UUID | None) -> list[ApiKeyRecord]:
        at = datetime.now(UTC)
        mine = [key for key, revoked in self._keys.values() if key.user_id == user_id and not revoked]
        rows = [
            ApiKeyRecord(key.id, key.name, key.prefix, [*key.scopes], at, key.expires_at, None)
            for key in sorted(mine, key=lambda key: key.id, reverse=True)
        ]
        return [row for row in rows if before is None or row.id < before][:limit]

    async def revoke(self, user_id: UUID, key_id: UUID) -> bool:
        key, revoked = self._keys.get(key_id, (None, True))
        if key is None or revoked or key.user_id != user_id:
            return False
        self._keys[key_id] = (key, True)
        return True


def auth_twins(tables: Tables) -> dict[str, Any]:
    """The twins, by their names in the bundle."""
    return {
        "accounts": FakeAccounts(tables),
        "one_time_tokens": FakeOneTimeTokens(tables),
        "mails": FakeMails(tables),
        "api_keys": FakeApiKeys(tables),
    }


def bundle(**twins: Any) -> Repositories:
    """Repositories of which those that a test does not need are missing."""
    return Repositories(**{**{one.name: None for one in fields(Repositories)}, **twins})


def mailed(tables: Tables, user_id: UUID, purpose: Purpose, sha256: bytes) -> None:
    """As if a token had been sent to the user's present address."""
    email = tables.users[user_id][0].email
    new = NewToken(sha256, user_id, purpose, email, timedelta(hours=1))
    tables.auth.tokens[sha256] = Token(new, datetime.now(UTC) + new.life)


class AwayRedis(RedisClient):
    """Redis does not answer."""

    def __init__(self) -> None:
        super().__init__(Settings())

    async def eval(self, script: str, keys: object, arguments: object) -> Any:
        raise RedisUnavailable


class Postbox:
    """Takes mails, or refuses them as told."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.refusals: list[Exception] = []
        self.arrived = asyncio.Event()

    async def send(self, message: EmailMessage, name: str) -> None:
        if self.refusals:
            raise self.refusals.pop(0)
        self.mails.append(message)
        self.arrived.set()
