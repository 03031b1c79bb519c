"""The table `mails`: an outbox without secrets. Rows are written beside what they tell of, and sent by the mailer."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from shared.database import Session
from shared.ids import new_id

MailKind = Literal["password_reset", "password_changed", "email_changed", "email_verification", "invitation"]
RequestedKind = Literal["password_reset", "email_verification"]
Outcome = Literal["sent", "skipped", "failed"]


@dataclass(frozen=True, slots=True)
class DueMail:
    """A mail that this process has taken on; `attempts` counts the present one."""

    id: UUID
    kind: MailKind
    recipient: str
    user_id: UUID | None
    invitation_id: UUID | None
    attempts: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Addressee:
    """The user behind a mail as they are now."""

    email: str
    is_active: bool
    is_verified: bool


@dataclass(frozen=True, slots=True)
class InvitationFacts:
    """What an invitation says."""

    project_name: str
    inviter: str | None
    role: str
    expires_at: datetime


class Mails:
    """Mail to be sent."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def enqueue(
        self, kind: MailKind, recipient: str, *, user_id: UUID | None = None, invitation_id: UUID | None = None
    ) -> None:
        """Have a mail sent once this transaction commits; wake the mailer then."""
        await self._session.execute(
            "INSERT INTO mails (id, kind, recipient, user_id, invitation_id) VALUES ($1, $2, $3, $4, $5)",
            new_id(),
            kind,
            recipient,
            user_id,
            invitation_id,
        )

    async def enqueue_for_address(self, kind: RequestedKind, email: str) -> None:
        """The same for whoever has this address. Whether anybody does shows in one column, and in nothing else."""
        await self._session.execute(
            """
            INSERT INTO mails (id, kind, recipient, user_id)
            VALUES ($1, $2, $3, (SELECT id FROM users WHERE email = $3 AND is_active
                                 AND ($2::text = 'password_reset' OR email_verified_at IS NULL)))
            """,
            new_id(),
            kind,
            email,
        )

    async def claim(self, lease: timedelta) -> DueMail | None:
        """Take on the mail that is due for longest; if nothing more is heard of it, it is due again after `lease`."""
        return await self._session.fetch_one(
            DueMail,
            """
            UPDATE mails SET attempts = attempts + 1, next_attempt_at = now() + $1::interval
            WHERE id = (
                SELECT id FROM mails WHERE finished_at IS NULL AND next_attempt_at <= now()
                ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED
            )
            RETURNING id, kind, recipient, user_id, invitation_id, attempts, created_at
            """,
            lease,
        )

    async def count_others(self, mail: DueMail) -> int:
        """Mails of this kind to this recipient that were taken on in the last hour; two who count come in turn."""
        await self._session.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended($1::text || ' ' || $2::text, 0))", mail.kind, mail.recipient
        )
        count: int = await self._session.fetch_value(
            """
            SELECT count(*) FROM mails
            WHERE recipient = $1 AND kind = $2 AND id <> $3 AND attempts > 0 AND outcome IS DISTINCT FROM 'skipped'
              AND coalesce(finished_at, now()) > now() - interval '1 hour'
            """,
            mail.recipient,
            mail.kind,
            mail.id,
        )
        return count

    async def addressee(self, user_id: UUID) -> Addressee | None:
        """The user whom a mail concerns."""
        return await self._session.fetch_one(
            Addressee,
            "SELECT email, is_active, email_verified_at IS NOT NULL AS is_verified FROM users WHERE id = $1",
            user_id,
        )

    async def invite(self, invitation_id: UUID, recipient: str, token_sha256: bytes) -> InvitationFacts | None:
        """Give an open invitation its token, in place of one mailed before; None if it is not open any more."""
        return await self._session.fetch_one(
            InvitationFacts,
            """
            UPDATE project_invitations i SET token_sha256 = $3
            FROM projects p
            WHERE i.id = $1 AND i.email = $2 AND i.accepted_at IS NULL AND i.expires_at > now()
              AND p.id = i.project_id AND p.deleted_at IS NULL
              AND EXISTS (SELECT FROM project_members m JOIN users u ON u.id = m.user_id
                          WHERE m.project_id = p.id AND m.user_id = i.invited_by AND m.role = 'owner' AND u.is_active)
            RETURNING p.name AS project_name, i.role, i.expires_at,
                      (SELECT coalesce(u.full_name, u.email) FROM users u WHERE u.id = i.invited_by) AS inviter
            """,
            invitation_id,
            recipient,
            token_sha256,
        )

    async def finish(self, mail_id: UUID, outcome: Outcome) -> None:
        """Done with a mail."""
        await self._session.execute(
            "UPDATE mails SET finished_at = now(), outcome = $2 WHERE id = $1 AND finished_at IS NULL", mail_id, outcome
        )

    async def postpone(self, mail_id: UUID, pause: timedelta) -> None:
        """Try again after `pause`."""
        await self._session.execute(
            "UPDATE mails SET next_attempt_at = now() + $2::interval WHERE id = $1 AND finished_at IS NULL",
            mail_id,
            pause,
        )

    async def count_due(self) -> int:
        """How many wait."""
        count: int = await self._session.fetch_value(
            "SELECT count(*) FROM mails WHERE finished_at IS NULL AND next_attempt_at <= now()"
        )
        return count

    async def forget_old(self, limit: int) -> int:
        """Remove mails of a week ago, and skipped ones, which anybody can cause, after a day; how many."""
        return await self._session.execute(
            """
            DELETE FROM mails WHERE id IN (
                SELECT id FROM mails
                WHERE coalesce(finished_at, created_at)
                    < now() - CASE outcome WHEN 'skipped' THEN interval '1 day' ELSE interval '7 days' END
                LIMIT $1 FOR UPDATE SKIP LOCKED
            )
            """,
            limit,
        )
