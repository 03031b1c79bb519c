"""The parent's side of what its children say: lines of the log like its own, with the ids of whoever asked."""

import asyncio
import logging
import os
from typing import Any

from shared.logging import current_ids, get_logger, own_identity
from shared.logs.context import ID_NAMES

log = get_logger("compute")

BYTES_A_READ = 65_536
MAXIMUM_BEGUN = 4000
_OURS = ID_NAMES | {"exc_info", "stack_info"}
_LEVELS = logging.getLevelNamesMapping()


def about_log() -> dict[str, Any]:
    """What a child is told with its job: for whom it works, and which lines are wanted."""
    return {"ids": current_ids(), "project": own_identity().get("project", ""), "log_level": logging.getLogger().level}


def repeat(pid: int | None, line: dict[str, Any]) -> None:
    """Write a line of the child `pid`; whose request or task it was, is ours to say."""
    own = {
        name: value for name, value in line.items() if name not in ID_NAMES and name not in {"exc_info", "stack_info"}
    }
    logger = logging.getLogger(str(own.pop("logger", "compute")))
    number = _LEVELS.get(str(own.pop("level", "info")).upper(), logging.INFO)
    if logger.isEnabledFor(number):
        message = {**own, "child_pid": pid}
        logger.handle(logging.makeLogRecord({"name": logger.name, "levelno": number, "msg": message}))


def report_failure(pid: int | None, message: dict[str, Any]) -> None:
    """A function has a mistake: say where."""
    if "failure" in message:
        log.error("compute_function_failed", failure=message["failure"], child_pid=pid)


class Overheard:
    """What a fork server and its children write to their standard output past Python: a library's own complaints.

    Entered, it gives the descriptor to write to; left, only those who have it by then can write.
    """

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        self._begun = b""
        self._loop = asyncio.get_running_loop()

    def __enter__(self) -> int:
        self._loop.add_reader(self._read, self._hear)
        return self._write

    def __exit__(self, *_: object) -> None:
        os.close(self._write)

    def _hear(self) -> None:
        try:
            said = os.read(self._read, BYTES_A_READ)
        except BlockingIOError:
            return
        *lines, self._begun = (self._begun + said).split(b"\n")
        self._begun = self._begun[-MAXIMUM_BEGUN:]
        if not said:
            # All who could write are dead.
            self._loop.remove_reader(self._read)
            os.close(self._read)
            lines.append(self._begun)
        for line in filter(bytes.strip, lines):
            log.info("compute_output", text=line.decode(errors="replace"))
