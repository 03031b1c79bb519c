"""When the gateway begins to look whether a client is still there."""

import asyncio

import pytest

from shared.testing.patience import eventually

from ..app.routers import forwarding
from ..app.routers.forwarding import ClientGone, RequestBody, Watch, Watches

BRIEF = 0.02


class Asked:
    """An exchange that notes with what it was abandoned."""

    def __init__(self) -> None:
        self.abandoned: list[BaseException] = []

    def abandon(self, error: BaseException) -> None:
        """As the real one."""
        self.abandoned.append(error)


class Client:
    """A client that has hung up; counts how often somebody looked."""

    def __init__(self) -> None:
        self.looked = 0

    async def receive(self) -> dict[str, str]:
        """As the server gives it."""
        self.looked += 1
        return {"type": "http.disconnect"}


def watch_of(client: Client, exchange: Asked) -> Watch:
    return Watch(exchange, RequestBody(client.receive, empty=True))  # type: ignore[arg-type]  # what it needs of it


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "WATCH_AFTER_SECONDS", BRIEF)


async def test_a_short_exchange_costs_no_look() -> None:
    watches, client, exchange = Watches(), Client(), Asked()
    watch = watch_of(client, exchange)
    watches.add(watch)
    watches.remove(watch)
    await asyncio.sleep(4 * BRIEF)
    assert (client.looked, exchange.abandoned) == (0, [])


async def test_a_long_one_is_abandoned_when_its_client_is_gone() -> None:
    watches, client, exchange = Watches(), Client(), Asked()
    watches.add(watch_of(client, exchange))
    assert client.looked == 0
    await eventually(lambda: bool(exchange.abandoned))
    assert client.looked == 1
    assert [type(error) for error in exchange.abandoned] == [ClientGone]


async def test_each_has_its_time_whenever_it_came() -> None:
    watches = Watches()
    clients = [Client() for _ in range(5)]
    for client in clients:
        watches.add(watch_of(client, Asked()))
        await asyncio.sleep(BRIEF * 0.7)
    await eventually(lambda: [client.looked for client in clients] == [1] * 5)
    # The timer stops meanwhile, and starts again.
    await eventually(lambda: not watches._ticking)
    late = Client()
    watches.add(watch_of(late, Asked()))
    await eventually(lambda: late.looked == 1)


async def test_a_watch_that_has_begun_ends_with_its_exchange() -> None:
    async def never() -> dict[str, str]:
        await asyncio.Event().wait()
        return {}

    watches, before = Watches(), asyncio.all_tasks()
    watch = Watch(Asked(), RequestBody(never, empty=True))  # type: ignore[arg-type]  # what it needs of it
    watches.add(watch)
    await eventually(lambda: len(asyncio.all_tasks() - before) == 1)
    watches.remove(watch)
    await eventually(lambda: asyncio.all_tasks() == before)
