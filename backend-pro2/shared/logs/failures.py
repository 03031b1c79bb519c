"""Exceptions as log lines and error reports tell them: kinds, places in the code, and words that stand in the code.

A message may hold anything: a row, a body, a password. So only such of its words are told as stand in the function that
raised it; whatever came into it at run time is masked, whoever wrote that function.
"""

from collections.abc import Iterator
from types import CodeType, TracebackType
from typing import Any

from shared.logs.redaction import MASK, mask

MAXIMUM_LINKS = 5
MAXIMUM_FRAMES = 30
MAXIMUM_WORDS = 60
# What says more than a message would, and comes from code or from a server's own lists.
_TOLD_ATTRIBUTES = ("code", "sqlstate", "strerror", "errno", "constraint_name", "column_name", "table_name", "status")
_NAMING = (AttributeError, NameError, ImportError)


def failure_of(error: BaseException) -> list[dict[str, Any]]:
    """The exception and what it came from, the last one first; each with `type`, `message`, `frames` and the like."""
    return [_link(link) for link in _chain(error)]


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen and len(seen) < MAXIMUM_LINKS:
        seen.add(id(error))
        yield error
        inner = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else None
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__) or inner


def _link(error: BaseException) -> dict[str, Any]:
    kind = type(error)
    frames = list(_traces(error.__traceback__))
    told = {"type": kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"}
    message = _in_code(_text(error), frames[-1].tb_frame.f_code if frames else None)
    return told | ({"message": message} if message else {}) | _attributes(error) | {"frames": _frames(error)}


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - somebody else's __str__, and what it fails with is nobody's concern here
        return ""


def _traces(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def _frames(error: BaseException) -> list[dict[str, Any]]:
    """Where it was raised first, then who called."""
    traces = list(_traces(error.__traceback__))[::-1]
    return [
        {
            "file": short_path(trace.tb_frame.f_code.co_filename),
            "line": trace.tb_lineno,
            "function": trace.tb_frame.f_code.co_qualname,
        }
        for trace in traces[:MAXIMUM_FRAMES]
    ]


def short_path(path: str) -> str:
    """The part of a file's path that is alike on every machine."""
    return path.rpartition("site-packages/")[2] if "site-packages/" in path else "/".join(path.split("/")[-4:])


def _in_code(text: str, raiser: CodeType | None) -> str:
    literals = set(_literals(raiser.co_consts if raiser else ()))
    if text in literals:
        return mask(text)
    # A literal of one word may as well be an argument.
    known = {word for literal in literals if " " in literal for word in literal.split()}
    words: list[str] = []
    for word in text.split(None, MAXIMUM_WORDS)[:MAXIMUM_WORDS]:
        told = word if word in known else MASK
        if told != MASK or words[-1:] != [MASK]:
            words.append(told)
    return "" if words == [MASK] else mask(" ".join(words))


def _literals(constants: tuple[Any, ...]) -> Iterator[str]:
    for constant in constants:
        if isinstance(constant, str):
            yield constant
        elif isinstance(constant, tuple):
            yield from _literals(constant)


def _attributes(error: BaseException) -> dict[str, Any]:
    names = (*_TOLD_ATTRIBUTES, "name") if isinstance(error, _NAMING) else _TOLD_ATTRIBUTES
    found = {name: getattr(error, name, None) for name in names}
    return {name: value for name, value in found.items() if _is_plain(value)}


def _is_plain(value: object) -> bool:
    if isinstance(value, str):
        return 0 < len(value) <= 64 and value.replace("_", "").replace("-", "").replace(" ", "").isalnum()
    return isinstance(value, int)
