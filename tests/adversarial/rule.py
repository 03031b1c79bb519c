"""What a rule about an operation says: who may do it, with which key, and a request that is allowed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Least(Enum):
    """What a caller must be at least."""

    ANYBODY = "no credentials"
    USER = "any account"
    SELF = "the account that the path names, or that what it names belongs to"
    VIEWER = "a member of the project"
    EDITOR = "an editor of the project"
    OWNER = "an owner of the project"
    ADMIN = "an administrator"


LOGIN, OPEN = "login", "open"
Content = Mapping[str, Any] | bytes | None


@dataclass(frozen=True, slots=True)
class Rule:
    """One operation's demands, and a request that a caller who meets them can make."""

    least: Least
    key: str
    body: Content = None
    path: Mapping[str, str] = field(default_factory=dict)
    kind: str = "application/json"
    query: str = ""
    # Administrators may do it too, whose resource it ever is.
    admin: bool = False
    # Whoever may do it uses something up: the resource, or the session.
    spends: bool = False
    # Has to be there before.
    needs: str = ""
    # Whoever may not do it is told so even about what is absent.
    told_first: bool = False
    # An instance without an LLM has none, so whoever may see it hears that there is none.
    absent: bool = False
