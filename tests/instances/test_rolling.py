"""Replacing containers one by one: the order, what stays when a new one fails, and what an interrupted roll leaves."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import rolling
from console import Refusal
from containers import Container
from instance import Instance
from rolling import PORTS, PROXY, Engine, NotReady, roll

Event = tuple[str, str]


def container(service: str, number: int) -> Container:
    return Container(
        id=f"{service}-{number}",
        service=service,
        folder="",
        state="running",
        health="healthy",
        exit_code=0,
        restarts=0,
        started_at=f"2026-01-01T00:00:{number:02d}",
        is_published=False,
        is_job=False,
        complaint="",
    )


class FakeEngine(Engine):
    """Containers in a list; `broken` are services whose new containers never get ready."""

    def __init__(self, instance: Instance, *services: str) -> None:
        super().__init__(instance)
        # The engine is frozen, as its containers are.
        object.__setattr__(self, "found", [container(name, number) for number, name in enumerate(services, start=1)])
        object.__setattr__(self, "events", [])
        object.__setattr__(self, "broken", {})
        object.__setattr__(self, "after_add", lambda: None)

    found: list[Container]
    events: list[Event]
    broken: dict[str, dict[str, Any]]
    after_add: Callable[[], None]

    def of(self, service: str) -> list[Container]:
        return [one for one in self.found if one.service == service]

    def add(self, service: str, count: int) -> None:
        while len(self.of(service)) < count:
            made = container(service, len(self.events) + 30)
            self.found.append(replace(made, **self.broken.get(service, {})))
            self.events.append(("add", made.id))
        self.after_add()

    def replace(self, service: str, count: int) -> None:
        for one in self.of(service):
            self.found.remove(one)
        self.events.append(("replace", service))
        made = [container(service, len(self.events) + 30) for _ in range(count)]
        self.found.extend(replace(one, **self.broken.get(service, {})) for one in made)

    def answers(self, container: Container) -> bool:
        return container.state == "running" and container.complaint == ""

    def remove(self, container: Container) -> None:
        self.found.remove(container)
        self.events.append(("remove", container.id))

    def log(self, container: Container) -> list[str]:
        return ["the last line"]

    def counts(self) -> dict[str, int]:
        return {name: len(self.of(name)) for name in (*PORTS, PROXY)}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rolling, "READY_SECONDS", 0.0)
    monkeypatch.setattr(rolling, "PERIOD_SECONDS", 0.0)


def rolled(engine: FakeEngine) -> list[str]:
    said: list[str] = []
    roll(engine, said.append)
    return said


class TestOrder:
    def test_the_next_is_there_before_the_last_one_goes(self, instance: Instance) -> None:
        engine = FakeEngine(instance, *PORTS, PROXY)
        said = rolled(engine)
        kinds = [(kind, name.rpartition("-")[0]) for kind, name in engine.events]
        assert kinds == [(kind, service) for service in PORTS for kind in ("add", "remove")]
        assert [line.split(":")[0].strip() for line in said] == list(PORTS)

    def test_workers_before_services_and_only_those_that_run(self, instance: Instance) -> None:
        engine = FakeEngine(instance, *PORTS, PROXY, "beat", "data-worker", "data-worker")
        rolled(engine)
        assert engine.events[:2] == [("replace", "data-worker"), ("replace", "beat")]
        assert engine.events[2][0] == "add"
        assert len(engine.of("data-worker")) == 2

    def test_each_of_several_is_replaced_and_their_number_kept(self, instance: Instance) -> None:
        engine = FakeEngine(instance, *PORTS, "api-gateway", "api-gateway", PROXY)
        old = {one.id for one in engine.found if one.service != PROXY}
        rolled(engine)
        assert engine.counts()["api-gateway"] == 3
        assert not old & {one.id for one in engine.found}


class TestFailure:
    @pytest.mark.parametrize(
        "fault",
        [
            {"restarts": 3, "state": "restarting"},
            {"state": "exited"},
            {"health": "unhealthy"},
            {"complaint": "not ready"},
        ],
    )
    def test_a_new_one_that_does_not_get_ready_goes_and_the_old_one_stays(
        self, instance: Instance, fault: dict[str, object]
    ) -> None:
        engine = FakeEngine(instance, *PORTS, PROXY)
        engine.broken["data-service"] = fault
        (old,) = engine.of("data-service")
        with pytest.raises(NotReady, match=r"data-service.*\n.*the last line"):
            rolled(engine)
        assert engine.of("data-service") == [old]
        assert not [name for kind, name in engine.events if "api-gateway" in name]

    def test_a_worker_that_does_not_come_back_ends_the_roll_before_the_services(self, instance: Instance) -> None:
        engine = FakeEngine(instance, *PORTS, PROXY, "ai-worker")
        engine.broken["ai-worker"] = {"health": "unhealthy"}
        with pytest.raises(NotReady, match="ai-worker"):
            rolled(engine)
        assert engine.events == [("replace", "ai-worker")]

    def test_without_the_proxy_nothing_is_touched(self, instance: Instance) -> None:
        engine = FakeEngine(instance, *PORTS)
        with pytest.raises(Refusal, match=r"edge does not run.*docker-compose\.prod\.yml"):
            rolled(engine)
        assert engine.events == []


class TestInterruption:
    def test_takes_the_half_made_one_away(self, instance: Instance) -> None:
        engine = FakeEngine(instance, *PORTS, PROXY)
        before = engine.counts()

        def interrupt() -> None:
            raise KeyboardInterrupt

        object.__setattr__(engine, "after_add", interrupt)
        with pytest.raises(KeyboardInterrupt):
            rolled(engine)
        assert engine.counts() == before

    def test_what_a_killed_roll_left_over_is_used_and_goes(self, instance: Instance) -> None:
        killed = FakeEngine(instance, *PORTS, PROXY)

        def kill() -> None:
            raise RuntimeError("killed")

        # As if the process had ended: what would tidy up does not run.
        object.__setattr__(killed, "remove", lambda _: kill())
        with pytest.raises(RuntimeError):
            rolled(killed)
        left = [*PORTS, PROXY, "ai-service"]
        engine = FakeEngine(instance, *left)
        rolled(engine)
        assert engine.counts() == dict.fromkeys((*PORTS, PROXY), 1)
        assert engine.events[0][0] == "remove"

    def test_the_only_one_that_is_ready_never_goes(self, instance: Instance) -> None:
        engine = FakeEngine(instance, *PORTS, PROXY)
        rolling.Journal(instance.run / rolling.JOURNAL).count("ai-service", 1)
        spoilt = replace(container("ai-service", 9), complaint="not ready")
        engine.found.append(spoilt)
        rolled(engine)
        assert engine.events[0] == ("remove", spoilt.id)
        assert engine.counts()["ai-service"] == 1
