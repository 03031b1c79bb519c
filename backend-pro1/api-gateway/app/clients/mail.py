"""How mail leaves: to a mail server or, while there is none in development, to a folder."""

import asyncio
import os
import smtplib
import ssl
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol

from shared.config import Environment, Settings
from shared.logging import get_logger

log = get_logger(__name__)

# For each exchange with the server, of which a mail needs about eight.
SMTP_SECONDS = 10.0
_OWNER_ONLY = 0o600
_OWNER_ONLY_FOLDER = 0o700


class MailRefused(Exception):
    """The mail did not leave; `final` if trying again is of no use."""

    def __init__(self, reason: str, *, final: bool = False) -> None:
        super().__init__(reason)
        self.final = final


class MailTransport(Protocol):
    """Takes a mail away."""

    async def send(self, message: EmailMessage, name: str) -> None:
        """Send `message`; `name` is what a file of it would be called.

        Raises:
            MailRefused: it did not leave.
        """


class SmtpServer:
    """A mail server. Each mail has a connection of its own, made in a thread."""

    def __init__(self, settings: Settings, tls: ssl.SSLContext | None = None) -> None:
        self._host = settings.smtp_host
        self._port = settings.smtp_port
        self._security = settings.smtp_security
        self._username = settings.smtp_username
        self._password = settings.smtp_password
        self._tls = tls

    async def send(self, message: EmailMessage, name: str) -> None:  # noqa: ARG002 - a server names nothing
        """Hand the mail to the server."""
        try:
            await asyncio.to_thread(self._send, message)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            raise MailRefused(f"recipient refused {codes}", final=all(code >= 500 for code in codes)) from error
        except smtplib.SMTPResponseException as error:
            raise MailRefused(f"{type(error).__name__} {error.smtp_code}") from error
        except (OSError, ValueError) as error:
            raise MailRefused(type(error).__name__) from error

    def _send(self, message: EmailMessage) -> None:
        with self._connect() as server:
            if self._username:
                server.login(self._username, self._password.get_secret_value())
            server.send_message(message)

    def _connect(self) -> smtplib.SMTP:
        tls = self._tls or ssl.create_default_context()
        if self._security == "tls":
            return smtplib.SMTP_SSL(self._host, self._port, timeout=SMTP_SECONDS, context=tls)
        server = smtplib.SMTP(self._host, self._port, timeout=SMTP_SECONDS)
        if self._security == "starttls":
            try:
                server.starttls(context=tls)
            except BaseException:
                server.close()
                raise
        return server


class MailFolder:
    """A folder for the eyes of its owner, with a file for each mail."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    async def send(self, message: EmailMessage, name: str) -> None:
        """Write the mail, and tell the log where."""
        path = self._folder / f"{name}.eml"
        try:
            await asyncio.to_thread(self._write, path, message.as_bytes())
        except OSError as error:
            raise MailRefused(type(error).__name__) from error
        log.info("mail_written", path=str(path))

    def _write(self, path: Path, content: bytes) -> None:
        self._folder.mkdir(mode=_OWNER_ONLY_FOLDER, parents=True, exist_ok=True)
        draft = path.with_suffix(".part")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _OWNER_ONLY), "wb") as file:
            file.write(content)
        draft.replace(path)


def mail_transport(settings: Settings) -> MailTransport | None:
    """How mail of this instance leaves; None in production without a mail server."""
    if settings.smtp_host:
        return SmtpServer(settings)
    if settings.environment is Environment.PRODUCTION:
        return None
    return MailFolder(settings.mail_dir)
