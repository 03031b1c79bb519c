"""Where two results differ, value by value."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from .fingerprints import canonical

MOST_SHOWN = 50
TEXT_CHARACTERS = 200
KEY_CHARACTERS = 100
_ABSENT = object()


class Difference(NamedTuple):
    """One value that changed; `path` is a JSON pointer (RFC 6901) within the part."""

    part: str
    path: str
    before: Any
    after: Any


def differences(part: str, before: Any, after: Any) -> list[Difference]:
    """The first differences, at most 50; a list or an object that is new, or has gone, counts once."""
    return list(islice(_walk(part, "", before, after), MOST_SHOWN))


def _walk(part: str, path: str, before: Any, after: Any) -> Iterator[Difference]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted(before.keys() | after.keys()):
            yield from _walk(part, f"{path}/{_token(key)}", before.get(key, _ABSENT), after.get(key, _ABSENT))
    elif isinstance(before, list) and isinstance(after, list):
        for position, (one, other) in enumerate(zip(before, after, strict=False)):
            yield from _walk(part, f"{path}/{position}", one, other)
        if len(before) != len(after):
            yield Difference(part, path, _shown(before), _shown(after))
    elif not _equal(before, after):
        yield Difference(part, path, _shown(before), _shown(after))


def _equal(before: Any, after: Any) -> bool:
    if before is _ABSENT or after is _ABSENT:
        return False
    one, other = canonical(before), canonical(after)
    # In Python, True is 1.
    return type(one) is type(other) and bool(one == other)


def _shown(value: Any) -> Any:
    if value is _ABSENT:
        return None
    if isinstance(value, Mapping):
        return f"an object of {len(value)} members"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"a list of {len(value)}"
    return value[:TEXT_CHARACTERS] if isinstance(value, str) else value


def _token(key: str) -> str:
    return key[:KEY_CHARACTERS].replace("~", "~0").replace("/", "~1")
