"""Each instance in its mode: which one it is, and that two never run at once."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from types import SimpleNamespace

import pytest

import by_mode
from by_mode import Start, delete, gateway, look, make_admin, show_logs, start, stop
from compose import NoEngine
from console import Refusal
from container_preflight import Plan
from guides import container_guide, guide
from instance import Instance
from modes import forget_mode, mode_of, remember_mode

from .conftest import change
from .fake_engine import FakeEngine, container


class TestTheMode:
    def test_is_local_at_first(self, instance: Instance) -> None:
        assert mode_of(instance) == "local"

    def test_is_what_was_started_last(self, instance: Instance) -> None:
        remember_mode(instance, "docker")
        assert mode_of(instance) == "docker"
        forget_mode(instance)
        assert mode_of(instance) == "local"

    def test_is_what_is_asked_for(self, instance: Instance) -> None:
        remember_mode(instance, "docker")
        assert mode_of(instance, "local") == "local"

    def test_survives_a_damaged_file(self, instance: Instance) -> None:
        remember_mode(instance, "nonsense")
        assert mode_of(instance) == "local"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What would have been done to instances."""
    done: list[str] = []

    def will(name: str, answer: object) -> None:
        def note_it(*_: object, **__: object) -> object:
            done.append(name)
            return answer

        monkeypatch.setattr(by_mode, name, note_it)

    for name in ("bring_up", "bring_down", "bring_containers_up", "bring_containers_down", "purge", "purge_containers"):
        will(name, True)
    will("ensure_images", None)
    will("roll", None)
    will("belongings", [])
    will("volumes", {"h9_postgres": "1MB"})
    monkeypatch.setattr(by_mode, "answer", lambda _: None)
    monkeypatch.setattr(
        by_mode, "examine", lambda found, _: {one.name: SimpleNamespace(prometheus=None) for one in found}
    )
    monkeypatch.setattr(by_mode, "examine_containers", lambda found: {one.name: Plan(None, {}) for one in found})  # type: ignore[arg-type]
    return done


class TestStarting:
    def test_goes_by_the_mode(self, instance: Instance, engine: FakeEngine, calls: list[str]) -> None:
        start([instance], Start())
        start([instance], Start(mode="docker"))
        assert calls == ["bring_up", "ensure_images", "bring_containers_up"]
        remember_mode(instance, "docker")
        start([instance], Start())
        assert calls[3:] == ["ensure_images", "bring_containers_up"]

    def test_in_containers_has_the_images_of_all_first(
        self, instance: Instance, engine: FakeEngine, calls: list[str]
    ) -> None:
        start([instance, Instance("test2", 81, instance.code, instance.home)], Start(mode="docker"))
        assert calls == ["ensure_images", "ensure_images", "bring_containers_up", "bring_containers_up"]

    def test_again_behind_the_proxy_is_one_after_another(
        self, instance: Instance, engine: FakeEngine, calls: list[str]
    ) -> None:
        engine.holds(container("edge"), container("api-gateway"))
        start([instance], Start(mode="docker", restart=True))
        engine.holds(container("api-gateway"))
        start([instance], Start(mode="docker", restart=True))
        assert calls == ["ensure_images", "roll", "bring_containers_up", "ensure_images", "bring_containers_up"]

    def test_as_processes_is_refused_beside_containers(
        self, instance: Instance, engine: FakeEngine, calls: list[str]
    ) -> None:
        remember_mode(instance, "docker")
        engine.holds(container("beat"))
        with pytest.raises(Refusal, match=r"stop-dev\.sh --project test --docker"):
            start([instance], Start(mode="local"))
        assert calls == []
        assert mode_of(instance) == "docker"

    @pytest.mark.parametrize("words", ["", "Cannot connect to the Docker daemon"])
    def test_as_processes_follows_containers_that_are_gone(
        self, instance: Instance, engine: FakeEngine, calls: list[str], words: str
    ) -> None:
        remember_mode(instance, "docker")
        if words:
            engine.fail("docker ps", words)
        start([instance], Start(mode="local"))
        assert calls == ["bring_up"]
        assert mode_of(instance) == "local"

    @pytest.mark.parametrize("command", ["docker info", "docker-compose version"])
    def test_in_containers_needs_an_engine_and_a_compose(
        self, instance: Instance, engine: FakeEngine, calls: list[str], command: str
    ) -> None:
        engine.fail(command, "Cannot connect to the Docker daemon")
        with pytest.raises(NoEngine):
            start([instance], Start(mode="docker"))
        assert calls == []

    def test_with_wheels_is_for_processes(self, instance: Instance, calls: list[str]) -> None:
        with pytest.raises(Refusal, match="--wheels"):
            start([instance], Start(mode="docker", wheels=True))


class TestTheRest:
    def test_follows_the_mode(self, instance: Instance, engine: FakeEngine, calls: list[str]) -> None:
        stop([instance], None)
        delete([instance], None, only_list=False)
        remember_mode(instance, "docker")
        stop([instance], None)
        delete([instance], None, only_list=False)
        assert calls == ["bring_down", "belongings", "purge", "bring_containers_down", "volumes", "purge_containers"]

    def test_a_list_deletes_nothing(self, instance: Instance, calls: list[str]) -> None:
        delete([instance], "docker", only_list=True)
        delete([instance], "local", only_list=True)
        assert calls == ["volumes", "belongings"]

    def test_what_processes_left_can_be_deleted_without_forgetting_the_containers(
        self, instance: Instance, calls: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        remember_mode(instance, "docker")
        monkeypatch.setattr(by_mode, "purge", lambda one: shutil.rmtree(one.run))
        delete([instance], "local", only_list=False)
        assert mode_of(instance) == "docker"

    def test_looks_and_points_at_what_runs(self, instance: Instance, engine: FakeEngine) -> None:
        changed = change(instance, "PUBLISH_HOST", "192.0.2.7")
        assert (look(changed, "local").mode, look(changed, "docker").mode) == ("local", "docker")
        assert gateway(changed, "local") == "http://127.0.0.1:15900"
        assert gateway(changed, "docker") == "http://192.0.2.7:15900"


class TestAnAdministrator:
    @pytest.fixture
    def ran(self, monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
        commands: list[Sequence[str]] = []

        def run(command: Sequence[str], **_: object) -> SimpleNamespace:
            commands.append(command)
            return SimpleNamespace(returncode=7)

        monkeypatch.setattr(subprocess, "run", run)
        return commands

    def test_is_made_in_the_gateways_container(
        self, instance: Instance, engine: FakeEngine, ran: list[Sequence[str]]
    ) -> None:
        engine.holds(container("api-gateway", "exited", id="old"), container("api-gateway", id="young"))
        assert make_admin(instance, "docker", ["--email=a@example.org"]) == 7
        words = " ".join(ran[0])
        assert words == ("docker exec --interactive young python -m api-gateway.app.create_admin --email=a@example.org")

    def test_needs_one_that_runs(self, instance: Instance, engine: FakeEngine, ran: list[Sequence[str]]) -> None:
        with pytest.raises(Refusal, match=r"start-dev\.sh --project test --docker"):
            make_admin(instance, "docker", [])
        assert ran == []

    def test_is_made_by_this_machine_in_local_mode(self, instance: Instance, ran: list[Sequence[str]]) -> None:
        make_admin(instance, "local", ["--promote"])
        assert ran == [[sys.executable, "-m", "api-gateway.app.create_admin", "--promote"]]


class TestLogs:
    @pytest.fixture
    def became(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        lines: list[str] = []
        monkeypatch.setattr(os, "execvpe", lambda _, command, __: lines.append(" ".join(command)))
        monkeypatch.setattr(os, "chdir", lambda _: None)
        return lines

    def test_are_composes(self, instance: Instance, engine: FakeEngine, became: list[str]) -> None:
        engine.holds(container("ray-head"))
        show_logs(instance, ["--tail=5", "--follow", "ray"])
        show_logs(instance, ["--tail=5"])
        assert became == [
            "docker-compose --ansi never logs --tail=5 --follow --no-log-prefix ray-head",
            "docker-compose --ansi never logs --tail=5",
        ]

    def test_of_one_container_are_its_own_words(
        self, instance: Instance, engine: FakeEngine, became: list[str]
    ) -> None:
        engine.holds(container("beat"), container("ray-head"))
        show_logs(instance, ["--tail=5", "beat"])
        assert became[0] == "docker logs --tail=5 id-beat"

    def test_of_nothing_are_refused(self, instance: Instance, engine: FakeEngine, became: list[str]) -> None:
        with pytest.raises(Refusal, match="has no containers"):
            show_logs(instance, [])
        engine.holds(container("beat"))
        with pytest.raises(Refusal, match="no container of 'x'; there are: beat"):
            show_logs(instance, ["x"])
        assert became == []


class TestGuides:
    def test_have_the_same_lines(self, instance: Instance) -> None:
        local, docker = guide(instance, metrics=True), container_guide(instance, ["postgres", "prometheus"])
        assert [line[:12] for line in local.splitlines()] == [line[:12] for line in docker.splitlines()]

    def test_point_only_at_what_is_published(self, instance: Instance) -> None:
        text = container_guide(instance, ["edge", "prometheus"])
        assert "http://127.0.0.1:15900/api/v1" in text
        assert "postgres: inside only" in text
        assert "data-service: inside only" in text

    def test_say_when_there_are_no_metrics(self, instance: Instance) -> None:
        assert "no prometheus on this machine" in guide(instance, metrics=False)
