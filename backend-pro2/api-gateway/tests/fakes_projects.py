"""In-memory twins of projects, their members, invitations and removals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from shared.config import Settings
from shared.database import Database, Session
from shared.ids import new_id
from shared.models.project import ProjectRole
from shared.redis_client import RedisClient
from shared.tasks import NewTask, Task, TaskLedger

from ..app.repositories.invitations import InvitationRecord, Invitations, NewInvitation
from ..app.repositories.members import MemberRecord, Members
from ..app.repositories.projects import ProjectFilter, ProjectRecord, Projects
from ..app.repositories.removals import Removals, StuckRemoval

if TYPE_CHECKING:
    from .fakes import Tables

NO_DATABASE = cast("Session", None)
START = datetime(2026, 1, 31, 12, tzinfo=UTC)


@dataclass
class Sent:
    """An invitation, and the hash of what its mail holds."""

    record: InvitationRecord
    token_sha256: bytes | None = None
    accepted_by: UUID | None = None


@dataclass
class ProjectTables:
    """What the database holds of this."""

    projects: dict[UUID, ProjectRecord] = field(default_factory=dict)
    members: dict[tuple[UUID, UUID], ProjectRole] = field(default_factory=dict)
    invitations: dict[UUID, Sent] = field(default_factory=dict)
    stuck: list[StuckRemoval] = field(default_factory=list)


class FakeProjects(Projects):
    """Projects in a dictionary; nothing needs a lock."""

    def __init__(self, tables: ProjectTables) -> None:
        super().__init__(NO_DATABASE)
        self._tables = tables

    async def insert(self, project_id: UUID, name: str, description: str, created_by: UUID) -> None:
        at = START + timedelta(seconds=len(self._tables.projects))
        self._tables.projects[project_id] = ProjectRecord(project_id, name, description, "owner", None, at, at)
        self._tables.members[project_id, created_by] = ProjectRole.OWNER

    async def seen_by(self, user_id: UUID, project_id: UUID) -> ProjectRecord | None:
        role = self._tables.members.get((project_id, user_id))
        return None if role is None else replace(self._tables.projects[project_id], role=role.value)

    async def lock(self, user_id: UUID, project_id: UUID) -> ProjectRecord | None:
        return await self.seen_by(user_id, project_id)

    async def lock_alone(self, user_id: UUID, project_id: UUID) -> ProjectRecord | None:
        return await self.seen_by(user_id, project_id)

    async def hold(self, project_id: UUID) -> bool:
        return project_id in self._tables.projects

    async def page_of(
        self, user_id: UUID, wanted: ProjectFilter, limit: int, before: UUID | None
    ) -> list[ProjectRecord]:
        return [row for row in self._page(user_id, wanted, before) if row.role is not None][:limit]

    async def page_of_all(
        self, user_id: UUID, wanted: ProjectFilter, limit: int, before: UUID | None
    ) -> list[ProjectRecord]:
        return self._page(user_id, wanted, before)[:limit]

    def _page(self, user_id: UUID, wanted: ProjectFilter, before: UUID | None) -> list[ProjectRecord]:
        rows = [
            replace(row, role=self._tables.members.get((key, user_id)))
            for key, row in sorted(self._tables.projects.items(), reverse=True)
            if (wanted.archived is None or (row.archived_at is not None) == wanted.archived)
            and (wanted.text or "").lower() in f"{row.name}\n{row.description}".lower()
        ]
        return [row for row in rows if before is None or row.id < before]

    async def update(self, project_id: UUID, name: str, description: str) -> None:
        self._change(project_id, name=name, description=description)

    async def archive(self, project_id: UUID) -> None:
        if self._tables.projects[project_id].archived_at is None:
            self._change(project_id, archived_at=START)

    async def restore(self, project_id: UUID) -> None:
        if self._tables.projects[project_id].archived_at is not None:
            self._change(project_id, archived_at=None)

    def _change(self, project_id: UUID, **members: Any) -> None:
        old = self._tables.projects[project_id]
        later = old.updated_at + timedelta(seconds=1)
        self._tables.projects[project_id] = replace(old, updated_at=later, **members)


class FakeMembers(Members):
    """Roles in a dictionary."""

    def __init__(self, tables: Tables) -> None:
        super().__init__(NO_DATABASE)
        self._users = tables.users
        self._members = tables.of_projects.members

    async def add(self, project_id: UUID, user_id: UUID, role: ProjectRole) -> bool:
        is_new = (project_id, user_id) not in self._members
        self._members.setdefault((project_id, user_id), role)
        return is_new

    async def find(self, project_id: UUID, user_id: UUID) -> MemberRecord | None:
        role = self._members.get((project_id, user_id))
        return None if role is None else MemberRecord(user_id, self._email(user_id), role.value)

    async def has_address(self, project_id: UUID, email: str) -> bool:
        return any(key[0] == project_id and self._email(key[1]) == email for key in self._members)

    async def page_of(self, project_id: UUID, limit: int, before: UUID | None) -> list[MemberRecord]:
        found = sorted((key[1] for key in self._members if key[0] == project_id), reverse=True)
        rows = [MemberRecord(key, self._email(key), self._members[project_id, key]) for key in found]
        return [row for row in rows if before is None or row.user_id < before][:limit]

    async def is_owned_without(self, project_id: UUID, user_id: UUID) -> bool:
        return any(
            role is ProjectRole.OWNER and key[0] == project_id and key[1] != user_id and self._is_active(key[1])
            for key, role in self._members.items()
        )

    async def set_role(self, project_id: UUID, user_id: UUID, role: ProjectRole) -> None:
        self._members[project_id, user_id] = role

    async def remove(self, project_id: UUID, user_id: UUID) -> None:
        del self._members[project_id, user_id]

    def _email(self, user_id: UUID) -> str:
        return self._users[user_id][0].email if user_id in self._users else ""

    def _is_active(self, user_id: UUID) -> bool:
        return user_id not in self._users or self._users[user_id][1]


class FakeInvitations(Invitations):
    """Invitations in a dictionary; none expires."""

    def __init__(self, tables: ProjectTables) -> None:
        super().__init__(NO_DATABASE)
        self._sent = tables.invitations

    async def insert(self, new: NewInvitation, days: int) -> InvitationRecord:
        await self.withdraw_address(new.project_id, new.email)
        expires_at = START + timedelta(days=days)
        figures = (new.email, new.role.value, new.invited_by, START, expires_at)
        self._sent[new.id] = Sent(InvitationRecord(new.id, new.project_id, *figures))
        return self._sent[new.id].record

    async def count_open(self, project_id: UUID, *, but_to: str) -> int:
        return sum(record.email != but_to for record in self._open(project_id))

    async def page_of(self, project_id: UUID, limit: int, before: UUID | None) -> list[InvitationRecord]:
        rows = sorted(self._open(project_id), key=lambda record: record.id, reverse=True)
        return [row for row in rows if before is None or row.id < before][:limit]

    async def find(self, token_sha256: bytes) -> InvitationRecord | None:
        found = (sent for sent in self._sent.values() if sent.token_sha256 == token_sha256 and not sent.accepted_by)
        return next((sent.record for sent in found), None)

    async def accept(self, invitation_id: UUID, token_sha256: bytes, user_id: UUID) -> bool:
        self._sent[invitation_id].accepted_by = user_id
        return True

    async def withdraw(self, project_id: UUID, invitation_id: UUID) -> bool:
        is_open = invitation_id in [record.id for record in self._open(project_id)]
        return is_open and self._sent.pop(invitation_id) is not None

    async def withdraw_address(self, project_id: UUID, email: str) -> None:
        for record in [record for record in self._open(project_id) if record.email == email]:
            del self._sent[record.id]

    def _open(self, project_id: UUID) -> list[InvitationRecord]:
        sent = self._sent.values()
        return [one.record for one in sent if one.record.project_id == project_id and one.accepted_by is None]


class FakeRemovals(Removals):
    """A removed project leaves the dictionary at once."""

    def __init__(self, tables: ProjectTables) -> None:
        super().__init__(NO_DATABASE)
        self._tables = tables

    async def lock(self, project_id: UUID) -> bool:
        return project_id in self._tables.projects

    async def bury(self, project_id: UUID) -> None:
        del self._tables.projects[project_id]
        for key in [key for key in self._tables.members if key[0] == project_id]:
            del self._tables.members[key]
        await self._withdraw_all(project_id)

    async def stuck(self, limit: int) -> list[StuckRemoval]:
        return self._tables.stuck[:limit]

    async def forget(self, limit: int) -> int:
        return 0

    async def _withdraw_all(self, project_id: UUID) -> None:
        sent = self._tables.invitations
        for invitation_id in [key for key, one in sent.items() if one.record.project_id == project_id]:
            del sent[invitation_id]


class FakeLedger(TaskLedger):
    """Accepts every task; `finish`, if given, says how one looks once it was waited for."""

    def __init__(self, finish: Callable[[Task], Task] = lambda task: task) -> None:
        settings = Settings()
        super().__init__(Database(settings), RedisClient(settings), settings)
        self.submitted: list[Task] = []
        self.rung: list[UUID] = []
        self._finish = finish

    async def submit(self, session: Session, new: NewTask) -> Task:
        task = Task(
            id=new_id(),
            kind=new.kind,
            queue=new.queue,
            status="queued",
            priority=new.priority,
            project_id=new.project_id,
            dataset_id=new.dataset_id,
            version=new.version,
            params=new.params,
            attempts=0,
            max_attempts=3,
            claims=0,
            waiting_for=0,
            not_before=None,
            deadline=None,
            schedule_id=None,
            worker=None,
            lease_until=None,
            cancel_requested=False,
            progress_done=0,
            progress_total=0,
            progress_message="",
            error_code=None,
            error_detail=None,
            request_id=new.request_id,
            created_by=new.created_by,
            created_at=START,
            started_at=None,
            finished_at=None,
        )
        self.submitted.append(task)
        return task

    async def ring(self, task: Task) -> None:
        self.rung.append(task.id)

    async def ring_and_wait(self, task: Task, user_id: UUID, seconds: float) -> Task:
        await self.ring(task)
        return await self.wait(task.id, user_id, seconds) if seconds > 0 else task

    async def wait(self, task_id: UUID, user_id: UUID, seconds: float) -> Task:
        return self._finish(next(task for task in self.submitted if task.id == task_id))


def project_twins(tables: Tables) -> dict[str, Any]:
    """The twins, by their names in the bundle."""
    return {
        "projects": FakeProjects(tables.of_projects),
        "members": FakeMembers(tables),
        "invitations": FakeInvitations(tables.of_projects),
        "removals": FakeRemovals(tables.of_projects),
    }
