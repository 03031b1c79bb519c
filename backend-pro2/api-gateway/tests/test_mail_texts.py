"""Mails in words: what they say, and that nobody's name becomes a header."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ..app.core.mail_texts import Letter, MailTexts, plain
from .mailbox import text_of, token_of

ID = UUID(int=7)
TOKEN = "A" * 43
UNTIL = datetime(2026, 12, 24, 18, tzinfo=UTC)
SENDER = "AI data-analysis platform <noreply@localhost>"


def texts(app_url: str = "", sender: str = SENDER) -> MailTexts:
    return MailTexts(instance="pro1", app_url=app_url, sender=sender)


def invitation(project: str, inviter: str | None = "Ada", app_url: str = "") -> EmailMessage:
    wording = texts(app_url)
    return wording.message(
        wording.invitation(ID, "bob@example.com", TOKEN, project=project, inviter=inviter, role="editor", until=UNTIL)
    )


def on_arrival(message: EmailMessage) -> EmailMessage:
    """What the recipient's program reads."""
    read = message_from_bytes(message.as_bytes(), policy=policy.default)
    assert isinstance(read, EmailMessage)
    return read


class TestLinks:
    @pytest.mark.parametrize("app_url", ["https://app.example", "https://app.example/", "http://a.b/c"])
    def test_to_the_application(self, app_url: str) -> None:
        wording = texts(app_url)
        letters = {
            "reset-password": wording.password_reset(ID, "a@b.c", TOKEN, 60),
            "verify-email": wording.email_verification(ID, "a@b.c", TOKEN, 2880),
        }
        for page, letter in letters.items():
            raw = wording.message(letter).as_bytes().decode()
            assert f"\r\n{app_url.rstrip('/')}/{page}?token={TOKEN}\r\n" in raw
            assert "/api/v1" not in raw
        assert "/accept-invitation?token=" in text_of(invitation("P", app_url=app_url))

    def test_without_one_the_token_and_the_call(self) -> None:
        text = text_of(texts().message(texts().password_reset(ID, "a@b.c", TOKEN, 60)))
        assert f"\nToken: {TOKEN}\n" in text
        assert "POST /api/v1/auth/reset-password" in text
        assert f'{{"token": "{TOKEN}", "new_password": "..."}}' in text
        assert "60 minutes" in text

    def test_life_in_hours(self) -> None:
        assert "48 hours" in text_of(texts().message(texts().email_verification(ID, "a@b.c", TOKEN, 2880)))


class TestHeaders:
    def test_all_there(self) -> None:
        message = on_arrival(texts().message(texts().password_changed(ID, "ada@example.com", UNTIL)))
        assert message["From"] == SENDER
        assert (message["To"], message["Subject"]) == ("ada@example.com", "Your password was changed")
        assert message["Message-ID"] == f"<{ID}@localhost>"
        assert message["Auto-Submitted"] == "auto-generated"
        assert "2026-12-24 at 18:00 UTC" in text_of(message)

    @pytest.mark.parametrize(
        ("recipient", "header"),
        [
            ("ada@example.com", "ada@example.com"),
            ("x@münchen.de", "x@xn--mnchen-3ya.de"),
            ("o'neil+x@example.com", "o'neil+x@example.com"),
            ("jürgen@example.com", "jürgen@example.com"),
        ],
    )
    def test_recipients(self, recipient: str, header: str) -> None:
        message = texts().message(Letter(ID, recipient, "S", ("P",)))
        assert on_arrival(message)["To"] == header

    @pytest.mark.parametrize("recipient", ["ada", "a@b\r\nBcc: x@y.z", "", "a@b, c@d"])
    def test_no_recipient(self, recipient: str) -> None:
        with pytest.raises(ValueError, match=r"."):
            texts().message(Letter(ID, recipient, "S", ("P",)))

    @pytest.mark.parametrize("sender", ["", "nobody", "x <", "a b c", "Name <a@>"])
    def test_a_sender_that_is_none_stops_the_start(self, sender: str) -> None:
        with pytest.raises(ValueError, match="MAIL_FROM"):
            texts(sender=sender)


class TestNames:
    def test_invitation(self) -> None:
        message = on_arrival(invitation("Diabetes study", "Ada Lovelace"))
        assert message["Subject"] == 'Ada Lovelace invites you to "Diabetes study"'
        assert 'to the project "Diabetes study" on pro1, as editor.' in text_of(message)
        assert token_of(message) == TOKEN
        assert "POST /api/v1/projects/invitations/accept" in text_of(message)

    def test_nobody(self) -> None:
        assert on_arrival(invitation("P", None))["Subject"].startswith("Somebody ")

    @pytest.mark.parametrize(
        "name",
        [
            "x\r\nBcc: eve@example.com",
            "x\nSubject: other",
            "x\u2028Bcc: eve@example.com",
            "x\u202egnp.exe",
            "x\x00\x1b[31m",
            "\ud800",
            "=?utf-8?q?x=0D=0ABcc:_eve@example.com?=",
            "==??utf-8?b?eA0KQmNjOiBldmVAZXhhbXBsZS5jb20=?=",
            "=\u200b?utf-8?q?x=0D=0ABcc:_eve@example.com?=",
            "Müller & Söhne 測試 " * 9,
        ],
    )
    def test_no_name_becomes_a_header_or_a_line(self, name: str) -> None:
        message = on_arrival(invitation(name, name))
        assert message.keys() == on_arrival(invitation("P")).keys()
        assert message["To"] == "bob@example.com"
        first, *_ = text_of(message).split("\n\n")
        assert first.count("\n") == 0
        assert token_of(message) == TOKEN

    @given(st.text(max_size=300), st.text(max_size=300))
    def test_any_text(self, project: str, inviter: str) -> None:
        message = on_arrival(invitation(project, inviter))
        assert message["To"] == "bob@example.com"
        assert "Bcc" not in message
        assert token_of(message) == TOKEN

    @given(st.text())
    def test_plain(self, text: str) -> None:
        kept = plain(text)
        assert kept.isprintable()
        assert len(kept) <= 120
        assert plain(kept) == kept
