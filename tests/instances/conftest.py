"""An instance of local mode that lives in a temporary folder."""

import shutil
from pathlib import Path

import pytest

from environment import ensure_env
from instance import ROOT, Instance


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    """Number 80 on a project folder of its own, with a fresh .env."""
    code = tmp_path / "backend-test"
    (code / "shared").mkdir(parents=True)
    for name in ("config.py", "config_rules.py", "__init__.py"):
        shutil.copy(ROOT / "backend-pro1" / "shared" / name, code / "shared" / name)
    made = Instance("test", 80, code, home=tmp_path / "run")
    ensure_env(made)
    return made


def change(instance: Instance, name: str, value: str) -> Instance:
    """The instance with another value in its .env."""
    lines = [line for line in instance.env_file.read_text().splitlines() if not line.startswith(f"{name}=")]
    instance.env_file.write_text("\n".join([*lines, f"{name}={value}", ""]))
    return Instance(instance.name, instance.number, instance.code, instance.home)
