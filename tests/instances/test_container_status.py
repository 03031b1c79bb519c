"""States of an instance in containers, by what a made-up engine and made-up parts say."""

import pytest

import container_status
from container_status import inspect_containers
from containers import published
from instance import Instance
from probes import Reading
from programs import ALL
from status import Status

from .conftest import change
from .fake_engine import FakeEngine, container


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Reading]:
    """Parts that were asked; what they answer can be set."""
    answers: dict[str, Reading] = {}
    monkeypatch.setattr(
        container_status, "ask", lambda _, part: answers.setdefault(part, Reading(ok=True, version="9.9"))
    )
    return answers


def row(instance: Instance, part: str) -> Status:
    return next(one for one in inspect_containers(instance).services if one.service == part)


class TestAnInstance:
    def test_has_the_parts_of_local_mode_in_its_order(self, instance: Instance, engine: FakeEngine) -> None:
        found = inspect_containers(instance)
        assert found.mode == "docker"
        assert [one.service for one in found.services] == list(ALL)
        assert not found.expected

    def test_is_expected_when_it_has_containers(self, instance: Instance, engine: FakeEngine) -> None:
        engine.holds(container("redis"))
        assert inspect_containers(instance).expected

    def test_without_an_engine_says_so_in_every_row(self, instance: Instance, engine: FakeEngine) -> None:
        engine.fail("docker ps", "Cannot connect to the Docker daemon")
        found = inspect_containers(instance)
        assert {one.state for one in found.services} == {"stopped"}
        assert "no Docker engine answers" in found.services[0].note

    def test_asks_for_its_own_containers_only(self, instance: Instance, engine: FakeEngine) -> None:
        inspect_containers(change(instance, "COMPOSE_PROJECT_NAME", "h9"))
        assert engine.asked[0].endswith("--filter label=com.docker.compose.project=h9")


class TestAPart:
    def test_that_is_published_is_asked(self, instance: Instance, engine: FakeEngine) -> None:
        engine.holds(container("redis", health="healthy", is_published=True))
        found = row(instance, "redis")
        assert (found.state, found.version, found.url) == ("healthy", "9.9", "redis://127.0.0.1:6458/0")
        assert found.latency_ms is not None

    def test_that_is_not_published_is_judged_by_the_engine(
        self, instance: Instance, engine: FakeEngine, asked: dict[str, Reading]
    ) -> None:
        engine.holds(container("redis", health="healthy"), container("data-worker", health="healthy"))
        assert row(instance, "redis") == Status("redis", "healthy", "", "", None, "")
        assert row(instance, "data-worker").state == "healthy"
        assert asked == {}

    def test_of_ray_is_its_head(self, instance: Instance, engine: FakeEngine) -> None:
        engine.holds(container("ray-head", health="starting"))
        assert row(change(instance, "RAY_ENABLED", "true"), "ray").state == "starting"

    @pytest.mark.parametrize(("variable", "part"), [("RAY_ENABLED", "ray"), ("FLOWER_ENABLED", "flower")])
    def test_that_is_switched_off_is_disabled(
        self, instance: Instance, engine: FakeEngine, variable: str, part: str
    ) -> None:
        found = row(change(instance, variable, "false"), part)
        assert (found.state, found.note) == ("disabled", f"{variable} is false in .env")

    def test_that_answers_nothing_has_failed_unless_it_is_young(
        self, instance: Instance, engine: FakeEngine, asked: dict[str, Reading]
    ) -> None:
        asked["redis"] = Reading(ok=False, note="nobody listens")
        engine.holds(container("redis", is_published=True))
        assert row(instance, "redis").state == "failed"
        engine.holds(container("redis", is_published=True, started_at="2999-01-01T00:00:00Z"))
        assert row(instance, "redis").state == "starting"

    def test_that_says_it_is_degraded_is(
        self, instance: Instance, engine: FakeEngine, asked: dict[str, Reading]
    ) -> None:
        asked["ai-service"] = Reading(ok=True, degraded=True, note="ray: away")
        engine.holds(container("ai-service", health="healthy", is_published=True, restarts=2))
        found = row(instance, "ai-service")
        assert (found.state, found.note) == ("degraded", "ray: away; restarts: 2")

    @pytest.mark.parametrize(
        ("facts", "state", "note"),
        [
            (
                {"health": "unhealthy", "complaint": "one\nnobody listens"},
                "failed",
                "unhealthy: nobody listens; ./scripts",
            ),
            ({"state": "restarting", "exit_code": 3}, "failed", "ends with 3 again and again; ./scripts/logs.sh beat"),
            ({"state": "created"}, "starting", ""),
            ({"state": "exited", "exit_code": 137}, "stopped", "exited with 137"),
            ({"state": "paused"}, "stopped", "paused"),
            ({"state": "dead"}, "failed", "ended with 0"),
        ],
    )
    def test_that_does_not_work_says_why(
        self, instance: Instance, engine: FakeEngine, facts: dict[str, str], state: str, note: str
    ) -> None:
        engine.holds(container("beat", **facts))
        found = row(instance, "beat")
        assert found.state == state
        assert found.note.startswith(note)

    def test_of_several_containers_is_as_well_as_the_worst(self, instance: Instance, engine: FakeEngine) -> None:
        engine.holds(container("api-gateway", id="a", health="healthy"), container("api-gateway", "exited", id="b"))
        found = row(instance, "api-gateway")
        assert (found.state, found.note) == ("stopped", "2 containers; exited")


class TestProduction:
    def test_reaches_the_gateways_through_the_proxy(self, instance: Instance, engine: FakeEngine) -> None:
        engine.holds(container("api-gateway", health="healthy"), container("edge", health="healthy", is_published=True))
        assert row(instance, "api-gateway").version == "9.9"
        assert row(instance, "edge").state == "healthy"

    def test_judges_the_services_behind_them_by_the_engine(self, instance: Instance, engine: FakeEngine) -> None:
        engine.holds(container("data-service", health="healthy"), container("edge", is_published=True))
        assert row(instance, "data-service") == Status("data-service", "healthy", "", "", None, "")


class TestJobs:
    def test_are_shown_only_when_they_failed(self, instance: Instance, engine: FakeEngine) -> None:
        engine.holds(
            container("migrate", "exited", is_job=True, exit_code=1), container("bucket", "exited", is_job=True)
        )
        assert row(instance, "migrate").note.startswith("ended with 1")
        assert "bucket" not in [one.service for one in inspect_containers(instance).services]

    def test_that_somebody_ran_by_hand_do_not_count(self, instance: Instance, engine: FakeEngine) -> None:
        engine.holds(container("api-gateway", "exited", oneoff="True", exit_code=1))
        assert row(instance, "api-gateway").note == ""


class TestAddresses:
    def test_are_those_on_which_containers_are_published(self, instance: Instance) -> None:
        view = published(change(change(instance, "PUBLISH_HOST", "192.0.2.7"), "FLOWER_PORT", "4711"))
        assert view.url("api-gateway") == "http://192.0.2.7:15900"
        assert view.url("postgres") == "postgresql://192.0.2.7:5511/ai_platform_test"
        assert view.address("postgres").password == instance.address("postgres").password
        assert view.url("flower") == "http://192.0.2.7:4711"

    def test_are_this_machines_where_they_are_published_everywhere(self, instance: Instance) -> None:
        view = published(change(instance, "PUBLISH_HOST", "0.0.0.0"))  # noqa: S104
        assert view.address("api-gateway").host == "127.0.0.1"
        assert view.url("redis") == "redis://127.0.0.1:6458/0"
