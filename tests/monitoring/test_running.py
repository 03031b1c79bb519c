"""A running instance is seen: every target answers, every panel shows something, the gravest alerts fire and end."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from supervisor import Supervisor

from ..adversarial.places import Place
from ..e2e.api import FINAL, PASSWORD, Api
from ..faults.servers import Servers
from .files import OF_PROMETHEUS, alerts, queries
from .quick import Prometheus, hastened, until
from .traffic import CSV, Poisoned, person

pytestmark = pytest.mark.monitoring


class TestItsOwnPrometheus:
    def test_sees_every_part(self, own: Prometheus, servers: Servers, place: Place) -> None:
        until(lambda: not any(own.targets().values()), own.targets)
        expected = {"prometheus", "api-gateway", "data-service", "ai-service", "data-worker", "ai-worker"}
        assert own.targets().keys() - {"ray"} == expected
        assert ("ray" in own.targets()) == place.instance.ray_enabled

    def test_understands_every_rule(self, own: Prometheus) -> None:
        def states() -> dict[str, str]:
            rules = [rule for group in own.get("rules")["groups"] for rule in group["rules"]]
            return {rule["name"]: rule["health"] + rule.get("lastError", "") for rule in rules}

        until(lambda: "unknown" not in states().values(), states)
        assert set(states().values()) == {"ok"}
        assert {alert.name for alert in alerts()} <= states().keys()

    def test_has_the_name_of_the_instance_on_every_series(self, own: Prometheus, place: Place) -> None:
        until(lambda: bool(own.query("up")), own.targets)
        assert {series["metric"].get("project") for series in own.query("up")} == {place.project}
        until(lambda: own.fires("Watchdog"), own.firing)
        # Errors are counted by Alertmanager, of which it has none.
        shown = OF_PROMETHEUS - {"prometheus_notifications_errors_total"}
        assert [name for name in shown if not own.query(name)] == []


@pytest.mark.usefixtures("poisoned")
def test_every_panel_of_every_dashboard_shows_something(watch: Prometheus) -> None:
    def empty() -> list[str]:
        return [str(shown) for shown in queries() if not watch.query(shown.now)]

    until(lambda: not empty(), empty)


def test_time_runs_faster_in_the_copy_of_the_rules_and_nothing_else_changes() -> None:
    text = "  expr: rate(x[3d]) > 0.1 and y[30s] < 1\n  for: 10m\n  labels: {a: b}\n"
    assert hastened(text) == "  expr: rate(x[5m]) > 0.1 and y[30s] < 1\n  for: 2s\n  labels: {a: b}\n"


@contextmanager
def stopped(place: Place, program: str) -> Iterator[None]:
    supervisor = Supervisor(place.instance)
    supervisor.stop([program])
    try:
        yield
    finally:
        supervisor.start([program])


class TestTheGravest:
    """Each fires while its fault lasts, and ends when that is mended."""

    def test_a_service_that_is_gone(self, place: Place, servers: Servers, watch: Prometheus) -> None:
        calm(watch, "TargetDown")
        with stopped(place, "ai-service"):
            until(lambda: watch.fires("TargetDown", job="ai-service", severity="critical"), watch.firing)
        calm(watch, "TargetDown")

    @pytest.mark.parametrize(
        ("server", "alert", "store"),
        [
            ("postgres", "PostgresAway", "postgres"),
            ("redis", "RedisAway", "redis"),
            ("object-store", "ObjectStoreAway", "object-store"),
        ],
    )
    def test_a_store_that_is_gone(
        self, server: str, alert: str, store: str, servers: Servers, watch: Prometheus
    ) -> None:
        calm(watch, alert)
        with servers.away(server):
            until(lambda: watch.fires(alert, store=store, severity="critical"), watch.firing)
        calm(watch, alert)
        servers.ready()

    def test_no_worker_while_a_task_waits(self, place: Place, servers: Servers, watch: Prometheus) -> None:
        calm(watch, "NoWorkers")
        with person(place) as api:
            dataset = api.upload(api.project(), CSV)
            with stopped(place, "ai-worker"):
                subject = {"project_id": dataset["project_id"], "dataset_id": dataset["id"]}
                task = api.ok("POST", "/analysis", json=subject | {"type": "describe", "params": {}})
                until(lambda: watch.fires("NoWorkers", service="ai-service", severity="critical"), watch.firing)
                until(lambda: watch.fires("TargetDown", job="ai-worker"), watch.firing)
                waits = 'max by (queue) (task_oldest_queued_seconds{queue="analysis"}) > 10'
                until(lambda: bool(watch.query(waits)), lambda: watch.query("task_oldest_queued_seconds"))
            calm(watch, "NoWorkers")
            until(lambda: api.ok("GET", f"/tasks/{task['id']}")["status"] in FINAL, lambda: task)
            assert api.ok("GET", f"/tasks/{task['id']}")["status"] == "succeeded"

    def test_a_task_that_was_given_up(
        self, place: Place, poisoned: Poisoned, servers: Servers, watch: Prometheus
    ) -> None:
        until(lambda: watch.fires("DeadLetters", queue="ingest", severity="warning"), watch.firing)
        before = dead_letters(watch)
        api = Api(place.gateway)
        with api.client:
            api.log_in(poisoned.email, PASSWORD).ok("POST", f"/tasks/{poisoned.task_id}/retry")
            until(lambda: dead_letters(watch) == before - 1, lambda: dead_letters(watch))
            # An instance that was tested before has others.
            until(lambda: watch.fires("DeadLetters") == (before > 1), watch.firing)
            api.ok("POST", f"/tasks/{poisoned.task_id}/cancel")


def dead_letters(watch: Prometheus) -> int:
    return sum(int(series["value"][1]) for series in watch.query("task_dead_letters"))


def calm(watch: Prometheus, alert: str) -> None:
    until(lambda: not watch.fires(alert), watch.firing)
