"""Each package's licence is known and allowed, and docs/licences.md says so of all of them."""

from importlib.metadata import Distribution
from pathlib import Path

import pytest

import list_licences as licences


class Package(Distribution):
    """One that is not installed, with this metadata."""

    def __init__(self, *lines: str) -> None:
        self._text = "\n".join(("Metadata-Version: 2.1", "Name: planted", "Version: 1", *lines)) + "\n\n"

    def read_text(self, filename: str) -> str | None:
        return self._text if filename == "METADATA" else None

    def locate_file(self, path: object) -> Path:
        return Path(str(path))


def test_the_list_is_of_what_is_installed() -> None:
    assert licences.main(["--check"]) == 0


def test_a_package_too_many_or_another_licence_is_seen() -> None:
    written = licences.DOCUMENT.read_text()
    for changed in (
        written.replace("| fastapi | MIT ", "| fastapi | ISC "),
        written.replace("| fastapi |", "| slowapi |"),
    ):
        assert licences.comparable(changed) != licences.comparable(licences.wanted())


@pytest.mark.parametrize(
    ("lines", "licence"),
    [
        (("License-Expression: MIT OR GPL-3.0-only",), "MIT OR GPL-3.0-only"),
        (("License: New BSD",), "BSD-3-Clause"),
        (("License: See LICENSE", "Classifier: License :: OSI Approved :: MIT License"), "MIT"),
    ],
)
def test_what_packages_say_is_understood(lines: tuple[str, ...], licence: str) -> None:
    assert licences.declared(Package(*lines)) == licence


@pytest.mark.parametrize("lines", [(), ("License: GPLv3",), ("Classifier: License :: Other/Proprietary License",)])
def test_what_nobody_has_decided_is_refused(lines: tuple[str, ...]) -> None:
    with pytest.raises(licences.Refused, match="nobody has decided"):
        licences.declared(Package(*lines))


@pytest.mark.parametrize(
    "expression",
    ["GPL-3.0-only", "AGPL-3.0-or-later", "MIT AND GPL-2.0-only", "SSPL-1.0 OR RSALv2", "LGPL-3.0-only", "MPL-2.0"],
)
def test_what_is_not_allowed_is_refused(expression: str) -> None:
    with pytest.raises(licences.Refused, match="not allowed"):
        licences.admit("planted", expression)


def test_alternatives_and_conditions() -> None:
    for name, expression in (
        ("a", "MIT OR GPL-3.0-only"),
        ("orjson", "MPL-2.0 AND (Apache-2.0 OR MIT)"),
        ("psycopg", "LGPL-3.0-only"),
    ):
        licences.admit(name, expression)
