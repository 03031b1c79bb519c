"""Mails as a developer finds them: files in the mail folder."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import count
from pathlib import Path

_TOKEN = re.compile(r"^(?:Token: |\S+\?token=)([\w-]{43})$", re.MULTILINE)
PATIENCE_SECONDS = 60.0


def mails_in(folder: Path, to: str | None = None) -> list[EmailMessage]:
    """What was written so far, oldest first."""
    paths = sorted(folder.glob("*.eml"), key=lambda path: path.stat().st_mtime_ns)
    read = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in paths]
    return [mail for mail in read if isinstance(mail, EmailMessage) and to in (None, mail["To"])]


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something has happened in the background."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        for _ in count():
            if await condition():
                return
            await asyncio.sleep(0.02)


async def wait_for_mails(folder: Path, number: int, to: str | None = None) -> list[EmailMessage]:
    """The mails, once there are so many."""

    async def are_there() -> bool:
        return len(mails_in(folder, to)) >= number

    await eventually(are_there)
    return mails_in(folder, to)


def text_of(mail: EmailMessage) -> str:
    """What it says."""
    text: str = mail.get_content()
    return text.replace("\r\n", "\n")


def token_of(mail: EmailMessage) -> str:
    """The token in its link or call."""
    found = _TOKEN.search(text_of(mail))
    assert found is not None
    return found[1]
