"""What the codes of failed tasks mean, in the words of the documentation; a test holds the two together."""

import json
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_suffix(".json")
UNKNOWN = "Not documented."


def meaning_of(code: str) -> str:
    """What a code means, and what to do."""
    return _meanings().get(code, UNKNOWN)


@cache
def _meanings() -> dict[str, str]:
    found: dict[str, str] = json.loads(_FILE.read_text(encoding="utf-8"))
    return found
