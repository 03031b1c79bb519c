"""Structured logs: one JSON object a line, with the ids of the request or task bound to everything that happens inside.

Nobody waits for a line to be written (shared/logs/writer.py), and none holds more than it may (bounds.py, redaction.py,
failures.py).
"""

import atexit
import logging
import os
import signal
import time
from collections.abc import Mapping
from types import FrameType

import structlog

from shared.config import Settings
from shared.logs import rendering
from shared.logs.context import REQUEST_STATE, SPAN_ID, TASK_ID, TRACE_ID, USER_ID, current_ids, with_ids
from shared.logs.handler import LineHandler, as_timestamp, instance_name
from shared.logs.hooks import watch_loop, watch_process
from shared.logs.redaction import know_secrets
from shared.logs.rendering import Render, renderer
from shared.logs.writer import STANDARD_OUTPUT, LineWriter

__all__ = [
    "OUTPUT",
    "REQUEST_STATE",
    "SPAN_ID",
    "TASK_ID",
    "TRACE_ID",
    "USER_ID",
    "as_timestamp",
    "close_on_signals",
    "configure_logging",
    "current_ids",
    "get_logger",
    "identity_of",
    "is_for_people",
    "own_identity",
    "render_of",
    "watch_loop",
    "with_ids",
]

# They tell of every bell that rings, several times a minute, and nothing of the work.
BELLS = ("celery.beat", "celery.worker.strategy", "celery.app.trace")


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger that takes an event name and fields: `log.info("dataset_uploaded", dataset_id=…)`."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def identity_of(service: str, settings: Settings) -> dict[str, str]:
    """Who writes: the same on every line of a process."""
    return {"service": service, "project": settings.project_id, "instance": instance_name()}


def is_for_people(settings: Settings) -> bool:
    """Whether this process writes text instead of JSON."""
    return rendering.is_for_people(settings.log_format, is_terminal=os.isatty(STANDARD_OUTPUT))


def render_of(settings: Settings) -> Render:
    """How this process writes its lines."""
    return renderer(settings.log_format, is_terminal=os.isatty(STANDARD_OUTPUT))


class _Process:
    """Who this process is, for lines that come from nobody's call."""

    identity: Mapping[str, str] = {}
    render: Render = staticmethod(renderer("json", is_terminal=False))


def own_identity() -> Mapping[str, str]:
    """Who this process is; nobody yet before logging is configured."""
    return _Process.identity


def _dropped(count: int) -> bytes:
    told = {"timestamp": as_timestamp(time.time()), "level": "warning", "event": "log_lines_dropped", "lines": count}
    return _Process.render({**told, **_Process.identity, "logger": __name__})


OUTPUT = LineWriter(STANDARD_OUTPUT, _dropped)
atexit.register(OUTPUT.close)


def configure_logging(settings: Settings, service: str) -> None:
    """Send structlog's and every library's log lines to standard output in one shape.

    Each line holds at least `timestamp, level, event, service, project, instance, logger`, and the ids that there are.
    """
    know_secrets(settings)
    _Process.identity, _Process.render = identity_of(service, settings), render_of(settings)
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers[:] = [LineHandler(_Process.identity, _Process.render, OUTPUT.write)]
    root.setLevel(settings.log_level)
    _fold_in_libraries()
    watch_process()


def close_on_signals() -> None:
    """Write what there is when a signal ends this process; whoever takes it gracefully replaces this meanwhile."""
    for number in (signal.SIGTERM, signal.SIGINT):
        if signal.getsignal(number) in {signal.SIG_DFL, signal.default_int_handler}:
            signal.signal(number, _end)


def _end(number: int, _: FrameType | None) -> None:
    OUTPUT.close()
    # Ended as if nobody had listened, so that whoever supervises sees by what.
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)


def _fold_in_libraries() -> None:
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "celery", "kombu", "ray", "py.warnings"):
        library = logging.getLogger(name)
        library.handlers.clear()
        # uvicorn makes a line for each request when anybody could hear it, even if its level is then too low.
        library.propagate = name != "uvicorn.access"
    for name in ("uvicorn.access", "httpx", "httpx2", "kombu", "asyncio", "amqp", "ray", *BELLS):
        logging.getLogger(name).setLevel(logging.WARNING)
    # It tells of each try to send an error report; `error_reports_total` does that better.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
