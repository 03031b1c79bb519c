"""What an API key may do: the scope that each operation needs, decided by method and path alone."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from shared.errors import Forbidden
from shared.links import GATEWAY_PREFIX, public_path

Area = Literal["projects", "datasets", "analysis", "models", "tasks", "users"]

_AREA_NAMES: Mapping[Area, str] = {
    "projects": "projects, their members, quotas and usage",
    "datasets": "datasets: uploads, versions, queries and transformations",
    "analysis": "analyses and their results",
    "models": "models, training and prediction",
    "tasks": "tasks and schedules",
    "users": "the account's own data and profile",
}
SCOPES: Mapping[str, str] = {
    "read": "Read everything but credentials and administration.",
    "write": "Change everything but credentials and administration; it does not include reading.",
    **{f"{area}:read": f"Read {what}." for area, what in _AREA_NAMES.items()},
    **{f"{area}:write": f"Change {what}." for area, what in _AREA_NAMES.items()},
    "admin": "Operations of administrators, for keys of administrators.",
}
"""Every scope that a key can have, with a line about it."""

_AREA_OF_SEGMENT: Mapping[str, Area] = {
    "projects": "projects",
    "users": "users",
    "upload": "datasets",
    "datasets": "datasets",
    "process": "datasets",
    "analysis": "analysis",
    "models": "models",
    "tasks": "tasks",
}
# Areas that are credentials or administration as a whole.
_DECIDED = frozenset({"auth", "admin", "logs"})
_READING_METHODS = frozenset({"GET", "HEAD"})
# What anybody may see, which includes a key whatever its scopes.
_OPEN = frozenset({"", "health", "ready", "metrics", "docs", "redoc", "openapi.json"})


@dataclass(frozen=True, slots=True)
class Need:
    """What an operation asks of a key: one of these scopes. None of them: no key may do it, only a login."""

    scopes: tuple[str, ...] = ()


NOTHING = None
LOGIN = Need()
ADMIN = Need(("admin",))

# Tried in order, before the areas; methods, and paths below /api/v1.
_EXCEPTIONS: tuple[tuple[str, re.Pattern[str], Need | None], ...] = tuple(
    (methods, re.compile(path, re.DOTALL), need)
    for methods, path, need in (
        ("GET HEAD", r"auth/me", NOTHING),
        ("*", r"auth(/.*)?", LOGIN),
        ("DELETE", r"users/[^/]+", LOGIN),
        ("*", r"users(?!/me(/|\Z)).*", ADMIN),
        ("*", r"(admin|logs)(/.*)?", ADMIN),
        ("PUT PATCH DELETE", r"projects/[^/]+/quotas", ADMIN),
    )
)
# Questions that need a body.
_READING_POSTS = re.compile(
    r"process/(query(/validate|/estimate)?|preview)|upload/inspect|datasets/[^/]+/(drift|quality/suggest)"
    r"|users/me/export|models/[^/]+/(predict|explain|what-if)"
)


@lru_cache(maxsize=4096)
def need_of(method: str, path: str) -> Need | None:
    """What `method path` asks of a key, or None when anybody may; a path of no known area is for logins only."""
    below = _below_prefix(path)
    if _first_segment(below) in _OPEN:
        return NOTHING
    for methods, pattern, need in _EXCEPTIONS:
        if (methods == "*" or method in methods.split()) and pattern.fullmatch(below):
            return need
    area = _AREA_OF_SEGMENT.get(_first_segment(below))
    if area is None:
        return LOGIN
    kind = "read" if method in _READING_METHODS or (method == "POST" and _READING_POSTS.fullmatch(below)) else "write"
    return Need((f"{area}:{kind}", kind))


def is_covered(path: str) -> bool:
    """Whether somebody has decided what keys may do with a path; a test asks this of every route."""
    first = _first_segment(_below_prefix(path))
    return first in _OPEN or first in _AREA_OF_SEGMENT or first in _DECIDED


def require_scope(method: str, path: str, held: Collection[str]) -> None:
    """Let a key pass that holds a scope which the operation needs.

    Raises:
        Forbidden: it holds none (`insufficient_scope`), or only a login may do this (`login_required`).
    """
    need = need_of(method, path)
    if need is NOTHING:
        return
    if not need.scopes:
        raise login_required()
    if not any(scope in held for scope in need.scopes):
        wanted = " or ".join(f"`{scope}`" for scope in need.scopes)
        raise Forbidden(f"The API key needs the scope {wanted} for this.", code="insufficient_scope")


def login_required() -> Forbidden:
    """What an API key is told that asks for what only a login may do."""
    return Forbidden("No API key may do this; log in and use the access token.", code="login_required")


def _below_prefix(path: str) -> str:
    """The public path without `/api/v1/`, whichever door it is: a service's own paths have public names too."""
    # A route's pattern ends in `$`, which a line break at the end of a path may follow.
    path = public_path(GATEWAY_PREFIX, path.removesuffix("\n"))
    return path.removeprefix(GATEWAY_PREFIX).lstrip("/")


def _first_segment(path: str) -> str:
    return path.partition("/")[0]
