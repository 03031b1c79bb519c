"""Which columns hold personal data, as far as people have noted it, or the profile suspects it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from shared.tabular.types import INTEGER, STRING

CODE = "personal_data"
_MORE = "There are "


def personal_columns(
    schema: Sequence[Mapping[str, Any]], profile: Mapping[str, Any] | None, notes: Mapping[str, Mapping[str, Any]]
) -> frozenset[str]:
    """Names of columns whose note says `personal: true`, or that the profile warns of and no note clears."""
    types = {str(column["name"]): str(column["type"]) for column in schema}
    noted = {name: note.get("personal") for name, note in notes.items()}
    suspected = _suspected(types, [each for each in (profile or {}).get("warnings", ()) if each["code"] == CODE])
    return frozenset(name for name in types if noted.get(name, name in suspected) is True)


def _suspected(types: Mapping[str, str], warnings: Collection[Mapping[str, Any]]) -> frozenset[str]:
    messages = [str(each["message"]) for each in warnings]
    if any(message.startswith(_MORE) for message in messages):
        # The profile names so many and no more; of the others, any of a type that it looks at may be one.
        return frozenset(name for name, kind in types.items() if kind in (STRING, INTEGER))
    return frozenset(name for name in types if any(text.startswith(f"Column '{name}' looks") for text in messages))
