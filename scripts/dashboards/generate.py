"""Write Grafana's dashboards into monitoring/grafana/dashboards, or --check that they are as written.

Usage: python scripts/dashboards/generate.py [--check]
"""

import sys
from pathlib import Path

from boards import BOARDS
from rendering import render

FOLDER = Path(__file__).resolve().parents[2] / "monitoring" / "grafana" / "dashboards"


def wanted() -> dict[str, str]:
    """The text of each file by its name."""
    return {f"{board.uid.removeprefix('ai-platform-')}.json": render(board) for board in BOARDS}


def differing(folder: Path = FOLDER) -> list[str]:
    """Names of files that are missing, changed or too many."""
    there = {path.name: path.read_text() for path in folder.glob("*.json")}
    files = wanted()
    return sorted(name for name in {*there, *files} if there.get(name) != files.get(name))


def write(folder: Path = FOLDER) -> list[str]:
    """Make the files as they should be; returns the names of those that were not."""
    changed = differing(folder)
    files = wanted()
    for name in changed:
        if name in files:
            (folder / name).write_text(files[name])
        else:
            (folder / name).unlink()
    return changed


def main(arguments: list[str]) -> int:
    """The command."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write("usage: generate.py [--check]\n")
        return 2
    changed = differing() if arguments else write()
    if changed and arguments:
        sys.stderr.write(f"run scripts/dashboards/generate.py: {', '.join(changed)} are not as it writes them\n")
        return 1
    sys.stdout.write("".join(f"{name} written\n" for name in changed))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
