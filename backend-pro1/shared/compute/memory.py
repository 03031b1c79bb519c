"""How much memory a process and its descendants hold."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

KIBIBYTE = 1024
_COUNTED = (b"RssAnon:", b"RssShmem:")


def held_bytes(pid: int) -> int:
    """Resident bytes of `pid` and its descendants, without pages of files, which the kernel can drop; 0 once dead."""
    if sys.platform == "linux":
        return sum(_status_bytes(member) for member in _family(pid))
    return _portable_bytes(pid)


def _family(pid: int) -> Iterator[int]:
    yield pid
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_bytes().split():
                yield from _family(int(child))


def _status_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_bytes().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * KIBIBYTE for line in lines if line.startswith(_COUNTED))


def _portable_bytes(pid: int) -> int:
    import psutil

    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        return sum(member.memory_info().rss for member in family)
    except psutil.NoSuchProcess:
        return 0
