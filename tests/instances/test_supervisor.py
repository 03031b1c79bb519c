"""What supervisord is told, and what it is asked for: a program that cannot start is tried again for ever."""

import configparser
from collections.abc import Mapping
from pathlib import Path

import pytest

from instance import Instance
from programs import Program
from supervisor import Process, Supervisor, render


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    return Instance("pro9", 9, tmp_path / "backend-pro9", tmp_path)


def asked(monkeypatch: pytest.MonkeyPatch, instance: Instance, states: Mapping[str, str]) -> list[tuple[str, ...]]:
    """What starting all of them asks supervisord for."""
    calls: list[tuple[str, ...]] = []
    known = {name: Process(name, state, 0, 0, "") for name, state in states.items()}
    monkeypatch.setattr(Supervisor, "processes", lambda _: known)
    monkeypatch.setattr(Supervisor, "_call", lambda _, method, *arguments: calls.append((method, arguments[0])))
    Supervisor(instance).start(states)
    return [(method.partition(".")[2], name) for method, name in calls]


def test_no_program_is_ever_given_up(instance: Instance) -> None:
    conf = configparser.RawConfigParser()
    conf.read_string(render(instance, Path("/run/socket"), [Program("postgres", ["postgres"], Path("/"))]))
    # By then pauses are longer than a day.
    assert conf.getint("program:postgres", "startretries") > 100_000
    assert conf.getboolean("program:postgres", "autorestart")


def test_a_start_does_not_wait_for_the_end_of_a_pause(monkeypatch: pytest.MonkeyPatch, instance: Instance) -> None:
    states = {"postgres": "BACKOFF", "redis": "RUNNING", "beat": "STOPPED", "ray": "FATAL"}
    assert asked(monkeypatch, instance, states) == [
        ("stopProcess", "postgres"),
        ("startProcess", "postgres"),
        ("startProcess", "beat"),
        ("startProcess", "ray"),
    ]
