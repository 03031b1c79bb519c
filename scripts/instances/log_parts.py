"""A program's log as one text. supervisord cuts it into parts by size alone, so a part may end within a line."""

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

_NUMBERED = re.compile(r"(.+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a log: which of its parts was the last, whatever it is called since, and how long it was."""

    inode: int
    size: int

    @classmethod
    def end(cls, log: Path) -> Self:
        """Where a log ends now."""
        found = log.stat()
        return cls(found.st_ino, found.st_size)


def logs(folder: Path) -> list[Path]:
    """The logs of a folder by name, each once however many parts it has."""
    return sorted({_log_of(path) for path in folder.glob("*.log*")})


def lines(log: Path, since: Mark | None = None) -> Iterator[bytes]:
    """The lines of all parts that are still there, the oldest first; of `since` on only, where its part is."""
    with ExitStack() as stack:
        files: dict[int, IO[bytes]] = {}
        # The newest first: a part that is made meanwhile is so met twice, and not never.
        for path in _newest_first(log):
            with suppress(FileNotFoundError):
                file = stack.enter_context(path.open("rb"))
                inode = os.fstat(file.fileno()).st_ino
                files.setdefault(inode, file)
                if since and inode == since.inode:
                    file.seek(since.size)
                    break
        begun = b""
        for part in reversed(files.values()):
            for piece in part:
                begun += piece
                if begun.endswith(b"\n"):
                    yield begun
                    begun = b""
        if begun:
            yield begun


def _newest_first(log: Path) -> Iterator[Path]:
    yield log
    # Looked for once the last has been opened, which may be the first of them by then.
    found = {int(path.name.rpartition(".")[2]): path for path in log.parent.iterdir() if _log_of(path) == log != path}
    yield from (found[number] for number in sorted(found))


def _log_of(part: Path) -> Path:
    numbered = _NUMBERED.fullmatch(part.name)
    return part.with_name(numbered[1]) if numbered else part
