"""Mails as plain text. What people can name themselves loses its control characters before it comes near a header."""

import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Literal
from uuid import UUID

from .emails import deliverable_form

MAXIMUM_NAME = 120

LinkKind = Literal["password_reset", "email_verification", "invitation"]

_PAGES: dict[LinkKind, str] = {
    "password_reset": "reset-password",
    "email_verification": "verify-email",
    "invitation": "accept-invitation",
}
_CALLS: dict[LinkKind, tuple[str, str]] = {
    "password_reset": ("/api/v1/auth/reset-password", ', "new_password": "..."'),
    "email_verification": ("/api/v1/auth/verify-email", ""),
    "invitation": ("/api/v1/projects/invitations/accept", ""),
}


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail says, before it is put into words."""

    id: UUID
    recipient: str
    subject: str
    paragraphs: tuple[str, ...]


class MailTexts:
    """Puts mails of one instance into words; links begin with APP_URL, never with what a request claims to be."""

    def __init__(self, *, instance: str, app_url: str, sender: str) -> None:
        self._instance = instance
        self._app_url = app_url.rstrip("/")
        self._sender = _address(sender)

    def password_reset(self, mail_id: UUID, recipient: str, token: str, minutes: int) -> Letter:
        """The way back to an account."""
        paragraphs = (
            f"Somebody, hopefully you, asked to reset the password of your account on {self._instance}.",
            f"It works once, within {_span(minutes)}:",
            self._link("password_reset", token),
            "If it was not you, do nothing: without this mail nobody can change your password.",
        )
        return Letter(mail_id, recipient, "Reset your password", paragraphs)

    def password_changed(self, mail_id: UUID, recipient: str, at: datetime) -> Letter:
        """A warning to whoever did not do it."""
        when = f"{at.astimezone(UTC):%Y-%m-%d at %H:%M} UTC"
        paragraphs = (
            f"The password of your account on {self._instance} was changed on {when}.",
            "Sessions that the former password opened have ended. API keys still work.",
            "If it was not you, reset your password now, and revoke API keys that you do not know.",
        )
        return Letter(mail_id, recipient, "Your password was changed", paragraphs)

    def email_changed(self, mail_id: UUID, recipient: str, at: datetime) -> Letter:
        """A warning to the former address; it does not name the new one, which may be somebody else's by mistake."""
        when = f"{at.astimezone(UTC):%Y-%m-%d at %H:%M} UTC"
        paragraphs = (
            f"Your account on {self._instance} was given another e-mail address on {when}.",
            "Mail about it no longer comes here.",
            "If it was not you, tell the operator of this instance at once.",
        )
        return Letter(mail_id, recipient, "Your e-mail address was changed", paragraphs)

    def email_verification(self, mail_id: UUID, recipient: str, token: str, minutes: int) -> Letter:
        """The question whether an address is its user's."""
        paragraphs = (
            f"An account on {self._instance} names this address as its own. Confirm that it is yours.",
            f"It works once, within {_span(minutes)}:",
            self._link("email_verification", token),
            "If you have no such account, do nothing.",
        )
        return Letter(mail_id, recipient, "Confirm your e-mail address", paragraphs)

    def invitation(
        self,
        mail_id: UUID,
        recipient: str,
        token: str,
        *,
        project: str,
        inviter: str | None,
        role: str,
        until: datetime,
    ) -> Letter:
        """Somebody is asked to join a project."""
        who, what = plain(inviter or "") or "Somebody", plain(project)
        paragraphs = (
            f'{who} invites you to the project "{what}" on {self._instance}, as {role}.',
            f"Log in with this address, or register it, and accept before {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC:",
            self._link("invitation", token),
            "If you do not know the sender, do nothing.",
        )
        return Letter(mail_id, recipient, f'{who} invites you to "{what}"', paragraphs)

    def message(self, letter: Letter) -> EmailMessage:
        """The mail itself; sent twice it still has one Message-ID.

        Raises:
            ValueError: the recipient is no address, or a header will not be a header.
        """
        recipient = deliverable_form(letter.recipient)
        text = "\n\n".join(letter.paragraphs) + "\n"
        message = EmailMessage(policy.SMTP.clone(utf8=not recipient.isascii()))
        message["From"] = self._sender
        # Not parsed once more: the library's parser takes no local part beyond ASCII.
        local, _, domain = recipient.rpartition("@")
        message["To"] = Address(username=local, domain=domain)
        message["Subject"] = letter.subject
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Message-ID"] = f"<{letter.id}@{self._sender.domain}>"
        message["Auto-Submitted"] = "auto-generated"
        # Encoded only if it must be, so that the link can be copied from the raw mail.
        message.set_content(text, cte="7bit" if text.isascii() else "quoted-printable")
        return message

    def _link(self, kind: LinkKind, token: str) -> str:
        if self._app_url:
            return f"{self._app_url}/{_PAGES[kind]}?token={token}"
        path, more = _CALLS[kind]
        return f'Token: {token}\n\nPOST {path}\n{{"token": "{token}"{more}}}'


def plain(text: str) -> str:
    """One line without control, format and surrogate characters, of bounded length.

    Nor may it look like an encoded word of RFC 2047: the library would decode it, line breaks and all, into headers.
    """
    kept = "".join(" " if unicodedata.category(character)[0] in "CZ" else character for character in text)
    return " ".join(kept.replace("=?", "= ?").split())[:MAXIMUM_NAME].rstrip()


def _span(minutes: int) -> str:
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} hours"


def _address(sender: str) -> Address:
    name, spec = parseaddr(sender)
    try:
        return Address(plain(name), addr_spec=spec)
    except (ValueError, IndexError, HeaderParseError) as error:
        raise ValueError(f"MAIL_FROM: {error}") from error
