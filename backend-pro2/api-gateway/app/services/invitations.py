"""Invitations: people are asked by mail to join a project, whether or not they have an account yet."""

import hashlib
from collections.abc import Callable
from uuid import UUID

from shared.config import Settings
from shared.errors import NotFound
from shared.idempotency import keep_answer
from shared.identity import Caller
from shared.ids import new_id
from shared.logging import get_logger
from shared.models.project import ProjectRole
from shared.pagination import decode_cursor, page_of
from shared.schemas import Page

from ..core.exceptions import AlreadyMember, InvalidLink, TooManyInvitations
from ..repositories import UnitOfWork
from ..repositories.invitations import InvitationRecord, NewInvitation
from ..schemas.invitations import Invitation, InvitationCreate
from ..schemas.projects import Project
from .projects import require_role, seen

log = get_logger(__name__)

MAXIMUM_OPEN = 100


class InvitationService:
    """Use cases of /projects/{id}/invitations, for owners, and of accepting one.

    Raises (all methods that name a project):
        NotFound: it is absent or not the user's to see.
        Forbidden: the user does not own it.
    """

    def __init__(self, begin: UnitOfWork, settings: Settings, wake_mailer: Callable[[], None]) -> None:
        self._begin = begin
        self._days = settings.invitation_days
        self._wake_mailer = wake_mailer

    async def create(self, user_id: UUID, project_id: UUID, new: InvitationCreate) -> Invitation:
        """Ask somebody; an open invitation to the same address is replaced, and its link is dead.

        Raises:
            AlreadyMember: a member has this address.
            TooManyInvitations: a hundred others are open.
        """
        invitation = NewInvitation(new_id(), project_id, new.email, new.role, user_id)
        async with self._begin() as repositories:
            require_role(seen(await repositories.projects.lock(user_id, project_id)), ProjectRole.OWNER)
            if await repositories.members.has_address(project_id, new.email):
                raise AlreadyMember
            if await repositories.invitations.count_open(project_id, but_to=new.email) >= MAXIMUM_OPEN:
                raise TooManyInvitations(f"{MAXIMUM_OPEN} invitations to this project are open; withdraw some first.")
            made = _body(await repositories.invitations.insert(invitation, self._days))
            await repositories.mails.enqueue("invitation", new.email, invitation_id=invitation.id)
            await keep_answer(repositories.session, made)
        self._wake_mailer()
        log.info("project_invitation_created", project_id=str(project_id), invitation_id=str(invitation.id))
        return made

    async def list(self, user_id: UUID, project_id: UUID, limit: int, cursor: str | None) -> Page[Invitation]:
        """One page of the open invitations, newest first."""
        before = decode_cursor(cursor)
        async with self._begin(read_only=True) as repositories:
            require_role(seen(await repositories.projects.seen_by(user_id, project_id)), ProjectRole.OWNER)
            rows = await repositories.invitations.page_of(project_id, limit + 1, before)
        return page_of(rows, limit, _body, lambda row: row.id)

    async def withdraw(self, user_id: UUID, project_id: UUID, invitation_id: UUID) -> None:
        """Take an open invitation back; its link is dead.

        Raises:
            NotFound: also when no such invitation is open.
        """
        async with self._begin() as repositories:
            require_role(seen(await repositories.projects.lock(user_id, project_id)), ProjectRole.OWNER)
            if not await repositories.invitations.withdraw(project_id, invitation_id):
                raise NotFound
        log.info("project_invitation_withdrawn", project_id=str(project_id), invitation_id=str(invitation_id))

    async def accept(self, caller: Caller, token: str) -> Project:
        """Become a member; who is one already keeps the role.

        Raises:
            InvalidLink: the token is unknown, used, expired or withdrawn, went to another address than the caller's,
                or whoever sent it owns the project no more; which, is not told.
        """
        token_sha256 = hashlib.sha256(token.encode()).digest()
        async with self._begin() as repositories:
            invitation = await repositories.invitations.find(token_sha256)
            if invitation is None or invitation.email != caller.email:
                raise InvalidLink
            if not await repositories.projects.hold(invitation.project_id):
                raise InvalidLink
            if not await repositories.invitations.accept(invitation.id, token_sha256, caller.id):
                raise InvalidLink
            await repositories.members.add(invitation.project_id, caller.id, ProjectRole(invitation.role))
            project = seen(await repositories.projects.seen_by(caller.id, invitation.project_id))
            await keep_answer(repositories.session, project)
        log.info("project_invitation_accepted", project_id=str(project.id), invitation_id=str(invitation.id))
        return project


def _body(row: InvitationRecord) -> Invitation:
    return Invitation(
        id=row.id,
        email=row.email,
        role=ProjectRole(row.role),
        invited_by=row.invited_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )
