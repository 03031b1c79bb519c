"""What is told of an error is what the documentation says."""

import re
from pathlib import Path

from ..app.services.error_meanings import UNKNOWN, meaning_of

ROOT = Path(__file__).parents[3]


def documented() -> dict[str, str]:
    """Rows of errors.md that a task may fail with."""
    text = (ROOT / "docs" / "errors.md").read_text().partition("\n## Runs of a schedule")[0]
    found = {}
    for code, rest in re.findall(r"^\| `([a-z0-9_]+)` \| (.*) \|$", text, re.MULTILINE):
        status, bar, meaning = rest.partition(" | ")
        if not bar or "task" in status:
            found[code] = meaning if bar else rest
    return found


def test_each_documented_code_has_its_meaning() -> None:
    expected = documented()
    assert len(expected) > 50
    assert {code: meaning_of(code) for code in expected} == expected


def test_of_others_nothing_is_said() -> None:
    assert meaning_of("brought_in") == UNKNOWN
