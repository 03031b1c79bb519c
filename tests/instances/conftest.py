"""An instance of local mode that lives in a temporary folder."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import compose
from environment import ensure_env
from instance import ROOT, Instance

from .fake_engine import FakeEngine


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    """Number 80 on a project folder of its own, with a fresh .env."""
    code = tmp_path / "backend-test"
    (code / "shared").mkdir(parents=True)
    for name in ("config.py", "config_llm.py", "config_observability.py", "config_rules.py", "__init__.py"):
        shutil.copy(ROOT / "backend-pro1" / "shared" / name, code / "shared" / name)
    made = Instance("test", 80, code, home=tmp_path / "run")
    ensure_env(made)
    return made


def change(instance: Instance, name: str, value: str) -> Instance:
    """The instance with another value in its .env."""
    lines = [line for line in instance.env_file.read_text().splitlines() if not line.startswith(f"{name}=")]
    instance.env_file.write_text("\n".join([*lines, f"{name}={value}", ""]))
    return Instance(instance.name, instance.number, instance.code, instance.home)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEngine]:
    """A machine with docker-compose 1.29.2 and an engine of four cores, all of it made up."""
    made = FakeEngine()
    monkeypatch.setattr(compose, "execute", made.execute)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    forget()
    yield made
    forget()


def forget() -> None:
    """What was found out about the machine."""
    compose.compose_command.cache_clear()
    compose.engine_cores.cache_clear()
