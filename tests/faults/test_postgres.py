"""PostgreSQL crashes, falls silent or loses connections under load: 503 for a moment, and no acknowledged work lost."""

import asyncio
import signal

import asyncpg
import httpx
import pytest

from ..adversarial.places import Place
from .clients import Load
from .conftest import Join
from .identity import Regular, wait
from .ledger import OUTAGE, Ledger
from .servers import Servers

pytestmark = pytest.mark.e2e

PEOPLE = 6
PAUSE_SECONDS = 0.05
# Less than a statement may take: nobody hangs on what is gone.
SLOWEST_SECONDS = 8.0
# A statement that was sent waits as long as the server itself would let it run, and two seconds more.
SILENCE_SECONDS = 13.0


async def terminate(url: str, times: int) -> int:
    """Cut a connection of the services ten times a second; how many were cut."""
    killer = await asyncpg.connect(url)
    cut = 0
    for _ in range(times):
        await asyncio.sleep(0.1)
        cut += await killer.fetchval(
            """
            SELECT count(pg_terminate_backend(pid)) FROM (
                SELECT pid FROM pg_stat_activity
                WHERE application_name LIKE '%-service' AND pid <> pg_backend_pid()
                ORDER BY random() LIMIT 1
            ) one
            """
        )
    await killer.close()
    return cut


def regulars(join: Join) -> list[Regular]:
    """People who each have something to lose, before anything happens."""
    people = [Regular(join()) for _ in range(PEOPLE)]
    for person in people:
        person.create()
    return people


def audit(people: list[Regular], ledger: Ledger) -> None:
    for person in people:
        person.audit()
    assert set(ledger.answers) <= {200, 201, OUTAGE}, ledger.answers
    assert sum(person.logins for person in people) == 0


def test_postgres_crashes_under_load(servers: Servers, join: Join, ledger: Ledger) -> None:
    people = regulars(join)
    with Load(*(person.act for person in people), pause=PAUSE_SECONDS):
        for _ in range(2):
            wait(0.5)
            servers.kill("postgres", signal.SIGQUIT)
            wait(0.1)
            servers.back("postgres")
    audit(people, ledger)
    assert ledger.cuts == 0
    assert ledger.slowest(1.0) < SLOWEST_SECONDS


def test_while_postgres_is_away_known_people_are_still_known(
    place: Place, servers: Servers, join: Join, ledger: Ledger
) -> None:
    people = regulars(join)
    with Load(*(person.act for person in people), pause=PAUSE_SECONDS):
        with servers.away("postgres"), httpx.Client(base_url=place.gateway, timeout=30) as client:
            wait(1.0)
            assert client.get("/health").is_success
            assert client.get("/ready").status_code == OUTAGE
            assert people[0].person.insist("GET", "/auth/me").is_success
        servers.ready()
    audit(people, ledger)
    assert ledger.slowest(1.0) < SLOWEST_SECONDS


def test_a_silent_postgres_is_503_in_time(servers: Servers, join: Join, ledger: Ledger) -> None:
    people = regulars(join)
    with Load(*(person.act for person in people), pause=PAUSE_SECONDS):
        wait(1.0)
        with servers.silent("postgres"):
            wait(5.0)
    audit(people, ledger)
    assert ledger.answers[OUTAGE] > 0
    assert ledger.slowest(1.0) < SILENCE_SECONDS


def test_connections_are_cut_under_load(servers: Servers, join: Join, ledger: Ledger) -> None:
    people = regulars(join)
    with Load(*(person.act for person in people), pause=PAUSE_SECONDS):
        cut = asyncio.run(terminate(servers.database_url, 30))
    audit(people, ledger)
    assert cut > 10
