"""The scripts as a whole: shell style, help, refusals, the port plan, the template and the stamped copies."""

import os
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = sorted(path.name for path in (ROOT / "scripts").glob("*.sh"))
SHELL = sorted(
    [*ROOT.glob("scripts/**/*.sh"), *ROOT.glob("config/*.sh"), *ROOT.glob("tests/**/*.sh"), ROOT / ".ci" / "run"]
)


def run(*command: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"VENV": sys.prefix}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("script", SHELL, ids=lambda path: str(path.relative_to(ROOT)))
def test_shellcheck_has_nothing_to_say(script: Path) -> None:
    done = run(Path(sys.prefix) / "bin" / "shellcheck", script)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", SCRIPTS)
class TestEveryScript:
    def test_help_names_itself_and_succeeds(self, name: str, tmp_path: Path) -> None:
        done = run(ROOT / "scripts" / name, "--help", cwd=tmp_path)
        assert done.returncode == 0
        assert f"Usage: scripts/{name}" in done.stdout

    def test_an_unknown_option_is_refused(self, name: str) -> None:
        done = run(ROOT / "scripts" / name, "--no-such-option")
        assert done.returncode == 2
        assert "--no-such-option" in done.stderr

    def test_runs_through_a_symbolic_link(self, name: str, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(ROOT / "scripts" / name)
        done = run(tmp_path / "link", "--no-such-option")
        assert (done.returncode, done.stderr.count("\n")) == (2, 2)

    def test_runs_by_its_bare_name(self, name: str) -> None:
        done = run("bash", name, "--no-such-option", cwd=ROOT / "scripts")
        assert (done.returncode, done.stderr.count("\n")) == (2, 2)

    def test_is_executable(self, name: str) -> None:
        assert os.access(ROOT / "scripts" / name, os.X_OK)


@pytest.mark.parametrize("name", ["start-dev.sh", "stop-dev.sh", "status.sh", "logs.sh", "demo.sh", "evaluate-llm.sh"])
def test_an_unknown_instance_is_refused_with_the_known_ones(name: str) -> None:
    done = run(ROOT / "scripts" / name, "--project", "pro99")
    assert done.returncode == 2
    assert "pro1" in done.stderr


@pytest.mark.parametrize("name", ["start-dev.sh", "stop-dev.sh"])
def test_docker_mode_without_an_engine_says_what_to_start(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon at tcp://nowhere' >&2\nexit 1\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    done = run(ROOT / "scripts" / name, "--project", "pro1", "--docker", "--yes")
    assert done.returncode == 1
    assert "no Docker engine answers: start it, or use --local" in done.stderr


def test_a_purge_off_a_terminal_needs_a_yes() -> None:
    done = run(ROOT / "scripts" / "stop-dev.sh", "--project", "pro1", "--purge")
    assert done.returncode == 1
    assert "--yes" in done.stderr


PLAN = {
    1: (8000, 8001, 8002, 8010, 8040, 8041, 8042, 8043, 8044, 5432, 6379, 9000, 9001, 9090),
    2: (8100, 8101, 8102, 8110, 8140, 8141, 8142, 8143, 8144, 5433, 6380, 9002, 9003, 9091),
    3: (8200, 8201, 8202, 8210, 8240, 8241, 8242, 8243, 8244, 5434, 6381, 9004, 9005, 9092),
}
PORTS = (
    *("API_GATEWAY", "DATA_SERVICE", "AI_SERVICE", "RAY", "FLOWER", "GRAFANA", "ALERTMANAGER"),
    *("DATA_WORKER_METRICS", "AI_WORKER_METRICS"),
    *("POSTGRES", "REDIS", "S3", "S3_CONSOLE", "PROMETHEUS"),
)


class TestPorts:
    @pytest.mark.parametrize("number", PLAN)
    def test_follow_the_plan(self, number: int) -> None:
        expected = [f"{name}_PORT={port}" for name, port in zip(PORTS, PLAN[number], strict=True)]
        assert run(ROOT / "config" / "ports.sh", str(number)).stdout.splitlines() == expected

    def test_of_all_allowed_instances_are_distinct(self) -> None:
        lines = [line for n in range(1, 11) for line in run(ROOT / "config" / "ports.sh", str(n)).stdout.splitlines()]
        ports = [line.partition("=")[2] for line in lines]
        assert len(ports) == len(set(ports)) == 10 * len(PORTS)

    @pytest.mark.parametrize("number", ["", "0", "x", "-1"])
    def test_need_a_number(self, number: str) -> None:
        assert run(ROOT / "config" / "ports.sh", number).returncode == 2


class TestTemplate:
    text = (ROOT / "config" / "env.example.tmpl").read_text()
    names = re.findall(r"^#?([A-Z][A-Z0-9_]*)=", text, re.MULTILINE)

    def test_lists_every_setting_once(self) -> None:
        done = run(sys.executable, "-c", _SETTINGS, cwd=ROOT / "backend-pro1")
        settings = dict(line.split("=", 1) for line in done.stdout.splitlines())
        assert set(settings) - set(self.names) == set(), done.stderr
        assert len(self.names) == len(set(self.names))

    def test_shows_the_defaults_that_the_settings_have(self) -> None:
        done = run(sys.executable, "-c", _SETTINGS, cwd=ROOT / "backend-pro1")
        settings = dict(line.split("=", 1) for line in done.stdout.splitlines())
        shown = dict(re.findall(r"^#([A-Z][A-Z0-9_]*)=(.*)$", self.text, re.MULTILINE))
        known = _COMPOSE_DEFAULTS | settings
        assert {name: known[name] for name in shown} == shown

    def test_lists_every_variable_of_the_compose_files(self) -> None:
        made_by_the_scripts = {"REVISION", "SOURCE_DIGEST"}
        assert set(_COMPOSE_DEFAULTS) - set(self.names) == made_by_the_scripts

    def test_describes_every_variable(self) -> None:
        lines = self.text.splitlines()
        for above, line in pairwise(lines):
            if re.match(r"#?[A-Z][A-Z0-9_]*=", line):
                assert re.match(r"# [A-Za-z].*\.$", above), line


_COMPOSE = "".join(path.read_text() for path in sorted((ROOT / "backend-pro1").glob("docker-compose*.yml")))
_COMPOSE_DEFAULTS = dict(re.findall(r"\$\{([A-Z][A-Z0-9_]*):[-?]([^$}]*)", _COMPOSE))

_SETTINGS = """
from shared.config import Settings
from pydantic import SecretStr
def shown(value):
    value = value.get_secret_value() if isinstance(value, SecretStr) else value
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
for name, field in Settings.model_fields.items():
    print(f"{name.upper()}={shown(field.default)}")
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A small checkout: the scripts as they are, and a source project of a few files."""
    for name in ("config", "scripts"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    source = tmp_path / "backend-pro1"
    (source / "shared").mkdir(parents=True)
    (source / "shared" / "config.py").write_text("NAME = 'x'\n")
    (source / "run").write_text("#!/bin/sh\n")
    (source / "run").chmod(0o755)
    (tmp_path / ".gitignore").write_text(".env\n__pycache__/\n")
    run("git", "init", "--quiet", cwd=tmp_path)
    assert sync(tmp_path, "--add").returncode == 0
    assert sync(tmp_path).returncode == 0
    return tmp_path


def sync(clone: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(clone / "scripts" / "sync-projects.sh", *arguments, cwd=clone)


class TestStampedCopies:
    def test_of_this_checkout_match(self) -> None:
        done = run(ROOT / "scripts" / "sync-projects.sh", "--check")
        assert done.returncode == 0, done.stderr

    def test_a_fresh_copy_matches(self, clone: Path) -> None:
        assert sync(clone, "--check").returncode == 0

    def test_an_edited_file_is_drift(self, clone: Path) -> None:
        (clone / "backend-pro2" / "shared" / "config.py").write_text("NAME = 'y'\n")
        assert_drift(clone, "config.py")

    def test_an_extra_file_is_drift(self, clone: Path) -> None:
        (clone / "backend-pro2" / "extra.py").touch()
        assert_drift(clone, "extra.py")

    def test_a_deleted_file_is_drift(self, clone: Path) -> None:
        run("git", "add", "--all", cwd=clone)
        (clone / "backend-pro2" / "shared" / "config.py").unlink()
        assert_drift(clone, "shared")

    def test_a_changed_mode_is_drift(self, clone: Path) -> None:
        (clone / "backend-pro2" / "run").chmod(0o644)
        assert_drift(clone, "modes")

    def test_an_edited_example_of_the_source_is_drift(self, clone: Path) -> None:
        with (clone / "backend-pro1" / ".env.example").open("a") as file:
            file.write("X=1\n")
        assert_drift(clone, ".env.example")

    def test_an_ignored_env_survives_stamping(self, clone: Path) -> None:
        env = clone / "backend-pro2" / ".env"
        env.write_text("SECRET_KEY=mine\n")
        (clone / "backend-pro1" / "new.py").touch()
        (clone / "backend-pro1" / "shared" / "config.py").unlink()
        assert sync(clone).returncode == 0
        assert env.read_text() == "SECRET_KEY=mine\n"
        assert (clone / "backend-pro2" / "new.py").exists()
        assert not (clone / "backend-pro2" / "shared").exists()
        assert sync(clone, "--check").returncode == 0

    def test_add_makes_the_next_instance_with_its_ports(self, clone: Path) -> None:
        assert sync(clone, "--add").returncode == 0
        example = (clone / "backend-pro3" / ".env.example").read_text()
        assert "PROJECT_ID=pro3\n" in example
        assert "API_GATEWAY_PORT=8200\n" in example
        assert "@127.0.0.1:5434/ai_platform_pro3\n" in example
        assert sync(clone, "--check").returncode == 0

    def test_add_stops_where_ports_would_collide(self, clone: Path) -> None:
        (clone / "backend-pro10").mkdir()
        done = sync(clone, "--add")
        assert done.returncode == 1
        assert "collide" in done.stderr


def assert_drift(clone: Path, word: str) -> None:
    done = sync(clone, "--check")
    assert done.returncode == 1
    assert word in done.stderr
    assert sync(clone).returncode == 0
    assert sync(clone, "--check").returncode == 0
