"""What a piece of work logs on a cluster: lines of the same shape, with the ids of the task that it belongs to.

They go to the standard output of the cluster's worker, which Ray keeps as a file.
"""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from shared.logs.bounds import as_line
from shared.logs.context import with_ids
from shared.logs.handler import LineHandler, instance_name
from shared.logs.hooks import watch_process

SERVICE = "ray"
STANDARD_OUTPUT = 1

_log = logging.getLogger("pieces")


@contextmanager
def logged(function: str, about: Mapping[str, Any]) -> Iterator[None]:
    """A block that does one piece, by `function`; `about` is what `shared.compute.voice.present` told."""
    identity = {"service": SERVICE, "project": str(about.get("project", "")), "instance": instance_name()}
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers[:] = [LineHandler(identity, as_line, _write)]
    root.setLevel(about.get("log_level", logging.INFO))
    watch_process()
    try:
        with with_ids(about.get("ids", {})):
            yield from _failures_told(function)
    finally:
        root.handlers[:] = before
        root.setLevel(level)


def _failures_told(function: str) -> Iterator[None]:
    try:
        yield
    except Exception:
        _log.exception("piece_failed", extra={"function": function})
        raise


def _write(line: bytes, _: str) -> None:
    os.write(STANDARD_OUTPUT, line)
