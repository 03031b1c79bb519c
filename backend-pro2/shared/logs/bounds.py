"""Makes one bounded, redacted JSON object of whatever somebody gave to a logger."""

import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date, time
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

from pydantic import SecretBytes, SecretStr

from shared.logs.escapes import encode
from shared.logs.failures import failure_of
from shared.logs.redaction import MASK, is_secret_name, mask

MAXIMUM_FIELD_CHARACTERS = 4000
# Docker cuts longer ones in two.
MAXIMUM_LINE_BYTES = 16_000
MAXIMUM_DEPTH = 6
MAXIMUM_ITEMS = 64
MAXIMUM_NAME_CHARACTERS = 100
CUT = "…"
# They come first and stay whole, however much else there is.
_HEAD = ("timestamp", "level", "event", "service", "project", "instance", "logger")
_IDS = ("request_id", "trace_id", "span_id", "user_id", "task_id")
_EXACT = (int, float, bool, type(None))


class _Budget:
    """How many characters a line may still take."""

    def __init__(self, characters: int) -> None:
        self.left = characters

    def take(self, text: str, most: int = MAXIMUM_FIELD_CHARACTERS) -> str:
        allowed = min(most, max(self.left, 0))
        self.left -= min(len(text), allowed) + 4
        return text if len(text) <= allowed else text[:allowed] + CUT


def as_line(fields: Mapping[str, Any]) -> bytes:
    """One line of valid JSON with a line feed, at most 16 kB."""
    for characters in (12_000, 2_000, 300):
        line = encode(bounded(fields, characters))
        if len(line) <= MAXIMUM_LINE_BYTES:
            break
    return line


def bounded(fields: Mapping[str, Any], characters: int = 12_000) -> dict[str, Any]:
    """The fields as plain, redacted JSON of about so many characters."""
    budget = _Budget(characters)
    names = [name for name in (*_HEAD, *_IDS) if name in fields]
    rest = [name for name in fields if name not in set(names)]
    told = {name: _text(str(fields[name]), budget, characters // 3) for name in names}
    for name in rest[:MAXIMUM_ITEMS]:
        if budget.left <= 0:
            break
        shown = _name(name, budget)
        told[shown] = _field(shown, fields[name], budget, 1)
    left_out = len(fields) - len(told)
    return told | ({"fields_left_out": left_out} if left_out > 0 else {})


def _name(name: object, budget: _Budget) -> str:
    return _text(
        str(name) if isinstance(name, str | int) else f"<{type(name).__qualname__}>", budget, MAXIMUM_NAME_CHARACTERS
    )


def _field(name: str, value: object, budget: _Budget, depth: int) -> Any:
    # A number is no secret: `tokens` are counted in many places.
    if isinstance(value, _EXACT) or not is_secret_name(name):
        return _plain(value, budget, depth)
    return MASK


def _text(text: str, budget: _Budget, most: int = MAXIMUM_FIELD_CHARACTERS) -> str:
    # Masked before it is cut: half a secret would have no form to know it by.
    near = text[: 2 * most + 1000]
    return budget.take(mask(near.encode("utf-8", "replace").decode()), most)


def _plain(value: object, budget: _Budget, depth: int) -> Any:
    # Also for what is empty: of nothing at all there could be millions.
    budget.left -= 8
    if isinstance(value, str) and not isinstance(value, Enum):
        return _text(value, budget)
    if isinstance(value, _EXACT) and not isinstance(value, Enum):
        return _number(value)
    if isinstance(value, SecretStr | SecretBytes):
        return MASK
    if isinstance(value, bytes | bytearray | memoryview):
        return f"{len(value)} bytes"
    if isinstance(value, BaseException):
        return [_mapping(link, budget, depth + 1) for link in failure_of(value)]
    return _structure(value, budget, depth)


def _number(value: float | None) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    # Longer ones are no numbers of JSON to everybody who reads it.
    if isinstance(value, int) and not -(2**53) < value < 2**53:
        return str(value) if value.bit_length() < 256 else f"number of {value.bit_length()} bits"
    return value


def _structure(value: object, budget: _Budget, depth: int) -> Any:
    if isinstance(value, Mapping):
        return CUT if depth >= MAXIMUM_DEPTH else _mapping(value, budget, depth + 1)
    if isinstance(value, list | tuple | AbstractSet):
        return CUT if depth >= MAXIMUM_DEPTH else _items(value, budget, depth + 1)
    if isinstance(value, Enum):
        return _plain(value.value, budget, depth + 1) if depth < MAXIMUM_DEPTH else CUT
    if isinstance(value, date | time | UUID | Decimal | PurePath):
        return _text(str(value), budget)
    # Its text could hold anything, and making it could run anything.
    return f"<{type(value).__qualname__}>"


def _mapping(value: Mapping[Any, Any], budget: _Budget, depth: int) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for number, (name, item) in enumerate(value.items()):
        if number >= MAXIMUM_ITEMS or budget.left <= 0:
            told[CUT] = len(value) - number
            break
        shown = _name(name, budget)
        told[shown] = _field(shown, item, budget, depth)
    return told


def _items(value: Any, budget: _Budget, depth: int) -> list[Any]:
    told: list[Any] = []
    for number, item in enumerate(value):
        if number >= MAXIMUM_ITEMS or budget.left <= 0:
            told.append(f"{CUT} {len(value) - number} more")
            break
        told.append(_plain(item, budget, depth))
    return told
