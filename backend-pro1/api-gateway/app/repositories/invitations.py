"""The table `project_invitations`. What a mail holds is made and hashed when it is sent: repositories/mails.py."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.database import Session
from shared.models.project import ProjectRole

# It is worth no more than what the one who sent it may still do: an owner who lost the project has no way back in.
_OPEN = """
accepted_at IS NULL AND expires_at > now()
AND EXISTS (SELECT FROM project_members m JOIN users u ON u.id = m.user_id
            WHERE m.project_id = i.project_id AND m.user_id = i.invited_by AND m.role = 'owner' AND u.is_active)
"""

_COUNT = f"""
SELECT count(*) FROM project_invitations i WHERE project_id = $1 AND email <> $2 AND {_OPEN}
"""  # noqa: S608 - a constant

_PAGE = f"""
SELECT id, project_id, email, role, invited_by, created_at, expires_at
FROM project_invitations i
WHERE project_id = $1 AND id < coalesce($2, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid) AND {_OPEN}
ORDER BY id DESC
LIMIT $3
"""  # noqa: S608 - a constant

_FIND = f"""
SELECT id, project_id, email, role, invited_by, created_at, expires_at
FROM project_invitations i
WHERE token_sha256 = $1 AND {_OPEN}
"""  # noqa: S608 - a constant

_ACCEPT = f"""
UPDATE project_invitations i SET accepted_at = now(), accepted_by = $3
WHERE id = $1 AND token_sha256 = $2 AND {_OPEN}
"""  # noqa: S608 - a constant


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """Somebody to be asked; the address is in its normal form."""

    id: UUID
    project_id: UUID
    email: str
    role: ProjectRole
    invited_by: UUID


@dataclass(frozen=True, slots=True)
class InvitationRecord:
    """An open invitation."""

    id: UUID
    project_id: UUID
    email: str
    role: str
    invited_by: UUID | None
    created_at: datetime
    expires_at: datetime


class Invitations:
    """People asked to join; it is open until it is accepted or withdrawn, expires, or its sender owns no more."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def insert(self, new: NewInvitation, days: int) -> InvitationRecord:
        """A new invitation in place of any before to this address; mails not sent yet go with that.

        The caller holds the project, so that two to one address come in turn.
        """
        await self.withdraw_address(new.project_id, new.email)
        made = await self._session.fetch_one(
            InvitationRecord,
            """
            INSERT INTO project_invitations (id, project_id, email, role, invited_by, expires_at)
            VALUES ($1, $2, $3, $4, $5, now() + make_interval(days => $6))
            RETURNING id, project_id, email, role, invited_by, created_at, expires_at
            """,
            new.id,
            new.project_id,
            new.email,
            new.role.value,
            new.invited_by,
            days,
        )
        assert made is not None  # noqa: S101 - an INSERT either returns its row or raises
        return made

    async def count_open(self, project_id: UUID, *, but_to: str) -> int:
        """Open invitations of the project to other addresses."""
        count: int = await self._session.fetch_value(_COUNT, project_id, but_to)
        return count

    async def page_of(self, project_id: UUID, limit: int, before: UUID | None) -> list[InvitationRecord]:
        """Up to `limit` open invitations, newest first, older than `before`."""
        return await self._session.fetch_all(InvitationRecord, _PAGE, project_id, before, limit)

    async def find(self, token_sha256: bytes) -> InvitationRecord | None:
        """The open invitation whose last mail holds this token."""
        return await self._session.fetch_one(InvitationRecord, _FIND, token_sha256)

    async def accept(self, invitation_id: UUID, token_sha256: bytes, user_id: UUID) -> bool:
        """Use it up; False if somebody did before, or it was withdrawn or mailed anew meanwhile."""
        return bool(await self._session.execute(_ACCEPT, invitation_id, token_sha256, user_id))

    async def withdraw(self, project_id: UUID, invitation_id: UUID) -> bool:
        """Take one back; False if there is none that is open."""
        return bool(
            await self._session.execute(
                """
                DELETE FROM project_invitations
                WHERE id = $2 AND project_id = $1 AND accepted_at IS NULL AND expires_at > now()
                """,
                project_id,
                invitation_id,
            )
        )

    async def withdraw_address(self, project_id: UUID, email: str) -> None:
        """Take back what was sent to an address and not accepted."""
        await self._session.execute(
            "DELETE FROM project_invitations WHERE project_id = $1 AND email = $2 AND accepted_at IS NULL",
            project_id,
            email,
        )

    async def forget_old(self, limit: int) -> int:
        """Remove up to `limit` invitations that expired a week ago, accepted or not."""
        return await self._session.execute(
            """
            DELETE FROM project_invitations WHERE id IN (
                SELECT id FROM project_invitations WHERE expires_at < now() - interval '7 days'
                LIMIT $1 FOR UPDATE SKIP LOCKED
            )
            """,
            limit,
        )
