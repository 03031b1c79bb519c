"""The instance that is hurt, a ledger of what it acknowledged, and people at it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ..adversarial.places import Place, places
from .clients import Insistent
from .desk import Desk
from .ledger import Ledger
from .servers import Servers

Join = Callable[[], Insistent]
# What is killed again and again is waited for, however busy the machine is.
TIMEOUT_SECONDS = 900


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        # The long forms last as long as they are told.
        if item.path.parent.name == "faults" and item.path.name.startswith("test_"):
            item.add_marker(pytest.mark.timeout(TIMEOUT_SECONDS))


@pytest.fixture(scope="session")
def place() -> Place:
    return places()[0]


@pytest.fixture
def servers(place: Place) -> Iterator[Servers]:
    servers = Servers(place)
    servers.ready()
    yield servers
    servers.ready()


@pytest.fixture(scope="session")
def desk(place: Place) -> Iterator[Desk]:
    """Work of every class of route, each asked for once."""
    there = Desk(place)
    there.warm_up()
    yield there
    there.close()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Asked at the end whether any answer was one that must not be."""
    ledger = Ledger(tmp_path / "ledger.jsonl")
    yield ledger
    ledger.close()
    assert ledger.flaws == []


@pytest.fixture
def join(place: Place, servers: Servers, ledger: Ledger) -> Iterator[Join]:
    """Makes people with an account, each at an address of its own."""
    people: list[Insistent] = []

    def join() -> Insistent:
        people.append(Insistent(place.gateway, ledger))
        return people[-1].signed_up()

    yield join
    for person in people:
        person.close()
