"""In-memory twins of the repositories, with commit and rollback."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from shared.auth import PasswordHasher
from shared.config import Settings
from shared.database import Session
from shared.errors import ServiceUnavailable
from shared.identity import SessionCache
from shared.models.project import ProjectRole
from shared.models.user import PublicUser
from shared.object_store import ObjectInfo, ObjectStore

from ..app.clients.upstreams import Upstreams
from ..app.core.exceptions import UpstreamUnavailable
from ..app.repositories import Repositories, UnitOfWork
from ..app.repositories.projects import MemberRecord, ProjectRecord, Projects
from ..app.repositories.sessions import NewSession, Sessions, TokenFamily
from ..app.repositories.users import Credentials, NamedUser, NewUser, Users

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
    projects: dict[UUID, ProjectRecord] = field(default_factory=dict)
    members: dict[tuple[UUID, UUID], ProjectRole] = field(default_factory=dict)


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
        if not self._tables.users.get(new.user_id, (None, False))[1]:
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

    async def revoke_all(self, user_id: UUID, reason: str) -> list[UUID]:
        ended = [key for key, row in self._tables.sessions.items() if row.new.user_id == user_id and not row.revoked]
        for session_id in ended:
            self._tables.sessions[session_id].revoked = reason
        return ended

    async def forget_expired(self) -> None:
        return


class FakeProjects(Projects):
    """Projects in a dictionary."""

    def __init__(self, tables: Tables) -> None:
        super().__init__(NO_DATABASE)
        self._tables = tables

    async def insert(self, project_id: UUID, name: str, description: str, created_by: UUID) -> None:
        at = START + timedelta(seconds=len(self._tables.projects))
        self._tables.projects[project_id] = ProjectRecord(project_id, name, description, "owner", None, at, at)
        await self.add_member(project_id, created_by, ProjectRole.OWNER)

    async def seen_by(self, user_id: UUID, project_id: UUID) -> ProjectRecord | None:
        role = self._tables.members.get((project_id, user_id))
        return None if role is None else replace(self._tables.projects[project_id], role=role.value)

    async def lock(self, user_id: UUID, project_id: UUID) -> ProjectRecord | None:
        return await self.seen_by(user_id, project_id)

    async def page_of(self, user_id: UUID, limit: int, before: UUID | None) -> list[ProjectRecord]:
        mine = sorted((key[0] for key in self._tables.members if key[1] == user_id), reverse=True)
        return [self._tables.projects[key] for key in mine if before is None or key < before][:limit]

    async def update(self, project_id: UUID, name: str, description: str) -> None:
        old = self._tables.projects[project_id]
        later = old.updated_at + timedelta(seconds=1)
        self._tables.projects[project_id] = replace(old, name=name, description=description, updated_at=later)

    async def delete(self, project_id: UUID) -> None:
        del self._tables.projects[project_id]
        for key in [key for key in self._tables.members if key[0] == project_id]:
            del self._tables.members[key]

    async def add_member(self, project_id: UUID, user_id: UUID, role: ProjectRole) -> bool:
        if (project_id, user_id) in self._tables.members:
            return False
        self._tables.members[project_id, user_id] = role
        return True

    async def members_of(self, project_id: UUID, limit: int, before: UUID | None) -> list[MemberRecord]:
        found = sorted((key[1] for key in self._tables.members if key[0] == project_id), reverse=True)
        emails = {user_id: user.email for user_id, (user, _) in self._tables.users.items()}
        rows = [MemberRecord(key, emails.get(key, ""), self._tables.members[project_id, key]) for key in found]
        return [row for row in rows if before is None or row.user_id < before][:limit]


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
                yield Repositories(FakeUsers(self.tables), FakeSessions(self.tables), FakeProjects(self.tables))
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


class FakeStore(ObjectStore):
    """Keys in a set."""

    def __init__(self) -> None:
        self.keys: set[str] = set()
        self.away = False

    async def list(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        if self.away:
            raise ServiceUnavailable("The object store is away.")
        for key in sorted(self.keys):
            if key.startswith(prefix):
                yield ObjectInfo(key, 1, START)

    async def remove(self, *keys: str) -> None:
        self.keys -= set(keys)


class CountingHasher(PasswordHasher):
    """The real hasher, counting its work."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.verified: list[bool] = []

    async def verify(self, password: str, hashed: str | None) -> bool:
        fits = await super().verify(password, hashed)
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
