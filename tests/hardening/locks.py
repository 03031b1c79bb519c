"""The locked packages, and what was asked for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from .trees import ROOT, SOURCE

LOCKS = {
    SOURCE / "requirements.in": SOURCE / "requirements.txt",
    SOURCE / "requirements-services.in": SOURCE / "requirements-services.txt",
    SOURCE / "requirements-gateway.in": SOURCE / "requirements-gateway.txt",
    ROOT / "requirements-dev.in": ROOT / "requirements-dev.txt",
}
ENTRY = re.compile(r"^[^\s#].*?(?=^[^\s#]|\Z)", re.MULTILINE | re.DOTALL)
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}\b")


@dataclass(frozen=True)
class Locked:
    """One entry of a lock: for some machines, where it has a marker."""

    name: str
    version: Version
    hashes: int
    marker: str
    line: str


def locked(text: str) -> list[Locked]:
    """All entries of a lock's text."""
    return [_entry(match[0]) for match in ENTRY.finditer(text)]


def _entry(text: str) -> Locked:
    line = text.split("\\\n")[0].split("\n")[0].strip()
    asked = Requirement(line.split(" --hash")[0])
    pins = [one for one in asked.specifier if one.operator == "==" and "*" not in one.version]
    version = Version(pins[0].version) if len(pins) == len(asked.specifier) == 1 else Version("0")
    return Locked(canonicalize_name(asked.name), version, len(HASH.findall(text)), str(asked.marker or ""), line)


def faults(text: str) -> list[str]:
    """Entries that pip could fill with something else than was locked."""
    return [one.line for one in locked(text) if not one.hashes or one.version == Version("0")]


def asked_for(path: Path) -> list[Requirement]:
    """What a `.in` file names, and the files that it includes."""
    found = []
    for line in (line.split("#")[0].strip() for line in path.read_text().splitlines()):
        if line.startswith("-r "):
            found += asked_for(path.parent / line.removeprefix("-r ").strip())
        elif line and not line.startswith("-"):
            found.append(Requirement(line))
    return found


def versions(text: str) -> Mapping[str, list[Version]]:
    """The versions of each package; several where machines differ."""
    found: dict[str, list[Version]] = {}
    for one in locked(text):
        found.setdefault(one.name, []).append(one.version)
    return found
