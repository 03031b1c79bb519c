"""A copy of the checkout to run in containers, so that nobody's instances, ports and volumes are touched."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".run" / "containers"
TREE = STATE / "tree"
# Numbers whose ports no instance of a checkout can have.
NUMBERS = {"pro1": 90, "pro2": 91}
# Far above the others of the same hundred: by the plan it would be another one's object store.
PROMETHEUS_OFFSET = 50
SETTINGS = {
    "ADMIN_EMAIL": "admin@example.org",
    "ADMIN_PASSWORD": "of-a-throw-away-instance",
    # All people of the tests come from one address.
    "RATE_LIMIT_AUTH": "3000",
    "BCRYPT_ROUNDS": "10",
    "FLOWER_ENABLED": "false",
}


def make_tree(python: str) -> None:
    """Write it anew: the files that git knows of or would, stamped copies, and an .env for each instance."""
    shutil.rmtree(TREE, ignore_errors=True)
    for name in _listed():
        if (ROOT / name).is_file():
            (TREE / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, TREE / name)
    # Which files are stamped is asked of git.
    _run("git", "init", "--quiet")
    _run("scripts/sync-projects.sh")
    for project, number in NUMBERS.items():
        _run(python, "scripts/instances", "env", "--project", project)
        file = env_file(project)
        file.write_text(_adapted(file.read_text(), project, number))


def env_file(project: str) -> Path:
    """The .env of an instance."""
    return TREE / f"backend-{project}" / ".env"


def variables(project: str) -> dict[str, str]:
    """What it says."""
    return {name: value or "" for name, value in dotenv_values(env_file(project)).items()}


def compose_name(project: str) -> str:
    """What its containers, networks and volumes are called by."""
    return f"ct-{project}"


def ports_of(number: int) -> dict[str, int]:
    """The ports of an instance by its number."""
    lines = _run("config/ports.sh", str(number)).splitlines()
    ports = {name: int(port) for name, _, port in (line.partition("=") for line in lines)}
    return ports | {"PROMETHEUS_PORT": ports["API_GATEWAY_PORT"] + PROMETHEUS_OFFSET} if number > 10 else ports


def _listed() -> list[str]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in done.stdout.split("\0") if name]


def _adapted(text: str, project: str, number: int) -> str:
    """The .env with ports of another number, and what the tests need."""
    present, wanted = ports_of(int(project.removeprefix("pro"))), ports_of(number)
    changes: Mapping[str, object] = {**wanted, "COMPOSE_PROJECT_NAME": compose_name(project), **SETTINGS}
    for name, port in present.items():
        text = re.sub(rf"(127\.0\.0\.1:){port}\b", rf"\g<1>{wanted[name]}", text)
    for name, value in changes.items():
        text, count = re.subn(rf"^#?{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
        # Not all ports of the plan are variables: some follow from an address.
        assert count == 1 or name == "RAY_PORT", name
    return text


def _run(*command: str) -> str:
    done = subprocess.run(command, cwd=TREE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout
