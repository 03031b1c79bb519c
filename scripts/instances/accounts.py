"""Started as root, PostgreSQL (which refuses root) runs as an unprivileged account, and where that account can read."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# The first that exists: the system's own account for PostgreSQL, else the one that owns nothing.
CANDIDATES = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """An unprivileged user of the system."""

    name: str
    uid: int
    gid: int

    def switch(self) -> dict[str, Any]:
        """Arguments that make `subprocess.run` run as this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": [], "cwd": "/"}

    def can_enter(self, folder: Path) -> bool:
        """Whether the account can reach what lies below the folder."""
        return self._succeeds(["test", "-x", str(folder)])

    def can_run(self, program: Path) -> bool:
        """Whether the account can execute the program, its libraries included."""
        return self._succeeds([str(program), "--version"])

    def own(self, folder: Path) -> None:
        """Make the folder, open to this account only."""
        folder.mkdir(mode=0o700, exist_ok=True)
        os.chown(folder, self.uid, self.gid)

    def _succeeds(self, command: list[str]) -> bool:
        try:
            return subprocess.run(command, capture_output=True, check=False, **self.switch()).returncode == 0
        except OSError:
            return False


def server_account() -> Account | None:
    """The account for servers that refuse root; None when we are not root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = next(known[name] for name in CANDIDATES if name in known)
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
