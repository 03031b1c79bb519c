"""What the members of JSON records hold, and the type that loses nothing of it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from .dialect import too_many_columns

INTEGER, INEXACT, HUGE, FLOAT, BOOLEAN, TEXT, NESTED, MARKER = (1 << bit for bit in range(8))
SCALARS = INTEGER | INEXACT | HUGE | FLOAT | BOOLEAN | TEXT
SAFE = 2**53
_CODES = {bool: BOOLEAN, str: TEXT, dict: NESTED, list: NESTED, type(None): 0}
_NAMES = {INTEGER: "integers", FLOAT: "numbers", BOOLEAN: "booleans", TEXT: "texts", NESTED: "objects or lists"}


class Members:
    """The names of the members in the order of their first appearance, and the kinds of their values as bits."""

    def __init__(self, max_columns: int, markers: Collection[str]) -> None:
        self.kinds: dict[str, int] = {}
        self.records = 0
        self._max = max_columns
        self._markers = frozenset(markers)

    def add(self, record: Mapping[str, Any]) -> None:
        """Look at one record.

        Raises:
            ComputeError: `too_many_columns`.
        """
        kinds = self.kinds
        self.records += 1
        for name, value in record.items():
            code = _CODES.get(type(value))
            if code is None:
                code = _number(value)
            elif code == TEXT and value in self._markers:
                code = MARKER
            elif code == NESTED and _has_inexact(value):
                code = NESTED | INEXACT
            kinds[name] = kinds.get(name, 0) | code
        if len(kinds) > self._max:
            raise too_many_columns(len(kinds), self._max)


def duck_type(kinds: int) -> str:
    """The DuckDB type for all values of these kinds; "?" where their texts must be looked at, "NESTED" where nested."""
    if kinds & NESTED:
        return "JSON" if kinds & SCALARS else "NESTED"
    found = kinds & SCALARS
    if found == BOOLEAN:
        return "BOOLEAN"
    if found and not found & ~(INTEGER | INEXACT):
        return "BIGINT"
    if found and not found & ~(INTEGER | FLOAT | HUGE) and found & FLOAT:
        return "DOUBLE"
    if found & HUGE and not found & ~(INTEGER | INEXACT | HUGE):
        return "?"
    return "VARCHAR"


def note(kinds: int) -> str | None:
    """Why a column is kept as text, or as JSON, although not all of its values are."""
    found = kinds & (SCALARS | NESTED)
    if not found & ~(INTEGER | INEXACT | FLOAT | HUGE):
        return "kept as text: as numbers its values would lose digits" if found & INEXACT and found & FLOAT else None
    named = [name for bit, name in _NAMES.items() if found & bit]
    if len(named) < 2:
        return None
    return f"kept as {'JSON' if found & NESTED else 'text'}: it holds {_joined(named)}"


def _joined(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _number(value: float) -> int:
    """An integer too large for 64 bits comes as a float, as do those that are written 1e20."""
    if type(value) is float:
        return HUGE if abs(value) >= 2.0**63 else FLOAT
    if -SAFE <= value <= SAFE:
        return INTEGER
    if value >= 2**63:
        return HUGE
    return INTEGER if int(float(value)) == value else INEXACT


def _has_inexact(value: object) -> bool:
    """Whether a number in it may have more digits than a double keeps."""
    if type(value) is int:
        return _number(value) in (INEXACT, HUGE)
    if type(value) is float:
        return abs(value) >= 2.0**63
    if isinstance(value, dict):
        return any(map(_has_inexact, value.values()))
    return isinstance(value, list) and any(map(_has_inexact, value))
