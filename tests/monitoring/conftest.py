"""The instance that is watched, what happens at it, and two that watch: its own Prometheus and a quick one."""

from collections.abc import Iterator

import pytest

from ..adversarial.places import Place, places
from ..faults.servers import Servers
from . import quick, traffic
from .quick import Prometheus
from .traffic import Poisoned

# From the instance's gateway to the port of the quick one: no program of an instance has it.
PORT_OFFSET = 96
TIMEOUT_SECONDS = 1200


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == "monitoring" and item.get_closest_marker("monitoring"):
            item.add_marker(pytest.mark.timeout(TIMEOUT_SECONDS))


@pytest.fixture(scope="session")
def place() -> Place:
    return places()[0]


@pytest.fixture(scope="session")
def servers(place: Place) -> Servers:
    servers = Servers(place)
    servers.ready()
    return servers


@pytest.fixture(scope="session")
def own(place: Place) -> Prometheus:
    """The one that the instance has."""
    return Prometheus(place.instance.url("prometheus"))


@pytest.fixture(scope="session")
def watch(place: Place, servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """The quick one."""
    folder = tmp_path_factory.mktemp("prometheus")
    port = place.instance.address("api-gateway").port + PORT_OFFSET
    with quick.running(place.instance.run / "prometheus.yml", folder, port) as prometheus:
        yield prometheus


@pytest.fixture(scope="session")
def poisoned(place: Place, servers: Servers, watch: Prometheus, tmp_path_factory: pytest.TempPathFactory) -> Poisoned:
    """After everything that panels are about has happened: the task that was given up."""
    quick.until(lambda: not any(watch.targets().values()), watch.targets)
    traffic.everyday(place, tmp_path_factory.mktemp("model"))
    # What had been seen once has not grown yet.
    quick.until(lambda: bool(watch.query("llm_requests_total > 0")), lambda: watch.query("llm_requests_total"))
    traffic.everyday(place, tmp_path_factory.mktemp("model"))
    return traffic.mishaps(place, servers)
