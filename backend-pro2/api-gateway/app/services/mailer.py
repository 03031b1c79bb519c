"""Sends what the outbox holds, apart from any request."""

import asyncio
import contextvars
import secrets
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import asyncpg

from shared.config import Settings
from shared.errors import ServiceUnavailable
from shared.logging import get_logger
from shared.metrics import mails as metrics

from ..clients.mail import MailRefused, MailTransport
from ..core.mail_texts import Letter, MailTexts
from ..repositories import Repositories, UnitOfWork
from ..repositories.mails import DueMail
from ..repositories.one_time_tokens import NewToken, Purpose

log = get_logger(__name__)

POLL_SECONDS = 5.0
MAXIMUM_ATTEMPTS = 8
MAXIMUM_AN_HOUR = 5
# The pause after the first failure; each further one is twice as long.
FIRST_PAUSE = timedelta(seconds=15)
# Longer than any attempt takes, so that no other gateway sends the same mail meanwhile.
LEASE = timedelta(minutes=5)
# After that nobody waits for the link any more.
STALE = timedelta(days=1)
GOODBYE_SECONDS = 5.0
ALARM_SECONDS = 60.0


class Mailer:
    """One task a gateway; several gateways take different mails. Tokens are made here, so the outbox holds none."""

    def __init__(self, begin: UnitOfWork, transport: MailTransport | None, settings: Settings) -> None:
        self._begin = begin
        self._transport = transport
        self._texts = MailTexts(instance=settings.project_id, app_url=settings.app_url, sender=settings.mail_from)
        self._reset_life = timedelta(minutes=settings.password_reset_minutes)
        self._verification_life = timedelta(hours=settings.email_verification_hours)
        self._woken = asyncio.Event()
        self._stopping = False
        self._running: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Tell that a transaction with a mail has just committed."""
        self._woken.set()

    def start(self) -> None:
        """Begin."""
        # In a context of its own: it must not log the ids of whoever happened to start it.
        self._running = asyncio.create_task(self._run(), context=contextvars.Context())

    async def close(self) -> None:
        """Stop after the mail that is on its way, if that does not take long."""
        self._stopping = True
        self.wake()
        running, self._running = self._running, None
        if running is not None:
            await asyncio.wait([running], timeout=GOODBYE_SECONDS)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def deliver_next(self) -> bool:
        """Send, skip or postpone the mail that is due for longest; False if none is."""
        if self._transport is None:
            return False
        async with self._begin() as repositories:
            mail = await repositories.mails.claim(LEASE)
            if mail is None:
                return False
            # More than that only if each attempt took its process along.
            given_up = mail.attempts > MAXIMUM_ATTEMPTS
            skipped = given_up or await self._is_one_too_many(repositories, mail)
            if skipped:
                await repositories.mails.finish(mail.id, "failed" if given_up else "skipped")
        letter = None if skipped else await self._letter_or_end(mail)
        if letter is None:
            metrics.handled("failed" if given_up else "skipped")
        else:
            await self._send(self._transport, mail, letter)
        return True

    async def _run(self) -> None:
        while not self._stopping:
            self._woken.clear()
            try:
                while not self._stopping and await self.deliver_next():
                    pass
                if self._transport is None:
                    await self._alarm()
            except (ServiceUnavailable, asyncpg.PostgresError) as error:
                log.info("mailer_waits", error=type(error).__name__)
            except Exception:  # the edge of a background task: nobody above could do anything about it
                log.exception("mailer_failed")
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._woken.wait()

    @staticmethod
    async def _is_one_too_many(repositories: Repositories, mail: DueMail) -> bool:
        if mail.attempts > 1 or await repositories.mails.count_others(mail) < MAXIMUM_AN_HOUR:
            return False
        log.warning("mail_skipped", mail_id=str(mail.id), kind=mail.kind, reason="too many")
        return True

    async def _letter_or_end(self, mail: DueMail) -> Letter | None:
        """What to write; None if nothing is to be sent, which is the end of the mail.

        Not in the transaction that took the mail on: who removes an account or an invitation removes its mails next,
        and would wait for us while we wait for them.
        """
        async with self._begin() as repositories:
            letter = await self._letter(repositories, mail)
            if letter is None:
                await repositories.mails.finish(mail.id, "skipped")
        return letter

    async def _letter(self, repositories: Repositories, mail: DueMail) -> Letter | None:
        if mail.kind == "invitation":
            return await self._invitation(repositories, mail)
        addressee = None if mail.user_id is None else await repositories.mails.addressee(mail.user_id)
        if addressee is None or not addressee.is_active:
            return None
        if mail.kind == "password_changed":
            return self._texts.password_changed(mail.id, mail.recipient, mail.created_at)
        if mail.kind == "email_changed":
            return self._texts.email_changed(mail.id, mail.recipient, mail.created_at)
        proven = mail.kind == "email_verification" and addressee.is_verified
        if proven or addressee.email != mail.recipient or datetime.now(UTC) - mail.created_at > STALE:
            return None
        return await self._with_token(repositories, mail, mail.kind)

    async def _with_token(self, repositories: Repositories, mail: DueMail, purpose: Purpose) -> Letter:
        token, digest = _new_token()
        life = self._reset_life if purpose == "password_reset" else self._verification_life
        assert mail.user_id is not None  # noqa: S101 - the caller has looked
        await repositories.one_time_tokens.insert(NewToken(digest, mail.user_id, purpose, mail.recipient, life))
        write = self._texts.password_reset if purpose == "password_reset" else self._texts.email_verification
        return write(mail.id, mail.recipient, token, int(life.total_seconds()) // 60)

    async def _invitation(self, repositories: Repositories, mail: DueMail) -> Letter | None:
        token, digest = _new_token()
        if mail.invitation_id is None:
            return None
        facts = await repositories.mails.invite(mail.invitation_id, mail.recipient, digest)
        if facts is None:
            return None
        return self._texts.invitation(
            mail.id,
            mail.recipient,
            token,
            project=facts.project_name,
            inviter=facts.inviter,
            role=facts.role,
            until=facts.expires_at,
        )

    async def _send(self, transport: MailTransport, mail: DueMail, letter: Letter) -> None:
        name = f"{mail.created_at:%Y%m%dT%H%M%S}-{mail.kind}-{mail.id}"
        try:
            await transport.send(self._texts.message(letter), name)
        except MailRefused as error:
            await self._refused(mail, str(error), final=error.final)
        except ValueError as error:
            # Such as an address that no mail can be addressed to; its text may hold the address.
            await self._refused(mail, type(error).__name__, final=True)
        else:
            async with self._begin() as repositories:
                await repositories.mails.finish(mail.id, "sent")
            metrics.handled("sent")
            log.info("mail_sent", mail_id=str(mail.id), kind=mail.kind, attempt=mail.attempts)

    async def _refused(self, mail: DueMail, reason: str, *, final: bool) -> None:
        gives_up = final or mail.attempts >= MAXIMUM_ATTEMPTS
        about = {"mail_id": str(mail.id), "kind": mail.kind, "attempt": mail.attempts, "reason": reason}
        async with self._begin() as repositories:
            if gives_up:
                await repositories.mails.finish(mail.id, "failed")
            else:
                await repositories.mails.postpone(mail.id, FIRST_PAUSE * 2 ** (mail.attempts - 1))
        metrics.handled("failed" if gives_up else "postponed")
        if gives_up:
            log.error("mail_failed", **about)
        else:
            log.warning("mail_postponed", **about)

    async def _alarm(self) -> None:
        async with self._begin(read_only=True) as repositories:
            waiting = await repositories.mails.count_due()
        if waiting:
            log.warning("mail_not_configured", waiting=waiting)
            with suppress(TimeoutError):
                async with asyncio.timeout(ALARM_SECONDS):
                    await self._woken.wait()


def _new_token() -> tuple[str, bytes]:
    token = secrets.token_urlsafe(32)
    return token, sha256(token.encode()).digest()
