"""Two running instances, people at the first of them, and a watch over its processes."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack

import httpx
import pytest

from ..e2e.api import Api
from ..e2e.llm import scripted
from .catalogue import Catalogue
from .forge import Forge
from .people import People
from .people import join as sign_up
from .places import SERVICES, Place, places
from .wire import Attacker, own_address
from .world import World

# /health does nothing, so only an event loop that is held up could make it this slow, on a busy machine too.
PATIENCE_SECONDS = 10.0

Call = Callable[..., Attacker]
Join = Callable[[], Api]


@pytest.fixture(scope="session")
def place() -> Place:
    """The instance that is attacked."""
    return places()[0]


@pytest.fixture(scope="session")
def elsewhere() -> Place:
    """The instance beside it."""
    return places()[1]


class Watch(threading.Thread):
    """Asks every service for its health while others attack it."""

    def __init__(self, place: Place) -> None:
        super().__init__(daemon=True)
        self._place = place
        self._over = threading.Event()
        self.slowest = 0.0
        self.failures: list[str] = []

    def run(self) -> None:
        with httpx.Client(timeout=30, transport=httpx.HTTPTransport(local_address=own_address())) as client:
            while not self._over.wait(0.1):
                for service in SERVICES:
                    self._ask(client, service)

    def _ask(self, client: httpx.Client, service: str) -> None:
        started = time.monotonic()
        try:
            status = client.get(f"{self._place.url(service)}/health").status_code
        except httpx.HTTPError as error:
            self.failures.append(f"{service}: {error!r}")
            return
        self.slowest = max(self.slowest, time.monotonic() - started)
        if status != httpx.codes.OK:
            self.failures.append(f"{service}: {status}")

    def stop(self) -> None:
        self._over.set()
        self.join()


@pytest.fixture(scope="session", autouse=True)
def _model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A model that repeats what it is told."""
    with scripted({}, tmp_path_factory.mktemp("model")):
        yield


@pytest.fixture(scope="module", autouse=True)
def _unharmed(place: Place) -> Iterator[None]:
    """Whatever a module does, the same processes live on and answer meanwhile."""
    before = place.processes()
    assert set(before) == set(SERVICES)
    watch = Watch(place)
    watch.start()
    yield
    watch.stop()
    assert place.processes() == before
    assert watch.failures == []
    assert watch.slowest < PATIENCE_SECONDS


@pytest.fixture
async def attackers(place: Place) -> AsyncIterator[Call]:
    """Makes clients, each from an address of its own."""
    async with AsyncExitStack() as stack:
        opened: list[Attacker] = []

        def call(base_url: str | None = None, address: str | None = None) -> Attacker:
            attacker = Attacker(base_url or place.gateway, place.secrets, address)
            opened.append(attacker)
            return attacker

        yield call
        for attacker in opened:
            await stack.enter_async_context(attacker)
    # Closed sockets leave the loop one turn later.
    await asyncio.sleep(0)


@pytest.fixture
async def attacker(attackers: Call) -> Attacker:
    """One client at the gateway."""
    return attackers()


@pytest.fixture
def join(place: Place) -> Iterator[Join]:
    """Makes people with an account, each at an address of its own."""
    people: list[Api] = []

    def join() -> Api:
        people.append(Api(place.gateway, own_address()))
        return people[-1].signed_up()

    yield join
    for person in people:
        person.client.close()


@pytest.fixture(scope="session")
def victim(place: Place) -> Iterator[Api]:
    """Somebody whose token attackers got to see."""
    person = Api(place.gateway, own_address())
    try:
        yield person.signed_up()
    finally:
        person.client.close()


@pytest.fixture(scope="session")
def forge(victim: Api, place: Place) -> Forge:
    """An attacker who knows a good token, and even the key: what is refused then is refused for what it says."""
    return Forge(victim.tokens["access_token"], place.key)


@pytest.fixture(scope="session")
def catalogue(place: Place) -> Catalogue:
    return Catalogue(place.gateway)


@pytest.fixture(scope="session")
def people(place: Place, elsewhere: Place) -> Iterator[People]:
    opened: list[Api] = []
    helpers = {name: sign_up(place.gateway, opened) for name in ("viewer", "editor", "guest")}
    world, strangers = World(place.gateway, helpers), World(place.gateway)
    administrator = Api(place.gateway, own_address())
    opened.append(administrator)
    administrator.log_in(place.instance.values["ADMIN_EMAIL"], place.instance.values["ADMIN_PASSWORD"])
    yield People(place, elsewhere, world, administrator, strangers, sign_up(elsewhere.gateway, opened))
    world.close()
    strangers.close()
    for person in opened:
        person.client.close()
