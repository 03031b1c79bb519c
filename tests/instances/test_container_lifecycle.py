"""Bringing containers up, watching them, and taking them down, with a made-up engine."""

import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Self

import pytest

import container_lifecycle
import container_status
from compose import Compose
from console import Refusal
from container_lifecycle import bring_containers_down, bring_containers_up, purge_containers, volumes
from container_preflight import Plan
from instance import Instance
from modes import mode_of
from probes import Reading

from .conftest import change
from .fake_engine import FakeEngine, container

Step = Callable[[], None]
NEW = "2026-02-02T00:00:00Z"
PARTS = ("postgres", "api-gateway", "beat")


class FakeCompose:
    """`docker-compose up`: each look at it is a step further; after the last it has ended."""

    commands: list[list[str]]

    def __init__(self, steps: Iterable[Step], code: int = 0, words: str = "") -> None:
        self._steps = list(steps)
        self._code, self._words = code, words
        self.commands = []
        self.returncode: int | None = None
        self.was_ended = False

    def __call__(self, command: list[str], **options: Any) -> Self:
        self.commands.append(command)
        options["stdout"].write(self._words)
        options["stdout"].flush()
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def poll(self) -> int | None:
        if self._steps:
            self._steps.pop(0)()
        else:
            self.returncode = self._code
        return self.returncode

    def terminate(self) -> None:
        self.was_ended = True


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    words: list[str] = []
    monkeypatch.setattr(container_lifecycle, "note", words.append)
    return words


@pytest.fixture
def inside(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> Instance:
    monkeypatch.setattr(container_lifecycle, "ensure_images", lambda *_: None)
    monkeypatch.setattr(container_lifecycle, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(container_status, "ask", lambda *_: Reading(ok=True))
    return change(change(instance, "COMPOSE_PROJECT_NAME", "h9"), "RAY_ENABLED", "false")


def up(
    instance: Instance, monkeypatch: pytest.MonkeyPatch, process: FakeCompose, *, restart: bool = False
) -> tuple[bool, FakeCompose]:
    monkeypatch.setattr(subprocess, "Popen", process)
    plan = Plan(Compose(instance), Compose(instance).services())
    return bring_containers_up(instance, plan, restart=restart), process


def all_well(engine: FakeEngine, **more: Any) -> Step:
    job = container("migrate", "exited", **more)
    return lambda: engine.holds(job, *(container(part, health="healthy", **more) for part in PARTS))


class TestUp:
    def test_says_of_each_part_when_it_is_ready(
        self, inside: Instance, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, said: list[str]
    ) -> None:
        steps: list[Step] = [
            lambda: engine.holds(container("postgres", health="starting")),
            lambda: engine.holds(container("postgres", health="healthy")),
            all_well(engine),
        ]
        changed, process = up(inside, monkeypatch, FakeCompose(steps))
        assert changed
        assert [words.split()[0] for words in said] == ["postgres", "api-gateway", "beat", "test"]
        assert said[-1].endswith("started: api-gateway, beat, postgres")
        assert process.commands == [
            ["docker-compose", "--ansi", "never", "up", "--detach", "--no-build", "--remove-orphans"]
        ]

    def test_waits_for_the_last_part_after_compose_has_ended(
        self, inside: Instance, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, said: list[str]
    ) -> None:
        waits = [0]

        def sleep(_: float) -> None:
            waits[0] += 1
            if waits[0] == 3:
                all_well(engine)()

        monkeypatch.setattr(time, "sleep", sleep)
        up(inside, monkeypatch, FakeCompose([]))
        assert waits[0] == 3

    def test_a_second_time_changes_nothing(
        self, inside: Instance, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, said: list[str]
    ) -> None:
        all_well(engine)()
        again = container("migrate", "exited", started_at=NEW)
        steps: list[Step] = [lambda: engine.holds(again, *(container(part, health="healthy") for part in PARTS))]
        changed, _ = up(inside, monkeypatch, FakeCompose(steps))
        assert not changed
        assert said == []

    def test_is_remembered(
        self, inside: Instance, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, said: list[str]
    ) -> None:
        up(inside, monkeypatch, FakeCompose([all_well(engine)]))
        assert mode_of(inside) == "docker"
        assert (inside.run / "up").exists()

    def test_keeps_as_many_containers_as_there_are(
        self, inside: Instance, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, said: list[str]
    ) -> None:
        twice = [container("api-gateway", id=name, health="healthy") for name in "ab"]
        engine.holds(*twice, container("postgres"), container("beat"))
        _, process = up(inside, monkeypatch, FakeCompose([]))
        assert process.commands[0][-2:] == ["--scale", "api-gateway=2"]

    def test_takes_away_what_the_env_switched_off(
        self, inside: Instance, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, said: list[str]
    ) -> None:
        engine.holds(container("ray-head"), container("beat"))
        up(inside, monkeypatch, FakeCompose([all_well(engine, started_at=NEW)]))
        assert engine.was_asked("docker rm") == ["docker rm id-ray-head"]

    def test_restarts_the_services_and_not_the_stores(
        self, inside: Instance, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, said: list[str]
    ) -> None:
        all_well(engine)()
        up(inside, monkeypatch, FakeCompose([all_well(engine, started_at=NEW)]), restart=True)
        assert engine.was_asked("docker-compose stop") == ["docker-compose stop api-gateway beat"]


class TestFailures:
    def refused(
        self, inside: Instance, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, process: FakeCompose
    ) -> str:
        engine.answer("docker logs", "first\nthe reason\n")
        with pytest.raises(Refusal) as caught:
            up(inside, monkeypatch, process)
        assert process.was_ended
        return str(caught.value)

    def test_of_a_job_show_its_log(self, inside: Instance, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
        steps: list[Step] = [lambda: engine.holds(container("migrate", "exited", exit_code=1))]
        text = self.refused(inside, engine, monkeypatch, FakeCompose(steps))
        assert text == "test: migrate ended with 1; its log ends with:\n    first\n    the reason"

    def test_of_a_job_the_last_time_do_not_count(
        self, inside: Instance, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, said: list[str]
    ) -> None:
        engine.holds(container("migrate", "exited", exit_code=1))
        assert up(inside, monkeypatch, FakeCompose([lambda: None, all_well(engine, started_at=NEW)]))[0]

    def test_of_a_service_that_ends_again_and_again(
        self, inside: Instance, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        steps: list[Step] = [
            lambda: engine.holds(container("beat", "restarting", restarts=2)),
            lambda: engine.holds(container("beat", "running", restarts=3, exit_code=5)),
        ]
        text = self.refused(inside, engine, monkeypatch, FakeCompose(steps))
        assert text.startswith("test: beat ends again and again, with 5 the last time")

    def test_of_a_health_check_count_when_they_last(
        self, inside: Instance, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(container_lifecycle, "UNHEALTHY_SECONDS", 0.0)
        ill = container("api-gateway", health="unhealthy", complaint="answers 503")
        text = self.refused(inside, engine, monkeypatch, FakeCompose([lambda: engine.holds(ill)]))
        assert text.startswith("test: api-gateway stays unhealthy (answers 503)")

    def test_of_compose_show_what_it_said(
        self, inside: Instance, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        text = self.refused(inside, engine, monkeypatch, FakeCompose([], code=1, words="driver failed\n"))
        assert "compose.log ends with:\n    driver failed" in text

    def test_to_move_name_what_is_waited_for(
        self, inside: Instance, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(container_lifecycle, "PATIENCE_SECONDS", 0)
        text = self.refused(inside, engine, monkeypatch, FakeCompose([]))
        assert text.endswith("still waiting for postgres, api-gateway, beat")


class TestDown:
    def test_takes_every_profile_along_and_keeps_the_data(self, inside: Instance, engine: FakeEngine) -> None:
        engine.holds(container("beat", folder=str(inside.code)))
        (inside.run).mkdir(parents=True, exist_ok=True)
        (inside.run / "up").touch()
        engine.answer("docker-compose down", "")
        down = engine.execute

        def execute(command: Any, environment: Any, folder: Any = None) -> Any:
            done = down(command, environment, folder)
            if command[1] == "down":
                engine.holds()
            return done

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("compose.execute", execute)
            assert bring_containers_down(inside)
        (line,) = engine.was_asked("docker-compose down")
        assert "volumes" not in line
        environment = engine.environments[engine.asked.index(line)]
        assert environment["COMPOSE_PROFILES"] == "alertmanager,flower,grafana,ray,ray-worker"
        assert not (inside.run / "up").exists()

    def test_leaves_another_checkouts_containers_alone(
        self, inside: Instance, engine: FakeEngine, tmp_path: Path
    ) -> None:
        engine.holds(container("beat", folder=str(tmp_path)))
        with pytest.raises(Refusal, match=f"belong to {tmp_path}"):
            bring_containers_down(inside)
        assert not engine.was_asked("docker-compose")

    def test_says_what_did_not_go(self, inside: Instance, engine: FakeEngine) -> None:
        engine.holds(container("beat"))
        with pytest.raises(Refusal, match="still there: beat"):
            bring_containers_down(inside)


class TestPurge:
    def test_lists_the_instances_volumes_with_their_sizes(self, inside: Instance, engine: FakeEngine) -> None:
        engine.answer("docker volume ls", "h9_postgres\nh9_work\n")
        engine.answer("docker system df", '{"Volumes": [{"Name": "h9_postgres", "Size": "47MB"}]}')
        assert volumes(inside) == {"h9_postgres": "47MB", "h9_work": "size unknown"}
        assert engine.was_asked("docker volume ls")[0].endswith("label=com.docker.compose.project=h9")

    def test_an_engine_that_cannot_count_keeps_nobody_from_it(self, inside: Instance, engine: FakeEngine) -> None:
        engine.answer("docker volume ls", "h9_postgres\n")
        engine.fail("docker system df", "error getting build cache usage: snapshot not found")
        assert volumes(inside) == {"h9_postgres": "size unknown"}

    def test_deletes_them_and_forgets_the_mode(self, inside: Instance, engine: FakeEngine) -> None:
        engine.answer("docker volume ls", "h9_left\n")
        engine.answer("docker system df", '{"Volumes": []}')
        purge_containers(inside)
        assert engine.was_asked("docker-compose down") == ["docker-compose down --volumes --remove-orphans"]
        assert engine.was_asked("docker volume rm") == ["docker volume rm h9_left"]
        assert mode_of(inside) == "local"

    def test_is_refused_while_anything_is_there(self, inside: Instance, engine: FakeEngine) -> None:
        engine.holds(container("beat"))
        with pytest.raises(Refusal, match="stop it first"):
            purge_containers(inside)
        assert not engine.was_asked("docker volume rm")
