"""Secrets are made at random, once, for their owner alone, and are what production asks for."""

import re
import subprocess
from pathlib import Path

import pytest

import kube_secrets
import manifests
from console import Refusal
from kube_secrets import OPTIONAL, OUTSIDE_SECRETS, SETTINGS_SECRET, generated, next_steps, write_secrets
from kube_settings import ask


@pytest.fixture
def overlay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(kube_secrets, "DEPLOYMENTS", tmp_path)
    folder = tmp_path / "overlays" / "pro3"
    folder.mkdir(parents=True)
    return folder


def test_are_written_for_their_owner_alone(overlay: Path) -> None:
    file = write_secrets("pro3")
    assert file == overlay / ".env"
    assert file.stat().st_mode & 0o777 == 0o600
    written = dict(re.findall(r"^([A-Z0-9_]+)=(.+)$", file.read_text(), re.MULTILINE))
    assert set(written) == set(OUTSIDE_SECRETS[SETTINGS_SECRET])
    assert written["DATABASE_URL"].endswith(f":{written['POSTGRES_PASSWORD']}@postgres:5432/ai_platform_pro3")
    assert written["REDIS_URL"] == f"redis://:{written['REDIS_PASSWORD']}@redis:6379/0"


def test_are_never_written_over(overlay: Path) -> None:
    before = write_secrets("pro3").read_text()
    with pytest.raises(Refusal, match="there already"):
        write_secrets("pro3")
    assert (overlay / ".env").read_text() == before


def test_need_an_overlay(overlay: Path) -> None:
    with pytest.raises(Refusal, match="new-project"):
        write_secrets("pro4")


def test_are_drawn_anew_each_time() -> None:
    assert set(generated("pro1").values()).isdisjoint(generated("pro1").values())


def test_are_what_production_asks_for() -> None:
    weak = generated("pro1") | {"SECRET_KEY": "your-super-secret-key-32-chars-minimum"}
    sets = {
        name: some | {"ENVIRONMENT": "production"} for name, some in {"ours": generated("pro1"), "weak": weak}.items()
    }
    said = ask(sets)
    assert "SECRET_KEY" in str(said["refused"]["weak"])
    assert "ours" not in said["refused"]
    assert set(OPTIONAL) <= set(said["names"])


def test_come_into_a_cluster_by_the_printed_command(kubectl: None, overlay: Path) -> None:
    file = write_secrets("pro3")
    printed = next(line for line in next_steps("pro3", file).splitlines() if "create secret" in line)
    program, *command = printed.partition(" | ")[0].replace("deployments/overlays/pro3/.env", str(file)).split()
    assert program == "kubectl"
    made = subprocess.run([manifests.kubectl(), *command], capture_output=True, text=True, check=True).stdout
    assert "namespace: ai-platform-pro3" in made
    assert set(re.findall(r"^  ([A-Z0-9_]+): ", made, re.MULTILINE)) == set(OUTSIDE_SECRETS[SETTINGS_SECRET])
