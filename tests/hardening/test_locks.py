"""Every package is locked, by hash, in each of the lock files; and nothing else is installed."""

import re
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from .locks import LOCKS, asked_for, faults, locked, versions
from .trees import ROOT, SOURCE, files, place

NAMES = {path: place(path) for path in LOCKS}
GOOD = "b==1.0 \\\n    --hash=sha256:" + "0" * 64 + "\n    # via a\n"


@pytest.mark.parametrize("asked", LOCKS, ids=NAMES.get)
def test_every_entry_is_one_version_with_hashes(asked: Path) -> None:
    text = LOCKS[asked].read_text()
    assert len(locked(text)) > 20
    assert faults(text) == []


@pytest.mark.parametrize("asked", LOCKS, ids=NAMES.get)
def test_what_is_asked_for_is_locked(asked: Path) -> None:
    held = versions(LOCKS[asked].read_text())
    wishes = asked_for(asked)
    assert [str(wish) for wish in wishes if canonicalize_name(wish.name) not in held] == []
    low = [str(wish) for wish in wishes if not all(map(wish.specifier.contains, held[canonicalize_name(wish.name)]))]
    assert low == []


def test_the_images_have_the_versions_that_are_tested() -> None:
    whole = versions((SOURCE / "requirements.txt").read_text())
    for part in ("gateway", "services"):
        held = versions((SOURCE / f"requirements-{part}.txt").read_text())
        assert {name: found for name, found in held.items() if whole.get(name) != found} == {}


def test_no_other_list_of_packages_is_there() -> None:
    lists = {path for path in files() if re.fullmatch(r"requirements.*\.(in|txt)", path.name)}
    benchmarks = {path for path in lists if path.is_relative_to(ROOT / "benchmarks")}
    assert lists - benchmarks == {*LOCKS, *LOCKS.values()}


def test_images_and_setup_ask_for_hashes() -> None:
    installs = [
        f"{place(path)}: {line.strip()}"
        for path in files()
        if (path.name == "Dockerfile" or path.suffix == ".sh") and "tests" not in path.parts
        for line in path.read_text().splitlines()
        if re.search(r"\bpip\b.*\binstall\b", line) and not re.match(r"\s*(#|die )", line)
    ]
    assert installs != []
    assert [line for line in installs if "--require-hashes" not in line] == []


@pytest.mark.parametrize(
    "entry",
    [
        "a==1.0\n",
        "a==1.0 \\\n    --hash=sha256:" + "0" * 63 + "\n",
        GOOD.replace("==", ">="),
        GOOD.replace("1.0", "1.*"),
    ],
)
def test_what_is_not_locked_is_seen(entry: str) -> None:
    assert faults(GOOD) == []
    assert len(faults(GOOD + entry.replace("b", "c", 1))) == 1
