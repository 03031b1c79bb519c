"""One table of what all benchmarks found, from their records."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .report import table

MARK = "all.sh"
HEAD = ("benchmark", "target", "measured", "verdict", "date", "load before, after")

Record = Mapping[str, Any]


def read_records(folder: Path, names: Iterable[str]) -> dict[str, Record]:
    """By name, in the order of `names`, those that there are."""
    files = ((name, folder / f"{name}.json") for name in names)
    return {name: json.loads(file.read_text()) for name, file in files if file.exists()}


def published(fresh: Mapping[str, Record], folder: Path, names: Iterable[str]) -> dict[str, Record]:
    """What is in git: the `fresh` records, written to `folder`, and of the others those that stand there."""
    folder.mkdir(exist_ok=True)
    for name, found in fresh.items():
        (folder / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n")
    return read_records(folder, names)


def paragraphs(records: Mapping[str, Record], failures: Mapping[str, str]) -> list[str]:
    """Where and with what it was measured, the table, and how long each took."""
    return [*_circumstances(records.values()), table(HEAD, [*rows(records), *_failed(failures)]), _durations(records)]


def rows(records: Mapping[str, Record]) -> Iterator[Sequence[object]]:
    """A line for each check."""
    for name, found in records.items():
        load = f"{found['load']['before']}, {found['load']['after']}"
        for check in found["checks"]:
            verdict = "met" if check["met"] else "**missed**"
            yield f"`{name}.sh`", _cell(check["target"]), _cell(check["measured"]), verdict, found["at"][:10], load


def exit_code(records: Iterable[Record], failures: Mapping[str, str]) -> int:
    """0: all targets met; 1: some missed; 2: a benchmark failed, so nobody knows."""
    if failures:
        return 2
    return 0 if all(check["met"] for found in records for check in found["checks"]) else 1


def _failed(failures: Mapping[str, str]) -> Iterator[Sequence[object]]:
    for name, why in failures.items():
        yield f"`{name}.sh`", "runs", _cell(why), "**failed**", "", ""


def _circumstances(records: Iterable[Record]) -> Iterator[str]:
    """One paragraph where all agree; else one for each that differs."""
    seen: dict[str, list[str]] = {}
    for found in records:
        machine = found["machine"]
        said = [f"{machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}"]
        said.append(f"commit {found['commit'] or 'unknown'}")
        said.append(", ".join([f"{name} {version}" for name, version in found["packages"].items()]))
        said.append(", ".join(found["servers"]))
        seen.setdefault("; ".join(filter(None, said)), []).append(found["name"])
    for text, names in seen.items():
        yield f"{text}." if len(seen) == 1 else f"{', '.join(names)}: {text}."


def _durations(records: Mapping[str, Record]) -> str:
    took = [f"{name} {found['seconds'] / 60:.1f}" for name, found in records.items()]
    return f"Minutes: {', '.join(took)}." if took else "None has been run."


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
