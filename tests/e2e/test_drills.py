"""The small forms of two drills, each on an instance that it makes and deletes: every promise holds."""

import subprocess
import sys
from os import environ
from pathlib import Path

import pytest

# An instance is started several times, and keys move at the pace of those who look after them.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

ROOT = Path(__file__).resolve().parents[2]


def drill(kind: str, number: int) -> str:
    command = [str(ROOT / "scripts" / "drill.sh"), kind, "--small", "--number", str(number)]
    # Not run(timeout=…), which would kill it before it has deleted its instance.
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ | {"VENV": sys.prefix})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_destroyed_instance_comes_back_from_its_backup() -> None:
    said = drill("backup", 108)
    assert "held   projects, datasets, versions, results, models, keys are the same" in said
    assert "without service (RTO)" in said
    assert not (ROOT / ".run" / "drill-backup").exists()


def test_a_new_secret_key_ends_no_session() -> None:
    said = drill("keys", 109)
    assert "held   SECRET_KEY: no session is refused" in said
    assert "held   old key gone: its tokens are refused" in said
    assert not (ROOT / ".run" / "drill-keys").exists()
