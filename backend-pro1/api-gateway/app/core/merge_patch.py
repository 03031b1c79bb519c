"""JSON merge patch (RFC 7396)."""

from collections.abc import Mapping

from pydantic import JsonValue


def merged(target: JsonValue, patch: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """`target` after `patch`: null takes a member away, an object is merged, anything else replaces."""
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            result[name] = merged(result.get(name), value)
        else:
            result[name] = value
    return result
