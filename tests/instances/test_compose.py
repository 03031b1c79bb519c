"""Finding docker and Compose, and what they are given and say."""

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

import compose
from compose import CPU_LIMITS, Compose, NoEngine, compose_command, docker, docker_environment, engine_cores
from console import Refusal
from instance import ROOT, Instance

from .conftest import change
from .fake_engine import FakeEngine


class TestFinding:
    def test_the_second_version_is_taken_where_docker_has_it(self, engine: FakeEngine) -> None:
        engine.answer("docker compose version", "v2.26.1")
        assert compose_command() == ("docker", "compose")

    def test_else_the_first(self, engine: FakeEngine) -> None:
        assert compose_command() == ("docker-compose",)

    def test_neither_says_what_to_install(self, engine: FakeEngine) -> None:
        engine.fail("docker-compose version", "no such file")
        with pytest.raises(NoEngine, match=r"apt install docker\.io docker-compose.*--local"):
            compose_command()

    def test_no_docker_says_what_to_install(self, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
        def absent(
            command: Sequence[str], environment: Mapping[str, str], folder: Path | None = None
        ) -> subprocess.CompletedProcess[str]:
            raise FileNotFoundError(command[0])

        monkeypatch.setattr(compose, "execute", absent)
        with pytest.raises(NoEngine, match=r"no docker command: install Docker"):
            docker("ps")

    @pytest.mark.parametrize(
        "words",
        [
            "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
            "permission denied while trying to connect to the Docker daemon socket",
            "error during connect: this error may indicate that the docker daemon is not running",
        ],
    )
    def test_an_engine_that_does_not_answer_is_said_to_be_started(self, engine: FakeEngine, words: str) -> None:
        engine.fail("docker info", words)
        with pytest.raises(NoEngine, match="no Docker engine answers: start it"):
            engine_cores()

    def test_any_other_refusal_is_the_engines_own_words(self, engine: FakeEngine) -> None:
        engine.fail("docker volume", "one line\nvolume is in use")
        with pytest.raises(Refusal, match="volume is in use") as caught:
            docker("volume", "rm", "x")
        assert not isinstance(caught.value, NoEngine)


class TestTheEnvironment:
    def test_is_the_users_and_dockers_and_no_setting(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DOCKER_HOST", "tcp://10.0.0.1:2376")
        monkeypatch.setenv("POSTGRES_PASSWORD", "of another instance")
        monkeypatch.setenv("COMPOSE_PROJECT_NAME", "another")
        seen = docker_environment()
        assert seen["DOCKER_HOST"] == "tcp://10.0.0.1:2376"
        assert {"POSTGRES_PASSWORD", "COMPOSE_PROJECT_NAME"}.isdisjoint(seen)

    def test_names_the_profiles_that_the_env_switches_on(self, instance: Instance, engine: FakeEngine) -> None:
        changed = change(change(instance, "RAY_ENABLED", "true"), "COMPOSE_PROFILES", "grafana, alertmanager")
        assert Compose(changed).environment()["COMPOSE_PROFILES"] == "alertmanager,grafana,ray"
        flower = change(change(changed, "FLOWER_ENABLED", "true"), "RAY_ENABLED", "false")
        assert Compose(flower).environment()["COMPOSE_PROFILES"] == "alertmanager,flower,grafana"

    def test_names_every_profile_where_everything_must_go(self, instance: Instance, engine: FakeEngine) -> None:
        mine = Compose(change(instance, "COMPOSE_PROFILES", "mine")).environment(every_profile=True)
        assert mine["COMPOSE_PROFILES"] == "alertmanager,flower,grafana,mine,ray,ray-worker"

    def test_gives_no_more_cores_than_there_are(self, instance: Instance, engine: FakeEngine) -> None:
        engine.answer("docker info", "1\n")
        seen = Compose(change(instance, "DATA_WORKER_CPUS", "0.5")).environment()
        assert seen["POSTGRES_CPUS"] == "1"
        # What the .env says is the person's own affair.
        assert "DATA_WORKER_CPUS" not in seen

    def test_leaves_cores_alone_where_there_are_enough(self, instance: Instance, engine: FakeEngine) -> None:
        assert not set(CPU_LIMITS) & set(Compose(instance).environment())


class TestServices:
    def test_are_read_as_either_version_writes_them(self, instance: Instance, engine: FakeEngine) -> None:
        found = Compose(change(instance, "RAY_ENABLED", "true")).services()
        assert found["postgres"].ports == ((5511, 5432),)
        assert found["api-gateway"].ports == ((15900, 8000),)
        assert [name for name, service in found.items() if service.is_job] == ["migrate"]

    def test_are_those_that_are_switched_on(self, instance: Instance, engine: FakeEngine) -> None:
        found = Compose(change(change(instance, "RAY_ENABLED", "false"), "COMPOSE_PROFILES", "grafana")).services()
        assert set(found) == {"postgres", "migrate", "api-gateway", "beat", "grafana"}

    def test_that_cannot_be_read_are_refused_with_composes_words(self, instance: Instance, engine: FakeEngine) -> None:
        engine.fail("docker-compose config", "Missing mandatory value for POSTGRES_PASSWORD")
        with pytest.raises(Refusal, match="docker-compose config failed:\n  Missing mandatory value"):
            Compose(instance).services()


def test_the_profiles_and_limits_are_those_of_the_compose_files() -> None:
    text = "".join(path.read_text() for path in (ROOT / "backend-pro1").glob("docker-compose*.yml"))
    assert sorted(compose.PROFILES) == sorted(set(re.findall(r"profiles: \[([a-z-]+)\]", text)))
    assert sorted(CPU_LIMITS) == sorted(set(re.findall(r"\$\{([A-Z0-9_]+_CPUS):-2\}", text)))
