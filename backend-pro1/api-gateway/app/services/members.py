"""Members of a project: who may see it, and in which role."""

from uuid import UUID

from shared.errors import NotFound
from shared.idempotency import keep_answer
from shared.logging import get_logger
from shared.models.project import ProjectRole
from shared.pagination import decode_cursor, page_of
from shared.schemas import Page

from ..core.exceptions import AlreadyMember, LastOwner
from ..repositories import Repositories, UnitOfWork
from ..repositories.members import MemberRecord
from ..schemas.members import Member, MemberAdd
from .projects import require_role, seen

log = get_logger(__name__)


class MemberService:
    """Use cases of /projects/{id}/members. Each that changes something holds the project, so they come in turn.

    Raises (all methods):
        NotFound: the project is absent or not the user's to see, or the member is none.
    """

    def __init__(self, begin: UnitOfWork) -> None:
        self._begin = begin

    async def list(self, user_id: UUID, project_id: UUID, limit: int, cursor: str | None) -> Page[Member]:
        """One page of those who may see a project."""
        before = decode_cursor(cursor)
        async with self._begin(read_only=True) as repositories:
            seen(await repositories.projects.seen_by(user_id, project_id))
            rows = await repositories.members.page_of(project_id, limit + 1, before)
        return page_of(rows, limit, _body, lambda row: row.user_id)

    async def add(self, user_id: UUID, project_id: UUID, new: MemberAdd) -> Member:
        """Let a user in; only owners may.

        Raises:
            NotFound: also `user_not_found`.
            Forbidden: the user does not own it.
            AlreadyMember: the other is in it already.
        """
        async with self._begin() as repositories:
            require_role(seen(await repositories.projects.lock(user_id, project_id)), ProjectRole.OWNER)
            user = await repositories.users.active(new.email, new.user_id)
            if user is None:
                raise NotFound("No active user has this address or id.", code="user_not_found")
            if not await repositories.members.add(project_id, user.id, new.role):
                raise AlreadyMember
            # Who is in needs no invitation, and none may change the role later.
            await repositories.invitations.withdraw_address(project_id, user.email)
            member = Member(user_id=user.id, email=user.email, role=new.role)
            await keep_answer(repositories.session, member)
        log.info("project_member_added", project_id=str(project_id), user_id=str(user.id), role=new.role)
        return member

    async def change(self, user_id: UUID, project_id: UUID, member_id: UUID, role: ProjectRole) -> Member:
        """Give a member another role; only owners may.

        Raises:
            Forbidden: the user does not own it.
            LastOwner: nobody who can log in would own it.
        """
        async with self._begin() as repositories:
            require_role(seen(await repositories.projects.lock(user_id, project_id)), ProjectRole.OWNER)
            member = await _member(repositories, project_id, member_id)
            if role is not ProjectRole.OWNER:
                await _keep_an_owner(repositories, project_id, member)
            await repositories.members.set_role(project_id, member_id, role)
        log.info("project_member_changed", project_id=str(project_id), user_id=str(member_id), role=role)
        return Member(user_id=member_id, email=member.email, role=role)

    async def remove(self, user_id: UUID, project_id: UUID, member_id: UUID) -> None:
        """Let a member go: owners decide about everybody, and everybody may leave.

        Raises:
            Forbidden: it is somebody else, and the user does not own the project.
            LastOwner: nobody who can log in would own it.
        """
        async with self._begin() as repositories:
            project = seen(await repositories.projects.lock(user_id, project_id))
            if member_id != user_id:
                require_role(project, ProjectRole.OWNER)
            await _keep_an_owner(repositories, project_id, await _member(repositories, project_id, member_id))
            await repositories.members.remove(project_id, member_id)
        log.info("project_member_removed", project_id=str(project_id), user_id=str(member_id))


async def _member(repositories: Repositories, project_id: UUID, member_id: UUID) -> MemberRecord:
    found = await repositories.members.find(project_id, member_id)
    if found is None:
        raise NotFound
    return found


async def _keep_an_owner(repositories: Repositories, project_id: UUID, member: MemberRecord) -> None:
    is_owner = member.role == ProjectRole.OWNER
    if is_owner and not await repositories.members.is_owned_without(project_id, member.user_id):
        raise LastOwner


def _body(row: MemberRecord) -> Member:
    return Member(user_id=row.user_id, email=row.email, role=ProjectRole(row.role))
