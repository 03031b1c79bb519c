"""What the making of an instance warns of and refuses before it begins."""

from pathlib import Path

import pytest

import project_new
from console import Refusal
from instance import Instance
from project_new import new_project


@pytest.fixture
def free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which nothing is in the way, and nobody says yes."""
    replaced = {
        "ROOT": tmp_path,
        "UNDER_WAY": tmp_path / "new-project.json",
        "all_instances": lambda: [Instance(f"pro{number}", number, tmp_path) for number in (1, 2)],
        "_instance": lambda number: Instance(f"pro{number}", number, tmp_path / f"pro{number}", home=tmp_path / "run"),
        "_no_drift": lambda: None,
        "is_taken": lambda port: False,
        "volumes_of": lambda project: [],
        "asks": lambda yes: True,
        "agrees": lambda question, otherwise: False,
    }
    for name, value in replaced.items():
        monkeypatch.setattr(project_new, name, value)
    return tmp_path


def test_ports_that_are_taken_are_named_with_their_holder(
    free: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(project_new, "is_taken", lambda port: port in {8200, 8214, 5434})
    monkeypatch.setattr(project_new, "holder", lambda port: "nginx (process 7)")
    with pytest.raises(Refusal, match="nothing was made"):
        new_project(None, yes=False)
    warnings = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning")]
    assert [line.split(" is taken by nginx")[0] for line in warnings] == [
        "warning: port 5434 (POSTGRES_PORT)",
        "warning: port 8200 (API_GATEWAY_PORT)",
        "warning: port 8214 (RAY_ADDRESS)",
    ]


def test_volumes_of_one_before_are_in_the_way(free: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project_new, "volumes_of", lambda project: [f"{project}_postgres"])
    with pytest.raises(Refusal, match="docker volume rm ai-platform-pro3_postgres"):
        new_project(None, yes=True)
    # With its secrets they are no stranger's.
    kept = free / "run" / "pro3" / ".env"
    kept.parent.mkdir(parents=True)
    kept.touch()
    with pytest.raises(Refusal, match="nothing was made"):
        new_project(None, yes=True)


def test_behind_the_last_number_those_that_are_free_are_named(free: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = [Instance(f"pro{number}", number, free) for number in (1, 2, 3, 10)]
    monkeypatch.setattr(project_new, "all_instances", lambda: there)
    with pytest.raises(Refusal, match="--number 4 or 5 or 6 or 7 or 8 or 9"):
        new_project(None, yes=True)
