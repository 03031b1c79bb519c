"""What else a process may say: uncaught exceptions, of threads and event loops too, and warnings, as log lines."""

import asyncio
import logging
import sys
import threading
import warnings
from types import TracebackType
from typing import Any, TextIO

from shared.logs.failures import short_path

_log = logging.getLogger("process")


def watch_process() -> None:
    """Have them logged, except where somebody else listens already."""
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = _uncaught
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = _uncaught_in_thread
    if sys.unraisablehook is sys.__unraisablehook__:
        sys.unraisablehook = _unraisable
    warnings.showwarning = _warned


def watch_loop(loop: asyncio.AbstractEventLoop) -> None:
    """The same for what nobody awaited in this event loop."""
    loop.set_exception_handler(_uncaught_in_loop)


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        _log.info("interrupted")
    else:
        _log.critical("uncaught_exception", exc_info=(kind, error, trace))


def _uncaught_in_thread(found: threading.ExceptHookArgs) -> None:
    if found.exc_value is not None and not isinstance(found.exc_value, SystemExit):
        name = found.thread.name if found.thread else ""
        _log.critical("uncaught_exception", exc_info=found.exc_value, extra={"thread_name": name})


def _unraisable(found: "sys.UnraisableHookArgs") -> None:
    _log.error("uncaught_exception", exc_info=found.exc_value)


def _uncaught_in_loop(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception")
    # The message is asyncio's own, and names no object.
    reason = str(context.get("message", "")).partition("\n")[0]
    _log.error("uncaught_exception", exc_info=error, extra={"reason": reason})


def _warned(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001 - the signature that Python calls
    line: str | None = None,  # noqa: ARG001
) -> None:
    place = f"{short_path(filename)}:{lineno}"
    _log.warning("warning", extra={"category": category.__name__, "text": str(message), "place": place})
