"""The checkout of the drill of upgrades: before, now with what is not committed, and the next release."""

import subprocess
from pathlib import Path

import pytest

import drill_checkout
from drill_checkout import MIGRATIONS, SCHEMA, Checkout
from drill_transcript import DrillError


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(root: Path, message: str) -> str:
    git(root, "add", "--all")
    git(root, "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "--message", message)
    return git(root, "rev-parse", "HEAD")


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "source"
    root.mkdir()
    git(root, "init", "--quiet")
    monkeypatch.setattr(drill_checkout, "ROOT", root)
    for number in (1, 2):
        write(root, SCHEMA, f'SCHEMA_REVISION = "000{number}"\n')
        write(root, f"{MIGRATIONS}/versions/000{number}_some.py", "")
        write(root, f"{MIGRATIONS}/env.py", "")
        commit(root, f"schema {number}")
    write(root, "README.md", "one\n")
    commit(root, "words")
    return root


def test_the_three_states(source: Path, tmp_path: Path) -> None:
    write(source, "README.md", "two\n")
    write(source, "new.py", "")
    write(source, f"{MIGRATIONS}/env.py", "which newer code has made")
    checkout = Checkout.made(tmp_path / "checkout")
    before, now = checkout.before(""), checkout.present()
    following = checkout.next_release(now)
    assert [checkout.revision(commit) for commit in (before, now, following)] == ["0001", "0002", "0003"]
    assert [checkout.bears_newer_schemas(commit) for commit in (before, now)] == [False, True]
    checkout.use(now)
    assert (checkout.root / "README.md").read_text() == "two\n"
    assert (checkout.root / "new.py").exists()
    checkout.use(following)
    made = (checkout.root / MIGRATIONS / "versions" / "0003_drill.py").read_text()
    assert 'down_revision = "0002"' in made
    assert git(source, "log", "--format=%s").splitlines() == ["words", "schema 2", "schema 1"]


def test_a_revision_can_be_named_and_must_exist(source: Path, tmp_path: Path) -> None:
    checkout = Checkout.made(tmp_path / "checkout")
    assert checkout.before("HEAD~1") == git(source, "rev-parse", "HEAD~1")
    with pytest.raises(DrillError, match="no-such"):
        checkout.before("no-such")
