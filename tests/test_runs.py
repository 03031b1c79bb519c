"""How `scripts/test.sh` runs pytest against servers: few failures get a second chance, and are told."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
UNSTEADY = """from pathlib import Path
def test_second_time():
    seen = Path(__file__).with_name("seen")
    known = seen.exists()
    seen.touch()
    assert known
"""
BROKEN = "def test_broken_{}():\n    assert False\n"
PASSING = "def test_well():\n    assert True\n"


def bash(script: str) -> subprocess.CompletedProcess[str]:
    """With the functions of `scripts/lib/pytest.sh`."""
    script = f"set -Eeuo pipefail; source {ROOT}/scripts/lib/pytest.sh; {script}"
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)


def run(folder: Path, content: str) -> tuple[int, str, str]:
    """Exit code, what was said, and which tests were unsteady."""
    (folder / "test_it.py").write_text(content)
    results = folder / "results"
    results.mkdir()
    ended = bash(f"VENV={sys.prefix} RESULTS={results} PYTEST_ARGUMENTS=(); pytest_with_servers {folder} test_it.py")
    unsteady = results / "unsteady"
    return ended.returncode, ended.stdout, unsteady.read_text() if unsteady.exists() else ""


def test_what_passes_the_second_time_is_named(tmp_path: Path) -> None:
    code, said, unsteady = run(tmp_path, PASSING + UNSTEADY)
    assert (code, unsteady) == (0, "test_it.py::test_second_time\n")
    assert "== once more: test_it.py::test_second_time" in said
    assert "1 passed, 1 deselected" in said


@pytest.mark.parametrize(("failures", "more"), [(1, True), (3, True), (4, False)])
def test_what_is_broken_stays_so(tmp_path: Path, failures: int, more: bool) -> None:
    code, said, unsteady = run(tmp_path, PASSING + "".join(BROKEN.format(number) for number in range(failures)))
    assert (code, unsteady, "once more" in said) == (1, "", more)


def test_what_passes_runs_once(tmp_path: Path) -> None:
    code, said, unsteady = run(tmp_path, PASSING)
    assert (code, unsteady, "once more" in said) == (0, "", False)


def test_what_failed_is_named_once_in_few_lines(tmp_path: Path) -> None:
    _, said, _ = run(tmp_path, PASSING + "".join(BROKEN.format(number) for number in range(3)))
    assert said.count("FAILED test_it.py::test_broken_1") == 2
    (tmp_path / "said").write_text(said)
    named = bash(f"failed_tests {tmp_path / 'said'}").stdout.splitlines()
    assert named == [f"  FAILED test_it.py::test_broken_{number} - assert False" for number in range(3)]
    nothing = bash(f"failed_tests {tmp_path / 'test_it.py'}")
    assert (nothing.returncode, nothing.stdout) == (0, "")
