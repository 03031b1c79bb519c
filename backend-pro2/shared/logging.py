"""Structured logs: one JSON object a line, with the request's id bound to everything that happens inside it."""

import logging
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any

import structlog

from shared.config import Settings

MAXIMUM_FIELD_CHARACTERS = 4000
# A variable of its own, since binding one through structlog costs ten times as much and most requests log nothing.
REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
# They tell of every bell that rings, several times a minute, and nothing of the work.
BELLS = ("celery.beat", "celery.worker.strategy", "celery.app.trace")


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger that takes an event name and fields: `log.info("dataset_uploaded", dataset_id=…)`."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def configure_logging(settings: Settings, service: str) -> None:
    """Send structlog's and every library's log lines to standard output in one shape.

    Each line holds at least `timestamp, level, event, service, project, logger`; ids join from contextvars.
    """
    identity = {"service": service, "project": settings.project_id}

    def add_identity(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {**identity, **event}

    shared_steps: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_request_id,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        add_identity,
        _bounded,
    ]
    structlog.configure(
        processors=[*shared_steps, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared_steps, processors=_rendering(settings))
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    _fold_in_libraries()


def _rendering(settings: Settings) -> list[structlog.typing.Processor]:
    drop = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if settings.log_format == "console":
        return [drop, structlog.dev.ConsoleRenderer()]
    # Frame locals stay out: they hold tokens, passwords and rows.
    tracebacks = structlog.processors.ExceptionRenderer(
        structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    )
    return [drop, tracebacks, structlog.processors.JSONRenderer()]


def _fold_in_libraries() -> None:
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "celery", "kombu"):
        library = logging.getLogger(name)
        library.handlers.clear()
        # uvicorn makes a line for each request when anybody could hear it, even if its level is then too low.
        library.propagate = name != "uvicorn.access"
    for name in ("uvicorn.access", "httpx", "httpx2", "kombu", "urllib3", "asyncio", "amqp", *BELLS):
        logging.getLogger(name).setLevel(logging.WARNING)


def _add_request_id(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if (request_id := REQUEST_ID.get()) is not None:
        event.setdefault("request_id", request_id)
    return event


def _bounded(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if isinstance(value, str) and len(value) > MAXIMUM_FIELD_CHARACTERS:
            event[key] = value[:MAXIMUM_FIELD_CHARACTERS] + "…"
    return event
