"""The last step of an upgrade without containers: who is slow once is asked again, who stays away is named."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import upgrade_local
from console import Refusal
from instance import Instance
from status import InstanceStatus, Status

GATEWAY = Status("api-gateway", "healthy", "", "", None, "")
SLOW = Status("api-gateway", "failed", "", "", None, "no answer in time")


@pytest.fixture
def instance(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Instance:
    monkeypatch.setattr(upgrade_local, "_revision", lambda _: "0008")
    monkeypatch.setattr(upgrade_local, "PAUSE_SECONDS", 0)
    return Instance("pro9", 9, tmp_path / "backend-pro9", tmp_path)


def looks(monkeypatch: pytest.MonkeyPatch, *rows: Status) -> Iterator[Status]:
    """One after the other, as each look finds it; the last one for ever."""
    left = iter(rows)

    def inspect(instance: Instance) -> InstanceStatus:
        return InstanceStatus(instance.name, "local", True, [next(left, rows[-1])])

    monkeypatch.setattr(upgrade_local, "inspect", inspect)
    return left


def test_a_slow_part_is_asked_again(monkeypatch: pytest.MonkeyPatch, instance: Instance) -> None:
    left = looks(monkeypatch, SLOW, SLOW, GATEWAY)
    upgrade_local._verify(instance)
    assert list(left) == []


def test_one_that_stays_away_is_named(monkeypatch: pytest.MonkeyPatch, instance: Instance) -> None:
    monkeypatch.setattr(upgrade_local, "VERIFY_SECONDS", 0)
    looks(monkeypatch, SLOW)
    with pytest.raises(Refusal, match="api-gateway is failed no answer in time"):
        upgrade_local._verify(instance)
