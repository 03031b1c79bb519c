"""States, the table and the JSON of status.sh."""

import json

import pytest

import probes
import status
from instance import Instance
from probes import Reading, ask
from programs import ALL
from status import InstanceStatus, Status, as_json, as_table, inspect
from supervisor import Process, Supervisor

from .conftest import change

RUNNING = Process("x", "RUNNING", 1, 600, "")


def with_processes(monkeypatch: pytest.MonkeyPatch, processes: dict[str, Process]) -> None:
    monkeypatch.setattr(Supervisor, "processes", lambda _: processes)


def with_reading(monkeypatch: pytest.MonkeyPatch, reading: Reading) -> None:
    monkeypatch.setattr(status, "ask", lambda *_: reading)


def state_of(instance: Instance, service: str) -> tuple[str, str]:
    found = inspect(instance, [service]).services[0]
    return found.state, found.note


class TestStates:
    def test_healthy_when_it_runs_and_answers(self, instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
        with_processes(monkeypatch, {"redis": RUNNING})
        with_reading(monkeypatch, Reading(ok=True, version="7.0"))
        found = inspect(instance, ["redis"]).services[0]
        assert (found.state, found.version) == ("healthy", "7.0")
        assert found.latency_ms is not None

    def test_degraded_when_it_says_so(self, instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
        with_processes(monkeypatch, {"ai-service": RUNNING})
        with_reading(monkeypatch, Reading(ok=True, note="ray: away", degraded=True))
        assert state_of(instance, "ai-service") == ("degraded", "ray: away")

    def test_failed_when_it_runs_without_answering(self, instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
        with_processes(monkeypatch, {"redis": RUNNING})
        with_reading(monkeypatch, Reading(ok=False, note="nobody listens"))
        assert state_of(instance, "redis") == ("failed", "nobody listens")

    def test_starting_while_it_is_young(self, instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
        with_processes(monkeypatch, {"redis": Process("redis", "RUNNING", 1, 2, "")})
        with_reading(monkeypatch, Reading(ok=False))
        assert state_of(instance, "redis")[0] == "starting"

    def test_stopped_when_nobody_started_it(self, instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
        with_processes(monkeypatch, {})
        assert state_of(instance, "api-gateway")[0] == "stopped"

    def test_failed_when_it_ended_by_itself(self, instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
        with_processes(monkeypatch, {"beat": Process("beat", "FATAL", 0, 0, "Exited too quickly")})
        state, note = state_of(instance, "beat")
        assert state == "failed"
        assert "logs.sh beat" in note

    def test_disabled_without_ray(self, instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
        with_processes(monkeypatch, {"redis": RUNNING})
        assert state_of(change(instance, "RAY_ENABLED", "false"), "ray")[0] == "disabled"

    def test_disabled_without_flower(self, instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
        with_processes(monkeypatch, {"redis": RUNNING})
        assert state_of(instance, "flower") == ("disabled", "FLOWER_ENABLED is false in .env")

    def test_disabled_without_a_prometheus(self, instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
        with_processes(monkeypatch, {"redis": RUNNING})
        state, note = state_of(instance, "prometheus")
        assert state == "disabled"
        assert "install" in note

    def test_alerts_that_fire_are_named(self, instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
        def alert(name: str, severity: str, state: str = "firing") -> dict[str, object]:
            return {"labels": {"alertname": name, "severity": severity}, "state": state}

        found = [alert("RedisAway", "critical"), alert("DiskLow", "warning"), alert("DiskLow", "warning")]
        found += [alert("Watchdog", "none"), alert("QueueOld", "warning", "pending")]
        bodies = {"alerts": {"alerts": found}, "buildinfo": {"version": "2.42.0"}}

        def get(_: object, path: str) -> tuple[int, bytes]:
            return 200, json.dumps({"data": bodies.get(path.rpartition("/")[2])}).encode()

        monkeypatch.setattr(probes, "_get", get)
        assert ask(instance, "prometheus") == Reading(ok=True, version="2.42.0", note="firing: DiskLow, RedisAway")
        found.clear()
        assert ask(instance, "prometheus").note == ""

    def test_external_servers_are_asked_without_a_process(
        self, instance: Instance, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with_processes(monkeypatch, {})
        with_reading(monkeypatch, Reading(ok=True))
        assert state_of(change(instance, "EXTERNAL_SERVERS", "redis"), "redis") == ("healthy", "external")


def of_states(*states: str) -> InstanceStatus:
    rows = [Status("redis", state, "redis://x", "7", 1.5, "a note") for state in states]
    return InstanceStatus("pro1", "local", expected=True, services=rows)


@pytest.mark.parametrize(
    ("states", "green"),
    [(("healthy", "degraded", "disabled"), True), (("healthy", "starting"), False), (("stopped",), False)],
)
def test_green_means_that_every_enabled_part_works(states: tuple[str, ...], green: bool) -> None:
    assert of_states(*states).is_green is green


def test_json_has_the_promised_shape() -> None:
    assert as_json([of_states("healthy")]) == {
        "instances": [
            {
                "project": "pro1",
                "mode": "local",
                "services": [
                    {
                        "service": "redis",
                        "state": "healthy",
                        "url": "redis://x",
                        "version": "7",
                        "latency_ms": 1.5,
                        "note": "a note",
                    }
                ],
            }
        ]
    }


def test_the_table_is_aligned_and_folds_what_was_never_started() -> None:
    idle = InstanceStatus("pro2", "local", expected=False, services=[])
    head, row, folded = as_table([of_states("healthy"), idle]).splitlines()
    assert head.split() == ["PROJECT", "SERVICE", "STATE", "URL", "VERSION", "LATENCY", "NOTE"]
    assert row.index("a note") == head.index("NOTE")
    assert "stopped" in folded
    assert "start-dev.sh --project pro2" in folded


def test_an_instance_that_was_never_started_answers_for_every_part(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_processes(monkeypatch, {})
    found = inspect(change(instance, "RAY_ENABLED", "true"))
    assert not found.expected
    assert [row.service for row in found.services] == list(ALL)
