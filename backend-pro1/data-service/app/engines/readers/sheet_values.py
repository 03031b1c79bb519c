"""The values of a sheet's columns: which type holds all of them, and each of them in that type."""

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import pyarrow as pa

SAFE = 2**53
_NAMES = {
    bool: "booleans",
    int: "numbers",
    float: "numbers",
    str: "texts",
    dt.date: "dates",
    dt.datetime: "dates",
    dt.time: "times of day",
    dt.timedelta: "durations",
}


class ColumnKinds:
    """Types of the values seen in one column, and whether all of its numbers are whole."""

    def __init__(self) -> None:
        self.types: set[type] = set()
        self.whole = True

    def add(self, values: Iterable[Any], markers: Collection[str]) -> None:
        """Look at some values; None and "" are missing, and so are `markers`."""
        present = [value for value in values if value != "" and not (markers and value in markers)]
        self.types.update(map(type, present))
        if self.whole and float in self.types:
            numbers = [value for value in present if type(value) is float]
            self.whole = all(map(float.is_integer, numbers)) and all(-SAFE <= value <= SAFE for value in numbers)

    @property
    def arrow(self) -> pa.DataType:
        """The Arrow type that holds all values."""
        match sorted(kind.__name__ for kind in self.types):
            case ["bool"]:
                return pa.bool_()
            case ["float"] | ["int"] | ["float", "int"]:
                return pa.int64() if self.whole else pa.float64()
            case ["date"]:
                return pa.date32()
            case ["datetime"] | ["date", "datetime"]:
                return pa.timestamp("us")
        return pa.string()

    @property
    def note(self) -> str | None:
        """Why the column is kept as text, if it is because of a mixture."""
        names = list(dict.fromkeys(_NAMES.get(kind, "other values") for kind in self.types))
        if len(names) < 2:
            return None
        return f"kept as text: it holds {', '.join(sorted(names))}"


def converted(values: Sequence[Any], kind: pa.DataType, markers: Collection[str]) -> list[Any]:
    """The values as `kind` holds them."""
    convert = _CONVERTERS.get(kind, as_text)
    return [None if value == "" or (markers and value in markers) else convert(value) for value in values]


def as_text(value: object) -> str:
    """A cell's value as somebody would read it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) <= SAFE:
        return str(int(value))
    return value.isoformat(" ") if isinstance(value, dt.datetime) else str(value)


def _as_moment(value: dt.date) -> dt.datetime:
    return value if isinstance(value, dt.datetime) else dt.datetime(value.year, value.month, value.day)  # noqa: DTZ001


_CONVERTERS: dict[pa.DataType, Callable[[Any], Any]] = {
    pa.int64(): int,
    pa.float64(): float,
    pa.timestamp("us"): _as_moment,
    pa.bool_(): bool,
    pa.date32(): lambda value: value,
}
