"""A short profile of `scripts/fuzz.sh files`, always the same: each reader of what users send gets some damage."""

from argparse import Namespace
from pathlib import Path

import pytest

from . import files
from .child_process import End

# On a machine with nothing else to do it takes some seconds.
pytestmark = pytest.mark.timeout(1200)

SOURCE = Path(__file__).resolve().parents[2] / "backend-pro1"
SEED, COUNT = 20260101, 160


@pytest.fixture(autouse=True)
def _source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(SOURCE)


def test_no_reader_is_surprised() -> None:
    report = files.run(Namespace(seed=SEED, count=COUNT, part=None, only=None, keep=None))
    assert report.failures == []
    assert set(report.outcomes) == set(files.PARTS)
    # The good and the damaged alike get to the readers.
    assert sum(counts["result"] for counts in report.outcomes.values()) > COUNT / 10


@pytest.mark.parametrize(
    "code", ["internal_error", "crashed", "timeout", "too much memory", "too much time", "made_up"]
)
def test_what_is_no_end_of_ours_is_a_failure(tmp_path: Path, code: str) -> None:
    assert files.flaws(End(code, "It failed."), tmp_path)


@pytest.mark.parametrize("detail", ["There is no /tmp/x/source.", 'File "typed.py", line 3.', "x" * 5000])
def test_what_is_told_is_bounded_and_not_of_us(tmp_path: Path, detail: str) -> None:
    assert files.flaws(End("damaged_file", detail), tmp_path)
    assert files.flaws(End("damaged_file", "The file is damaged."), tmp_path) == []
