"""How much memory a process and its descendants hold."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

KIBIBYTE = 1024
_COUNTED = (b"RssAnon:", b"RssShmem:")
_OWN = (b"Private_Dirty:",)
_TELLS = sys.platform == "linux"


def holds_more(pid: int, limit: float) -> bool:
    """Whether `pid` and its descendants hold more than `limit` bytes, what forks share with it counted once.

    Telling apart what is shared takes the kernel tens of milliseconds a gigabyte, so that is only done where the rest
    does not answer the question. Where the kernel cannot tell, what is shared counts for each.
    """
    if held_bytes(pid) <= limit:
        return False
    if not _TELLS:
        return True
    _, *descendants = _family(pid)
    return _status_bytes(pid) + sum(map(_own_bytes, descendants)) > limit


def adds_more(pid: int, limit: float) -> bool:
    """Whether a fork and its descendants hold more than `limit` bytes beside what they share with whoever forked it."""
    return held_bytes(pid) > limit and (not _TELLS or sum(map(_own_bytes, _family(pid))) > limit)


def held_bytes(pid: int) -> int:
    """Resident bytes of `pid` and its descendants, without pages of files, which the kernel can drop; 0 once dead.

    What forks share counts for each of them.
    """
    if _TELLS:
        return sum(map(_status_bytes, _family(pid)))
    return _portable_bytes(pid)


def _family(pid: int) -> Iterator[int]:
    yield pid
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_bytes().split():
                yield from _family(int(child))


def _status_bytes(pid: int) -> int:
    return _sum_of(Path(f"/proc/{pid}/status"), _COUNTED) or 0


def _own_bytes(pid: int) -> int:
    """What it shares with no other process; all of it where we may not know that of this process."""
    own = _sum_of(Path(f"/proc/{pid}/smaps_rollup"), _OWN)
    return _status_bytes(pid) if own is None else own


def _sum_of(file: Path, names: tuple[bytes, ...]) -> int | None:
    try:
        lines = file.read_bytes().splitlines()
    except OSError:
        return None
    return sum(int(line.split()[1]) * KIBIBYTE for line in lines if line.startswith(names))


def _portable_bytes(pid: int) -> int:
    import psutil

    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        return sum(member.memory_info().rss for member in family)
    except psutil.NoSuchProcess:
        return 0
