"""Instances are made and removed by one command each: on a small checkout, with the scripts as they are."""

import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from project_parts import translated

ROOT = Path(__file__).resolve().parents[1]
# No engine: what another checkout has in it under the same names is none of these tests' business.
ENVIRONMENT = os.environ | {"VENV": sys.prefix, "DOCKER_HOST": "unix:///nowhere/docker.sock"}
OVERLAY = {
    "kustomization.yaml": "namespace: ai-platform-pro1\nresources: [../../base]\npatches: [{path: pro1-ports.yaml}]\n",
    "pro1-ports.yaml": "host: pro1.example.org\nport: 8000\nmemory: 8000Mi\nstore: 9000\n",
}


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small checkout with pro1 alone, committed."""
    folder = tmp_path_factory.mktemp("template")
    for name in ("config", "scripts"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("README.md", ".gitattributes", ".gitignore"):
        shutil.copy(ROOT / name, folder)
    source = folder / "backend-pro1"
    source.mkdir()
    shutil.copy(ROOT / "backend-pro1" / "requirements.txt", source)
    overlay = folder / "deployments" / "overlays" / "pro1"
    overlay.mkdir(parents=True)
    for name, text in OVERLAY.items():
        (overlay / name).write_text(text)
    (overlay / ".env").write_text("SECRET_KEY=of-pro1\n")
    run("git", "init", "--quiet", cwd=folder)
    assert run(folder / "scripts" / "sync-projects.sh", cwd=folder).returncode == 0
    run("git", "add", "--all", cwd=folder)
    run("git", "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "--quiet", "-m", "x", cwd=folder)
    return folder


@pytest.fixture
def checkout(template: Path, tmp_path: Path) -> Path:
    return shutil.copytree(template, tmp_path / "checkout", symlinks=True)


def new(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(checkout / "scripts" / "new-project.sh", *arguments, cwd=checkout)


def remove(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(checkout / "scripts" / "remove-project.sh", *arguments, cwd=checkout)


def succeeded(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 1
    assert "error: " in done.stderr
    for word in words:
        assert word in done.stderr


def changes(checkout: Path) -> set[str]:
    """What git sees beside the last commit."""
    return set(run("git", "status", "--porcelain", "--untracked-files=all", cwd=checkout).stdout.splitlines())


def kept_data(checkout: Path, name: str) -> Path:
    """As a start in local mode leaves it."""
    data = checkout / ".run" / name
    data.mkdir(parents=True)
    (data / "state.json").write_text("{}")
    return data


def test_an_instance_is_made_whole_and_removed_without_a_trace(checkout: Path) -> None:
    assert "pro2 is made" in succeeded(new(checkout))
    env = checkout / "backend-pro2" / ".env"
    assert env.stat().st_mode & 0o777 == 0o600
    assert "\nAPI_GATEWAY_PORT=8100\n" in env.read_text()
    assert not re.search(r"postgres123|minioadmin|change-me", env.read_text())
    assert "| PostgreSQL | 5432 | 5433 |" in (checkout / "README.md").read_text()
    overlay = checkout / "deployments" / "overlays" / "pro2"
    assert {file.name for file in overlay.iterdir()} == {"kustomization.yaml", "pro2-ports.yaml"}
    assert "ai-platform-pro2" in (overlay / "kustomization.yaml").read_text()
    ports = "host: pro2.example.org\nport: 8100\nmemory: 8000Mi\nstore: 9002\n"
    assert (overlay / "pro2-ports.yaml").read_text() == ports
    assert run(checkout / "scripts" / "sync-projects.sh", "--check", cwd=checkout).returncode == 0
    data = kept_data(checkout, "pro2")
    assert "pro2 is removed" in succeeded(remove(checkout, "--project", "pro2", "--yes"))
    assert not data.exists()
    assert not (checkout / ".run" / "removed-pro2").exists()
    assert changes(checkout) == set()


def test_what_was_interrupted_goes_on_and_makes_no_second_one(checkout: Path) -> None:
    # In the place of the overlay's draft: the making ends between the .env and the README.
    obstacle = checkout / ".run" / "overlay-pro2"
    obstacle.parent.mkdir()
    obstacle.touch()
    refused(new(checkout), "overlay-pro2")
    secrets = (checkout / "backend-pro2" / ".env").read_bytes()
    refused(new(checkout, "--number", "3"), "pro2", "--number 2")
    obstacle.unlink()
    assert "pro2 is made" in succeeded(new(checkout))
    assert not (checkout / "backend-pro3").exists()
    assert (checkout / "backend-pro2" / ".env").read_bytes() == secrets
    assert "| pro2 |" in (checkout / "README.md").read_text()
    refused(new(checkout, "--number", "2"), "there already")


def test_a_number_can_be_stamped_once(checkout: Path) -> None:
    stamp = checkout / "scripts" / "sync-projects.sh"
    assert run(stamp, "--add", "4", cwd=checkout).returncode == 0
    assert "PROJECT_ID=pro4\n" in (checkout / "backend-pro4" / ".env.example").read_text()
    refused(run(stamp, "--add", "4", cwd=checkout), "backend-pro4")
    assert not (checkout / "backend-pro4" / "stamping-pro4").exists()
    assert run(stamp, "--add", "four", cwd=checkout).returncode == 2


def test_a_removal_that_was_interrupted_is_finished(checkout: Path) -> None:
    succeeded(new(checkout))
    (checkout / "backend-pro2").rename(checkout / ".run" / "removed-pro2")
    shutil.rmtree(checkout / "deployments" / "overlays" / "pro2")
    succeeded(remove(checkout, "--project", "pro2", "--yes"))
    assert not (checkout / ".run" / "removed-pro2").exists()
    assert changes(checkout) == set()


def test_data_that_is_kept_comes_back(checkout: Path) -> None:
    succeeded(new(checkout))
    env = checkout / "backend-pro2" / ".env"
    secrets = env.read_bytes()
    data = kept_data(checkout, "pro2")
    told = succeeded(remove(checkout, "--project", "pro2", "--yes", "--keep-data"))
    assert "new-project.sh --number 2" in told
    assert changes(checkout) == set()
    assert (data / ".env").read_bytes() == secrets
    assert (data / ".env").stat().st_mode & 0o777 == 0o600
    succeeded(new(checkout))
    assert env.read_bytes() == secrets
    assert (data / "state.json").exists()


def test_what_may_not_be_made_is_refused_and_leaves_nothing(checkout: Path) -> None:
    refused(new(checkout, "--number", "1"), "pro1", "there already")
    refused(new(checkout, "--number", "11"), "collide", "10")
    assert new(checkout, "--number", "two").returncode == 2
    kept_data(checkout, "pro3")
    refused(new(checkout, "--number", "3"), "earlier pro3")
    (checkout / "backend-pro1" / ".env.example").write_text("X=1\n")
    refused(new(checkout), "drifted", "sync-projects.sh")
    assert changes(checkout) == {" M backend-pro1/.env.example"}


def test_what_may_not_be_removed_stays(checkout: Path) -> None:
    refused(remove(checkout, "--project", "pro1", "--yes"), "source")
    refused(remove(checkout, "--project", "pro7", "--yes"), "pro7")
    assert remove(checkout, "--yes").returncode == 2
    succeeded(new(checkout))
    there = changes(checkout)
    refused(remove(checkout, "--project", "pro2"), "--yes", "backend-pro2/.env with its secrets", "README")
    code, shown = at_a_terminal(checkout, "--project", "pro2", says="n")
    assert code == 1
    assert "Remove all of this for ever? [y/N]" in shown
    assert "nothing was removed" in shown
    assert changes(checkout) == there
    code, shown = at_a_terminal(checkout, "--project", "pro2", says="y")
    assert code == 0, shown
    assert changes(checkout) == set()


def at_a_terminal(checkout: Path, *arguments: str, says: str) -> tuple[int, str]:
    """Remove an instance and answer each question so; returns the exit code and what the terminal showed."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [checkout / "scripts" / "remove-project.sh", *arguments],
        env=ENVIRONMENT,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    os.write(ours, f"{says}\n".encode())
    shown = b""
    try:
        while part := os.read(ours, 4096):
            shown += part
    except OSError:
        # Linux tells the end of a terminal so.
        pass
    os.close(ours)
    return process.wait(timeout=60), shown.decode()


def test_the_readme_shows_the_ports_of_the_instances_that_there_are() -> None:
    numbers = sorted(int(folder.name.removeprefix("backend-pro")) for folder in ROOT.glob("backend-pro[0-9]*"))
    table = run(ROOT / "config" / "render-ports.sh", *map(str, numbers), cwd=ROOT).stdout
    assert f"\n<!-- ports -->\n{table}<!-- /ports -->\n" in (ROOT / "README.md").read_text()


def test_every_copy_is_marked_as_generated_and_the_source_is_not(template: Path) -> None:
    paths = [f"backend-pro{number}/shared/config.py" for number in range(1, 11)]
    shown = run("git", "check-attr", "linguist-generated", *paths, cwd=template).stdout
    marked = [line.split("/")[0] for line in shown.splitlines() if line.endswith(": set")]
    assert marked == [f"backend-pro{number}" for number in range(2, 11)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("backend-pro1/x, pro1.example.org, ai_platform_pro1", "backend-pro3/x, pro3.example.org, ai_platform_pro3"),
        ("pro12 apro1 pro1x", "pro12 apro1 pro1x"),
        ("http://127.0.0.1:8000/ 8000, [8000]", "http://127.0.0.1:8200/ 8200, [8200]"),
        ("18000 80001 8000m 8000.5", "18000 80001 8000m 8000.5"),
        ("8000 8200", "8200 8200"),
    ],
)
def test_only_whole_words_are_translated(text: str, expected: str) -> None:
    assert translated(text, {"pro1": "pro3", "8000": "8200"}) == expected
