"""What scripts/create-admin.sh refuses before it asks an instance; the rest is tested beside the gateway."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def create_admin(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "scripts" / "create-admin.sh", *arguments],
        env=os.environ | {"VENV": sys.prefix},
        input="",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((), "--email is missing"),
        (("--email",), "--email needs a value"),
        (("--email", "a@example.com", "--name"), "--name needs a value"),
        (("--email", "a@example.com", "--password", "x"), "--password"),
        (("--email", "a@example.com", "--project", "pro99"), "pro1"),
        (("--email", "a@example.com", "--project", "all"), "one instance"),
    ],
)
def test_misuse(arguments: tuple[str, ...], word: str) -> None:
    done = create_admin(*arguments)
    assert (done.returncode, word in done.stderr) == (2, True), done.stderr


def test_an_address_that_is_none_is_refused_without_a_password() -> None:
    done = create_admin("--email", "nobody", "--project", "pro1")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "setup.sh" in done.stderr or "email" in done.stderr
