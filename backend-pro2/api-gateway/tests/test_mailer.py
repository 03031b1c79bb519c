"""The outbox is emptied: against PostgreSQL and a mail server that has its moods."""

import asyncio
from datetime import timedelta

import pytest

from shared.config import Settings
from shared.database import Database

from ..app.clients.mail import MailRefused, SmtpServer
from ..app.core.mail_texts import Letter
from ..app.repositories import Repositories, unit_of_work
from ..app.repositories.mails import DueMail, MailKind
from ..app.services.mailer import FIRST_PAUSE, LEASE, MAXIMUM_ATTEMPTS, Mailer
from .fakes_auth import Postbox
from .mailbox import text_of, token_of
from .outbox import ADA, change, enqueue, invite, outcomes, run, tokens, user
from .smtp_server import HANG_UP, mail_server

pytestmark = pytest.mark.integration


@pytest.fixture
def postbox() -> Postbox:
    return Postbox()


@pytest.fixture
def mailer(database: Database, postbox: Postbox, gateway_settings: Settings) -> Mailer:
    return Mailer(unit_of_work(database), postbox, gateway_settings)


class TestKinds:
    async def test_each(self, database: Database, mailer: Mailer, postbox: Postbox) -> None:
        ada = await user(database)
        kinds: tuple[MailKind, ...] = ("password_reset", "email_verification", "password_changed")
        for kind in kinds:
            await enqueue(database, kind, ada)
        assert await run(mailer) == 3
        subjects = {"Reset your password", "Confirm your e-mail address", "Your password was changed"}
        assert {mail["Subject"] for mail in postbox.mails} == subjects
        assert await outcomes(database) == {"sent": 3}
        assert await tokens(database) == 2

    async def test_invitation(self, database: Database, mailer: Mailer, postbox: Postbox) -> None:
        invitation_id = await invite(database, await user(database))
        await enqueue(database, "invitation", None, "bob@example.com", invitation_id)
        await run(mailer)
        (mail,) = postbox.mails
        assert (mail["To"], mail["Subject"]) == (
            "bob@example.com",
            'Ada Lovelace invites you to "Diabetes study"',
        )
        assert "as editor" in text_of(mail)
        async with database.transaction() as session:
            known = await session.fetch_value(
                "SELECT count(*) FROM project_invitations WHERE token_sha256 = sha256($1::text::bytea)", token_of(mail)
            )
        assert known == 1

    @pytest.mark.parametrize(
        "done",
        [
            "UPDATE project_invitations SET accepted_at = now()",
            "UPDATE project_invitations SET expires_at = now()",
            "UPDATE project_members SET role = 'editor'",
            "UPDATE projects SET deleted_at = now()",
            "UPDATE project_invitations SET email = 'else@example.com'",
        ],
    )
    async def test_invitation_that_is_not_open(
        self, database: Database, mailer: Mailer, postbox: Postbox, done: str
    ) -> None:
        invitation_id = await invite(database, await user(database))
        await enqueue(database, "invitation", None, "bob@example.com", invitation_id)
        await change(database, done)
        await run(mailer)
        assert postbox.mails == []
        assert await outcomes(database) == {"skipped": 1}

    @pytest.mark.parametrize("removal", ["DELETE FROM project_invitations", "DELETE FROM users"])
    async def test_nobody_who_removes_what_a_mail_is_about_waits_for_it(
        self, database: Database, mailer: Mailer, postbox: Postbox, monkeypatch: pytest.MonkeyPatch, removal: str
    ) -> None:
        ada, letter = await user(database), mailer._letter
        invitation_id = await invite(database, ada) if "invitations" in removal else None
        await enqueue(database, "invitation" if invitation_id else "password_reset", ada, ADA, invitation_id)

        async def letter_once_it_is_removed(repositories: Repositories, mail: DueMail) -> Letter | None:
            await change(database, removal)
            return await letter(repositories, mail)

        monkeypatch.setattr(mailer, "_letter", letter_once_it_is_removed)
        await run(mailer)
        assert postbox.mails == []
        assert await outcomes(database) == {}

    @pytest.mark.parametrize(
        "done",
        [
            "UPDATE users SET is_active = false",
            "UPDATE users SET email = 'moved@example.com'",
            "UPDATE mails SET user_id = NULL",
            "UPDATE mails SET created_at = now() - interval '25 hours'",
        ],
    )
    async def test_link_that_nobody_should_get(
        self, database: Database, mailer: Mailer, postbox: Postbox, done: str
    ) -> None:
        await enqueue(database, "password_reset", await user(database))
        await change(database, done)
        await run(mailer)
        assert postbox.mails == []
        assert await outcomes(database) == {"skipped": 1}
        assert await tokens(database) == 0


class TestBound:
    async def test_five_of_a_kind_an_hour(self, database: Database, mailer: Mailer, postbox: Postbox) -> None:
        ada = await user(database)
        for _ in range(7):
            await enqueue(database, "password_reset", ada)
        await enqueue(database, "password_changed", ada)
        await run(mailer)
        assert await outcomes(database) == {"sent": 6, "skipped": 2}
        await change(database, "UPDATE mails SET finished_at = now() - interval '61 minutes'")
        await enqueue(database, "password_reset", ada)
        await run(mailer)
        assert len(postbox.mails) == 7

    async def test_whoever_sends(self, database: Database, postbox: Postbox, gateway_settings: Settings) -> None:
        ada = await user(database)
        for _ in range(20):
            await enqueue(database, "password_reset", ada)
        several = [Mailer(unit_of_work(database), postbox, gateway_settings) for _ in range(4)]
        assert sum(await asyncio.gather(*(run(mailer) for mailer in several))) == 20
        assert await outcomes(database) == {"sent": 5, "skipped": 15}
        assert len(postbox.mails) == 5


class TestFormerAddress:
    async def test_it_is_told_though_it_is_nobody_s_now(
        self, database: Database, mailer: Mailer, postbox: Postbox
    ) -> None:
        ada = await user(database)
        await change(database, "UPDATE users SET email = 'new@example.com'")
        await enqueue(database, "email_changed", ada)
        await run(mailer)
        (mail,) = postbox.mails
        assert mail["Subject"] == "Your e-mail address was changed"
        assert "new@example.com" not in mail.get_content()


class TestRetries:
    async def test_pauses_grow(self, database: Database, mailer: Mailer, postbox: Postbox) -> None:
        await enqueue(database, "password_changed", await user(database))
        postbox.refusals += [MailRefused("later")] * 3
        pauses = []
        for _ in range(3):
            assert await run(mailer) == 1
            async with database.transaction() as session:
                pauses.append(await session.fetch_value("SELECT next_attempt_at - now() FROM mails"))
            await change(database, "UPDATE mails SET next_attempt_at = now()")
        for number, pause in enumerate(pauses):
            assert timedelta() <= FIRST_PAUSE * 2**number - pause < timedelta(seconds=5)
        await run(mailer)
        assert len(postbox.mails) == 1
        assert await outcomes(database) == {"sent": 1}

    async def test_gives_up(self, database: Database, mailer: Mailer, postbox: Postbox) -> None:
        await enqueue(database, "password_changed", await user(database))
        postbox.refusals += [MailRefused("later")] * 20
        for number in range(MAXIMUM_ATTEMPTS):
            assert await outcomes(database) == {None: 1}, number
            await run(mailer)
            await change(database, "UPDATE mails SET next_attempt_at = now() WHERE finished_at IS NULL")
        assert await outcomes(database) == {"failed": 1}
        assert await run(mailer) == 0

    async def test_final_refusal(self, database: Database, mailer: Mailer, postbox: Postbox) -> None:
        await enqueue(database, "password_changed", await user(database))
        postbox.refusals.append(MailRefused("no such user", final=True))
        await run(mailer)
        assert await outcomes(database) == {"failed": 1}

    async def test_what_takes_its_process_along_is_given_up(
        self, database: Database, mailer: Mailer, postbox: Postbox
    ) -> None:
        await enqueue(database, "password_changed", await user(database))
        await change(database, "UPDATE mails SET attempts = 8")
        await run(mailer)
        assert postbox.mails == []
        assert await outcomes(database) == {"failed": 1}

    async def test_what_a_dead_gateway_had_taken_on_is_due_again(
        self, database: Database, mailer: Mailer, postbox: Postbox
    ) -> None:
        await enqueue(database, "password_changed", await user(database))
        async with unit_of_work(database)() as repositories:
            assert await repositories.mails.claim(LEASE)
        assert await run(mailer) == 0
        await change(database, "UPDATE mails SET next_attempt_at = now()")
        assert await run(mailer) == 1
        assert len(postbox.mails) == 1

    async def test_each_attempt_has_a_token_of_its_own(
        self, database: Database, mailer: Mailer, postbox: Postbox
    ) -> None:
        await enqueue(database, "password_reset", await user(database))
        postbox.refusals.append(MailRefused("after it was taken"))
        await run(mailer)
        await change(database, "UPDATE mails SET next_attempt_at = now()")
        await run(mailer)
        assert await tokens(database) == 2

    async def test_a_server_that_fails_twice_then_accepts(self, database: Database, gateway_settings: Settings) -> None:
        await enqueue(database, "password_changed", await user(database))
        async with mail_server() as server:
            server.refusals += [("MAIL", "451 later"), ("DATA", HANG_UP)]
            smtp = gateway_settings.model_copy(
                update={"smtp_host": "127.0.0.1", "smtp_port": server.port, "smtp_security": "none"}
            )
            mailer = Mailer(unit_of_work(database), SmtpServer(smtp), smtp)
            for _ in range(3):
                assert await run(mailer) == 1
                await change(database, "UPDATE mails SET next_attempt_at = now() WHERE finished_at IS NULL")
        assert (server.conversations, len(server.received)) == (3, 1)
        assert server.received[0].recipients == [ADA]
        assert await outcomes(database) == {"sent": 1}


async def test_it_gives_up_within_an_hour() -> None:
    whole = sum((FIRST_PAUSE * 2**number for number in range(MAXIMUM_ATTEMPTS - 1)), timedelta())
    assert timedelta(minutes=30) < whole < timedelta(hours=1)
