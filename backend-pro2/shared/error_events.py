"""Events for Sentry, made of what may be told instead of made of all and stripped.

Of an exception: its kinds, places in the code, and words that stand in the code (shared/logs/failures.py). Of what it
happened to: the ids. Nothing else leaves: no locals, sources, headers, bodies, queries, fields, breadcrumbs or hosts.
"""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from shared.logs.bounds import bounded
from shared.logs.context import ID_NAMES
from shared.logs.handler import fields_of

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

_LEAVING = frozenset(
    (
        *("event_id", "timestamp", "level", "logger", "platform", "release", "environment", "server_name", "sdk"),
        *("exception", "logentry", "tags", "user"),
    )
)
_LEVELS = {"critical": "fatal"}


def event_of(record: logging.LogRecord, tags: Mapping[str, str]) -> "Event":
    """The event that tells of a logged error."""
    fields = bounded(fields_of(record, tags))
    failure = fields.get("exception") or fields.get("failure") or []
    ids = {name: str(fields[name]) for name in ID_NAMES if name in fields}
    user_id = ids.pop("user_id", None)
    event: Any = {
        "level": _LEVELS.get(fields["level"], fields["level"]),
        "logger": record.name,
        "logentry": {"message": _message(record)},
        "tags": {**tags, **ids},
    }
    if user_id is not None:
        event["user"] = {"id": user_id}
    links = [_link(link) for link in failure if isinstance(link, dict)]
    if links:
        # The SDK's order: what came first stands first.
        event["exception"] = {"values": links[::-1]}
    told: Event = event
    return told


def strip_event(event: "Event", _: "Hint") -> "Event":
    """Leave what is in the list above, and of the user only the id, whoever made the event."""
    kept: Any = {name: value for name, value in event.items() if name in _LEAVING}
    if "user" in kept:
        kept["user"] = {"id": kept["user"]["id"]} if "id" in kept["user"] else {}
    told: Event = kept
    return told


def _message(record: logging.LogRecord) -> str:
    if isinstance(record.msg, dict):
        return str(record.msg.get("event", ""))
    # A library's words without what it put into them; where they are mixed already, only where it said them.
    return str(record.msg) if record.args else f"{record.name}.{record.funcName}"


def _link(link: Mapping[str, Any]) -> dict[str, Any]:
    module, _, kind = str(link.get("type", "")).rpartition(".")
    about = [str(link[name]) for name in ("message", "code", "sqlstate", "strerror") if name in link]
    frames = [_frame(frame) for frame in link.get("frames", []) if isinstance(frame, dict)]
    value = {"type": kind, "value": " · ".join(about), "stacktrace": {"frames": frames[::-1]}}
    return {**value, "module": module} if module else value


def _frame(frame: Mapping[str, Any]) -> dict[str, Any]:
    file = str(frame.get("file", ""))
    place = {"filename": file, "lineno": frame.get("line"), "function": str(frame.get("function", ""))}
    return {**place, "in_app": "shared/" in file or "/app/" in file}
