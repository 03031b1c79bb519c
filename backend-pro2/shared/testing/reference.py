"""Writes what of docs/ is made from the code, but for the metrics: `python -m shared.testing.reference FOLDER`."""

import json
import sys
from pathlib import Path

from shared.testing import settings_list
from shared.testing.documents import SERVICES, document


def files() -> dict[str, str]:
    """The text of each file by its place in docs/."""
    made = {f"openapi/{service}.json": _as_text(document(service)) for service in SERVICES}
    return made | {"settings.md": settings_list.document()}


def _as_text(found: object) -> str:
    # Sorted and one value a line: what a change of the code changes is what a reader of the difference sees.
    return json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def write(folder: Path) -> None:
    """Put them there; what is as it should be is left alone."""
    for name, text in files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
