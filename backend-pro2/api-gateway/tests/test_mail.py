"""Mail leaves: by SMTP to a real server, or into a folder."""

import asyncio
from email.message import EmailMessage
from pathlib import Path

import pytest
from pydantic import SecretStr

from shared.testing.certificates import certificate

from ..app.clients import mail
from ..app.clients.mail import MailFolder, MailRefused, SmtpServer, mail_transport
from ..app.core.mail_texts import Letter, MailTexts
from .fakes import unit_settings
from .mailbox import mails_in, text_of
from .smtp_server import FALL_SILENT, HANG_UP, TestServer, mail_server
from .test_mail_texts import ID, SENDER


def letter(recipient: str = "ada@example.com", text: str = "Good day.\n.\n..two dots") -> EmailMessage:
    return MailTexts(instance="pro1", app_url="", sender=SENDER).message(Letter(ID, recipient, "Hello", (text,)))


def client_of(server: TestServer, security: str = "none", **more: object) -> SmtpServer:
    settings = unit_settings(smtp_host="127.0.0.1", smtp_port=server.port, smtp_security=security, **more)
    return SmtpServer(settings)


@pytest.mark.integration
class TestSmtp:
    async def test_plain(self) -> None:
        async with mail_server() as server:
            await client_of(server).send(letter(), "name")
        (got,) = server.received
        assert (got.sender, got.recipients, got.encrypted, got.login) == (
            "noreply@localhost",
            ["ada@example.com"],
            False,
            None,
        )
        assert text_of(got.message) == "Good day.\n.\n..two dots\n"

    @pytest.mark.parametrize("security", ["starttls", "tls"])
    async def test_encrypted_with_a_login(self, tmp_path: Path, security: str) -> None:
        tls, trusting = certificate(tmp_path)
        async with mail_server(tls, from_the_first_byte=security == "tls") as server:
            settings = unit_settings(
                smtp_host="127.0.0.1",
                smtp_port=server.port,
                smtp_security=security,
                smtp_username="ada",
                smtp_password=SecretStr("s3cret"),
            )
            await SmtpServer(settings, trusting).send(letter(), "name")
        (got,) = server.received
        assert (got.encrypted, got.login) == (True, "\0ada\0s3cret")

    @pytest.mark.parametrize("security", ["starttls", "tls"])
    async def test_a_certificate_that_nobody_vouches_for(self, tmp_path: Path, security: str) -> None:
        tls, _ = certificate(tmp_path)
        async with mail_server(tls, from_the_first_byte=security == "tls") as server:
            with pytest.raises(MailRefused):
                await client_of(server, security).send(letter(), "name")
        assert server.received == []

    async def test_no_password_without_the_encryption_that_was_asked_for(self) -> None:
        async with mail_server() as server:
            with pytest.raises(MailRefused):
                await client_of(server, "starttls", smtp_username="ada").send(letter(), "name")
        assert server.received == []

    @pytest.mark.parametrize(
        ("command", "reply", "final"),
        [
            ("CONNECT", "421 too busy", False),
            ("CONNECT", HANG_UP, False),
            ("MAIL", "451 later", False),
            ("RCPT", "450 mailbox busy", False),
            ("RCPT", "550 no such user", True),
            ("DATA", "554 no", False),
            ("DATA", HANG_UP, False),
        ],
    )
    async def test_refusals(self, command: str, reply: str, final: bool) -> None:
        async with mail_server() as server:
            server.refusals.append((command, reply))
            with pytest.raises(MailRefused) as refusal:
                await client_of(server).send(letter(), "name")
            assert refusal.value.final is final
            assert "ada@" not in str(refusal.value)
            await client_of(server).send(letter(), "name")
        assert len(server.received) == 1

    async def test_silence(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(mail, "SMTP_SECONDS", 0.2)
        async with mail_server() as server:
            server.refusals.append(("MAIL", FALL_SILENT))
            async with asyncio.timeout(30):
                with pytest.raises(MailRefused):
                    await client_of(server).send(letter(), "name")

    async def test_nobody_listens(self) -> None:
        with pytest.raises(MailRefused):
            await SmtpServer(unit_settings(smtp_host="127.0.0.1", smtp_port=9)).send(letter(), "name")

    async def test_address_beyond_ascii(self) -> None:
        async with mail_server() as server:
            await client_of(server).send(letter("jürgen@example.com"), "name")
        assert server.received[0].recipients == ["jürgen@example.com"]


class TestFolder:
    async def test_for_the_eyes_of_its_owner(self, tmp_path: Path) -> None:
        folder = tmp_path / "deep" / "mail"
        await MailFolder(folder).send(letter(), "one")
        assert folder.stat().st_mode & 0o777 == 0o700
        assert [path.name for path in folder.iterdir()] == ["one.eml"]
        assert (folder / "one.eml").stat().st_mode & 0o777 == 0o600
        (read,) = mails_in(folder)
        assert read["To"] == "ada@example.com"

    async def test_the_log_names_the_file(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        await MailFolder(tmp_path).send(letter(), "one")
        assert "mail_written" in caplog.text
        assert str(tmp_path / "one.eml") in caplog.text

    async def test_no_place(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(MailRefused):
            await MailFolder(tmp_path / "file" / "mail").send(letter(), "one")


class TestChoice:
    def test_a_server_if_there_is_one(self) -> None:
        assert isinstance(mail_transport(unit_settings(smtp_host="mail.test")), SmtpServer)

    @pytest.mark.parametrize("environment", ["development", "test"])
    def test_else_a_folder(self, environment: str) -> None:
        assert isinstance(mail_transport(unit_settings(environment=environment)), MailFolder)

    def test_but_not_in_production(self) -> None:
        strong = {
            "secret_key": "k" * 40,
            "database_url": "postgresql://u:strong@db/x",
            "redis_url": "redis://:strong@r/0",
            "s3_access_key": "strong",
            "s3_secret_key": "strong",
            "ray_enabled": False,
        }
        assert mail_transport(unit_settings(environment="production", **strong)) is None
