"""Hashes of results that are the same for the same values, before they were stored and after."""

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

# As far as this each integer is a double.
EXACT = 2**53
PARTS = ("summary", "tables", "charts", "warnings")
# They tell where the work was done, and what else was tested on the dataset, which no result depends on.
_OF_THE_CIRCUMSTANCES = frozenset({"ray_unavailable", "multiple_testing"})


def parts_of(result: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a result that the same inputs must give again; `result` has the members of PARTS."""
    lasting = [warning for warning in result["warnings"] if warning["code"] not in _OF_THE_CIRCUMSTANCES]
    return {**{part: result[part] for part in PARTS}, "warnings": lasting}


def hashes_of(result: Mapping[str, Any]) -> dict[str, str]:
    """SHA-256 of the canonical form of each part."""
    return {part: fingerprint(value) for part, value in parts_of(result).items()}


def fingerprint(value: Any) -> str:
    """SHA-256 of JSON with sorted keys, without spaces, each number in the shortest form that reads back the same."""
    text = json.dumps(canonical(value), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def canonical(value: Any) -> Any:
    """`value` with all numbers in one form: the database gives 1e16 back as an integer, and -0.0 as 0.0."""
    # By exact types, of which JSON has few: charts have thousands of numbers.
    kind = type(value)
    if kind is float:
        # Adding zero takes the sign from a negative zero.
        return value + 0.0
    if kind is dict:
        return {key: canonical(item) for key, item in value.items()}
    if kind is list or kind is tuple:
        return [canonical(item) for item in value]
    return _whole(value) if kind is int else value


def _whole(number: int) -> int | float:
    if -EXACT <= number <= EXACT:
        return float(number)
    try:
        nearest = float(number)
    except OverflowError:
        return number
    # By its text: 1e23 is nearest to an integer other than the one with 23 zeros, which the database makes of it.
    return nearest if Decimal(repr(nearest)) == number else number
