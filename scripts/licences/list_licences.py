"""Write docs/licences.md from what the installed packages say of themselves, or --check that it is as written.

Usage: python scripts/licences/list_licences.py [--check]
"""

import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from known import ALLOWED, FILES_THAT_WERE_READ, OF_PACKAGES, SPELLINGS

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "licences.md"
USED = tuple(ROOT / "backend-pro1" / f"requirements{part}.txt" for part in ("-gateway", "-services", ""))
DEVELOPMENT = ROOT / "requirements-dev.txt"
WHERE = ("gateway", "services", "local mode", "development")
LOCKED = re.compile(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^]]*\])?==", re.MULTILINE)
MARKED = re.compile(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^]]*\])?==[^ ]+ ;", re.MULTILINE)
HEAD = """# Licences

Made by `scripts/licences/list_licences.py` from what each installed package says of itself; a test compares. The column
"where" names the smallest set that has the package: the gateway's image, the image of services and workers, local mode,
or tests and linters, which are not delivered. What a package brings along inside (libraries, fonts, servers) has its
notices in the package. Packages that only other systems or versions of Python need are not listed.

| package | licence | where |
|---|---|---|
"""
TAIL = """
Allowed are {allowed}. And with a condition:

{conditions}

Servers are programs of their own, which this one speaks to and does not contain: the compose files name their images,
and their licences are theirs. MinIO and Grafana are under AGPL-3.0, Redis 7.4 and newer under RSALv2 or SSPLv1; who
offers those themselves as a service should read them. SeaweedFS and Valkey are permissive.
"""


class Refused(Exception):
    """A package's licence is unknown, or not allowed."""


def declared(package: Distribution) -> str:
    """The licence of an installed package as an expression of SPDX.

    Raises:
        Refused: nobody has decided what its words mean.
    """
    told, name = package.metadata, package.metadata["Name"]
    if "License-Expression" in told:
        return told["License-Expression"]
    field = told["License"].strip().split("\n")[0] if "License" in told else ""
    texts = [field, *(told.get_all("Classifier") or [])]
    for text in (text.removeprefix("License :: OSI Approved :: ") for text in texts):
        if text in SPELLINGS:
            return SPELLINGS[text]
    if name.lower() in FILES_THAT_WERE_READ:
        return FILES_THAT_WERE_READ[name.lower()]
    raise Refused(f"{name}: nobody has decided what {texts[0]!r} means")


def admit(name: str, expression: str) -> None:
    """Refuse what is not allowed; of alternatives one must be.

    Raises:
        Refused: with package and licence.
    """
    conditional = {one for one, (packages, _) in OF_PACKAGES.items() if name in packages}
    for part in re.split(r" AND ", expression):
        choices = part.strip("()").split(" OR ")
        if not {*choices} & (ALLOWED | conditional):
            raise Refused(f"{name}: {expression} is not allowed")


def named(lock: Path) -> set[str]:
    """The packages of a lock."""
    return set(LOCKED.findall(lock.read_text()))


def sets() -> dict[str, str]:
    """Each locked package, and the smallest set that has it."""
    found: dict[str, str] = {}
    for where, lock in zip(WHERE, (*USED, DEVELOPMENT), strict=True):
        found |= dict.fromkeys(named(lock) - found.keys(), where)
    return dict(sorted(found.items()))


def row(name: str, where: str) -> str | None:
    """Its line of the table; None where it is not installed, since it is for other systems."""
    try:
        expression = declared(distribution(name))
    except PackageNotFoundError:
        return None
    admit(name, expression)
    return f"| {name} | {expression} | {where} |"


def wanted() -> str:
    """The whole document."""
    rows = [line for line in (row(name, where) for name, where in sets().items()) if line]
    conditions = "\n".join(
        f"* **{licence}** ({', '.join(sorted(names))}): {why}" for licence, (names, why) in sorted(OF_PACKAGES.items())
    )
    return HEAD + "\n".join(rows) + "\n" + TAIL.format(allowed=", ".join(sorted(ALLOWED)), conditions=conditions)


def comparable(text: str) -> list[str]:
    """The document's lines without packages that only some systems or versions of Python have, or have otherwise."""
    elsewhere = {name for lock in (*USED, DEVELOPMENT) for name in MARKED.findall(lock.read_text())}
    return [line for line in text.splitlines() if line.removeprefix("| ").split(" ")[0] not in elsewhere]


def main(arguments: list[str]) -> int:
    """The command."""
    try:
        text = wanted()
    except Refused as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 1
    if arguments == ["--check"]:
        same = comparable(DOCUMENT.read_text()) == comparable(text)
        sys.stderr.write("" if same else "docs/licences.md is not what is installed: run this without --check\n")
        return 0 if same else 1
    DOCUMENT.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
