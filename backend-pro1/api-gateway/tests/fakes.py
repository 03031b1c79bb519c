"""In-memory twins of the repositories, with commit and rollback."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from shared.auth import PasswordHasher
from shared.config import Settings
from shared.database import Session
from shared.identity import SessionCache
from shared.models.user import PublicUser

from ..app.clients.upstreams import Upstreams
from ..app.core.exceptions import UpstreamUnavailable
from ..app.repositories import Repositories, UnitOfWork
from ..app.repositories.sessions import NewSession, Sessions, TokenFamily
from ..app.repositories.users import Credentials, NamedUser, NewUser, Users
from .fakes_auth import AuthTables, auth_twins, bundle
from .fakes_projects import ProjectTables, project_twins

NO_DATABASE = cast("Session", None)
START = datetime(2026, 1, 31, 12, tzinfo=UTC)


def unit_settings(**changes: object) -> Settings:
    """Settings that no environment reaches, with the cheapest hash."""
    return Settings.model_validate({"secret_key": "unit-" * 10, "bcrypt_rounds": 4, **changes})


class Clock:
    """A clock that tests move."""

    def __init__(self, now: datetime | None = None) -> None:
        self.now = now or datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Row:
    """One session."""

    new: NewSession
    family: TokenFamily
    revoked: str | None = None


@dataclass
class Tables:
    """What the database holds."""

    users: dict[UUID, tuple[NewUser, bool]] = field(default_factory=dict)
    sessions: dict[UUID, Row] = field(default_factory=dict)
    of_projects: ProjectTables = field(default_factory=ProjectTables)
    auth: AuthTables = field(default_factory=AuthTables)


class FakeUsers(Users):
    """Users in a dictionary."""

    def __init__(self, tables: Tables) -> None:
        super().__init__(NO_DATABASE)
        self._tables = tables

    async def insert(self, user: NewUser) -> PublicUser | None:
        if await self.credentials_of(user.email) is not None:
            return None
        self._tables.users[user.id] = (user, True)
        return PublicUser(user.id, user.email, user.full_name, user.role, is_active=True, created_at=START)

    async def credentials_of(self, email: str) -> Credentials | None:
        found = (pair for pair in self._tables.users.values() if pair[0].email == email)
        user = next(found, None)
        return None if user is None else Credentials(user[0].id, user[0].password_hash, user[1])

    async def active(self, email: str | None, user_id: UUID | None) -> NamedUser | None:
        for user, is_active in self._tables.users.values():
            if is_active and (user.email == email or user.id == user_id):
                return NamedUser(user.id, user.email)
        return None


class FakeSessions(Sessions):
    """Sessions in a dictionary."""

    def __init__(self, tables: Tables) -> None:
        super().__init__(NO_DATABASE)
        self._tables = tables

    async def insert(self, new: NewSession) -> bool:
        user, is_active = self._tables.users.get(new.user_id, (None, False))
        if user is None or not is_active or user.password_hash != new.password_hash:
            return False
        family = TokenFamily(new.id, new.refresh_jti, new.refresh_issued_at, None, None)
        self._tables.sessions[new.id] = Row(new, family)
        return True

    async def lock(self, session_id: UUID, user_id: UUID) -> TokenFamily | None:
        row = self._tables.sessions.get(session_id)
        if row is None or row.revoked or row.new.user_id != user_id or not self._tables.users[user_id][1]:
            return None
        return row.family

    async def rotate(self, session_id: UUID, successor: UUID, at: datetime, expires_at: datetime) -> None:
        row = self._tables.sessions[session_id]
        previous = row.family.refresh_jti
        row.family = TokenFamily(session_id, successor, at, previous, at)

    async def revoke(self, session_id: UUID, reason: str) -> None:
        row = self._tables.sessions.get(session_id)
        if row is not None and row.revoked is None:
            row.revoked = reason

    async def revoke_all(self, user_id: UUID, reason: str, *, but: UUID | None = None) -> list[UUID]:
        live = [key for key, row in self._tables.sessions.items() if row.new.user_id == user_id and not row.revoked]
        ended = [key for key in live if key != but]
        for session_id in ended:
            self._tables.sessions[session_id].revoked = reason
        return ended

    async def revoke_own(self, user_id: UUID, session_id: UUID, reason: str) -> bool:
        row = self._tables.sessions.get(session_id)
        if row is None or row.revoked or row.new.user_id != user_id:
            return False
        row.revoked = reason
        return True


class FakeDatabase:
    """Transactions over the tables: what a block that raises has changed is undone."""

    def __init__(self) -> None:
        self.tables = Tables()

    def deactivate(self, user_id: UUID) -> None:
        self.tables.users[user_id] = (self.tables.users[user_id][0], False)

    def unit_of_work(self) -> UnitOfWork:
        @asynccontextmanager
        async def begin(*, read_only: bool = False) -> AsyncIterator[Repositories]:
            before = deepcopy(self.tables)
            try:
                yield bundle(
                    users=FakeUsers(self.tables),
                    sessions=FakeSessions(self.tables),
                    **project_twins(self.tables),
                    **auth_twins(self.tables),
                )
            except BaseException:
                vars(self.tables).update(vars(before))
                raise

        return begin


class FakeCache(SessionCache):
    """Notes which sessions were ended."""

    def __init__(self) -> None:
        self.ended: list[UUID] = []

    async def forget(self, session_ids: object) -> None:
        assert isinstance(session_ids, list)
        self.ended.extend(session_ids)


class CountingHasher(PasswordHasher):
    """The real hasher, counting its work."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.verified: list[bool] = []

    async def verify(
        self, password: str, hashed: str | None, *, first: Callable[[], Awaitable[None]] | None = None
    ) -> bool:
        fits = await super().verify(password, hashed, first=first)
        self.verified.append(hashed is not None)
        return fits


class FakeUpstreams(Upstreams):
    """Services that know one document each, or are away."""

    def __init__(self, documents: dict[str, Any]) -> None:
        super().__init__({})
        self.documents = documents
        self.asked = 0

    async def json(self, service: str, path: str, *, seconds: float) -> Any:
        self.asked += 1
        if service not in self.documents:
            raise UpstreamUnavailable(service)
        return self.documents[service]
