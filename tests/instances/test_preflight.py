"""What is found out before anything is started."""

import socket
import time
from collections.abc import Iterator

import pytest

import preflight
from console import Refusal
from instance import Instance
from ports import holder, is_taken, needs
from preflight import examine, settings_faults

from .conftest import change


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody (we) listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


class TestPorts:
    def test_a_taken_one_names_its_holder(self, taken: int) -> None:
        assert is_taken(taken)
        assert "process" in holder(taken)

    def test_ray_needs_a_run_of_them(self, instance: Instance) -> None:
        assert [need.port for need in needs(instance, ["ray"])] == list(range(15910, 15919))

    def test_a_worker_needs_one_to_show_its_metrics(self, instance: Instance) -> None:
        found = [(need.port, need.variable) for need in needs(instance, ["data-worker", "ai-worker", "beat"])]
        assert found == [(15943, "DATA_WORKER_METRICS_PORT"), (15944, "AI_WORKER_METRICS_PORT")]

    def test_a_worker_that_shows_none_needs_none(self, instance: Instance) -> None:
        changed = change(instance, "DATA_WORKER_METRICS_PORT", "0")
        assert [need.program for need in needs(changed, ["data-worker", "ai-worker"])] == ["ai-worker"]


class TestSettings:
    def test_that_are_good_have_no_faults(self, instance: Instance) -> None:
        assert settings_faults(instance) == []

    def test_that_are_bad_are_named_with_a_reason_and_without_the_value(self, instance: Instance) -> None:
        bad = change(change(instance, "S3_BUCKET", "NOT_A_BUCKET"), "DATABASE_URL", "mysql://me:hush@127.0.0.1:1/x")
        faults = settings_faults(bad)
        assert len(faults) == 2
        text = "\n".join(faults)
        assert "S3_BUCKET" in text
        assert "DATABASE_URL" in text
        assert "NOT_A_BUCKET" not in text
        assert "hush" not in text

    def test_of_the_callers_shell_do_not_count(self, instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("API_GATEWAY_PORT", "nonsense")
        assert settings_faults(instance) == []


class TestExamination:
    def test_of_a_good_instance_says_what_will_run(self, instance: Instance) -> None:
        selections = examine([instance], {"test": "wheels"})
        assert selections["test"].redis

    def test_names_every_taken_port_and_its_variable(self, instance: Instance, taken: int) -> None:
        busy = change(instance, "AI_SERVICE_PORT", str(taken))
        with pytest.raises(Refusal, match=rf"port {taken} of ai-service is taken by .*AI_SERVICE_PORT"):
            examine([busy], {"test": "wheels"})

    def test_waits_for_what_a_killed_supervisord_left(
        self, instance: Instance, taken: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        instance.run.mkdir(parents=True, exist_ok=True)
        (instance.run / "up").touch()
        monkeypatch.setattr(preflight, "LEFTOVER_SECONDS", 0.3)
        begun = time.monotonic()
        with pytest.raises(Refusal, match=f"port {taken} "):
            examine([change(instance, "AI_SERVICE_PORT", str(taken))], {"test": "wheels"})
        assert time.monotonic() - begun > 0.3

    def test_refuses_two_parts_on_one_port(self, instance: Instance) -> None:
        double = change(instance, "AI_SERVICE_PORT", "15901")
        with pytest.raises(Refusal, match="also wanted by test data-service"):
            examine([double], {"test": "wheels"})

    def test_refuses_a_missing_env(self, instance: Instance) -> None:
        instance.env_file.unlink()
        with pytest.raises(Refusal, match=r"setup\.sh"):
            examine([instance], {"test": "wheels"})
