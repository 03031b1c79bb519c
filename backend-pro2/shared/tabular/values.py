"""Values of DuckDB as JSON, without losing a digit.

Numbers stay numbers where every JSON reader gets them right: integers up to 2**53 - 1 and decimals of 15 digits.
Beyond that they are strings. NaN and infinities have no JSON form and become null. Dates are `YYYY-MM-DD`, times of
day ISO 8601, timestamps RFC 3339 in UTC (one without an offset is taken as UTC), intervals ISO 8601 in seconds, bytes
base64.
"""

import base64
import datetime as dt
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

MAX_SAFE_INTEGER = 2**53 - 1
MAX_SAFE_DIGITS = 15


def json_value(value: object) -> Any:
    """`value` as something that JSON can carry."""
    convert = _CONVERTERS.get(type(value))
    return str(value) if convert is None else convert(value)


def is_lossless(value: object) -> bool:
    """False for NaN and infinities, which become null."""
    return not isinstance(value, float) or math.isfinite(value)


def _integer(value: int) -> int | str:
    return value if -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER else str(value)


def _float(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _decimal(value: Decimal) -> int | float | str | None:
    if not value.is_finite():
        return None
    return float(value) if len(value.normalize().as_tuple().digits) <= MAX_SAFE_DIGITS else str(value)


def _timestamp(value: dt.datetime) -> str:
    moment = value.astimezone(dt.UTC) if value.tzinfo else value
    return moment.replace(tzinfo=None).isoformat() + "Z"


def _interval(value: dt.timedelta) -> str:
    return f"PT{value.total_seconds():.6f}".rstrip("0").rstrip(".") + "S"


def _list(values: list[object] | tuple[object, ...]) -> list[Any]:
    return [json_value(value) for value in values]


def _mapping(mapping: dict[object, object]) -> dict[str, Any]:
    return {str(json_value(key)): json_value(value) for key, value in mapping.items()}


def _itself(value: object) -> object:
    return value


_CONVERTERS: dict[type, Callable[[Any], Any]] = {
    type(None): _itself,
    bool: _itself,
    str: _itself,
    int: _integer,
    float: _float,
    Decimal: _decimal,
    dt.datetime: _timestamp,
    dt.date: dt.date.isoformat,
    dt.time: dt.time.isoformat,
    dt.timedelta: _interval,
    bytes: lambda value: base64.b64encode(value).decode(),
    list: _list,
    tuple: _list,
    dict: _mapping,
}
