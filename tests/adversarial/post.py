"""Mails that an instance without a mail server leaves in a folder."""

import email
import email.policy
import re
import time
from email.message import EmailMessage
from pathlib import Path

from .places import Place


class Post:
    """The folder where an instance without a mail server leaves its mails."""

    def __init__(self, place: Place) -> None:
        self._folder: Path = place.instance.code / place.instance.values["MAIL_DIR"]

    def to(self, address: str, kind: str) -> list[EmailMessage]:
        """What has come for an address so far, oldest first."""
        found = []
        for path in sorted(self._folder.glob(f"*-{kind}-*.eml")):
            mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            if mail["To"] == address:
                found.append(mail)
        return found

    def wait(self, address: str, kind: str, count: int = 1) -> list[EmailMessage]:
        """The same, once so many have come."""
        deadline = time.monotonic() + 60
        while len(found := self.to(address, kind)) < count and time.monotonic() < deadline:
            time.sleep(0.1)
        assert len(found) >= count, f"no {kind} for {address}"
        return found


def token_in(mail: EmailMessage) -> str:
    found = re.search(r"Token: (\S+)", mail.get_content())
    assert found, mail.get_content()
    return found[1]
