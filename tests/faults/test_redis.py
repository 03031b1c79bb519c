"""Redis loses everything, dies, or falls silent under load: nobody is turned away for it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
import redis

from ..adversarial.places import Place
from ..e2e.api import PASSWORD
from .clients import Load
from .conftest import Join
from .identity import Regular, wait
from .ledger import Ledger
from .servers import Servers

pytestmark = pytest.mark.e2e

PEOPLE = 6
PAUSE_SECONDS = 0.05
# Until the breaker has opened, calls may wait for Redis as long as its timeout says, one after another.
SETTLING_SECONDS = 3.0
# One wait for Redis lasts longer, and each request would have several.
NO_WAIT_SECONDS = 0.45
LOGIN_SECONDS = 5.0
# Of an account and an address, with the setting's default.
LOCKOUT_ATTEMPTS = 10


@pytest.fixture
def server(place: Place) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(place.instance.values["REDIS_URL"], socket_timeout=5) as client:
        yield client


@contextmanager
def everyday(join: Join) -> Iterator[list[Regular]]:
    people = [Regular(join()) for _ in range(PEOPLE)]
    with Load(*(person.act for person in people), pause=PAUSE_SECONDS):
        yield people
    for person in people:
        person.audit()


def test_redis_is_emptied_and_killed_under_load(
    servers: Servers, join: Join, ledger: Ledger, server: redis.Redis
) -> None:
    with everyday(join) as people:
        for _ in range(2):
            wait(0.5)
            server.flushall()
            wait(0.5)
            servers.kill("redis")
            servers.back("redis")
    assert sum(person.logins for person in people) == 0
    assert set(ledger.answers) <= {200, 201}, ledger.answers
    assert ledger.cuts == 0


def test_nobody_waits_for_a_silent_redis(servers: Servers, join: Join, ledger: Ledger) -> None:
    with everyday(join) as people:
        begun, silent = wait(0.5), wait(2.0)
        with servers.silent("redis"):
            opened = wait(SETTLING_SECONDS)
            over = wait(4.0)
            newcomer = join()
    usual = ledger.slowest(0.9, begun, silent)
    assert ledger.slowest(0.9, opened, over) < NO_WAIT_SECONDS + 2 * usual, usual
    assert set(ledger.answers) <= {200, 201}, ledger.answers
    assert newcomer.insist("GET", "/auth/me").is_success
    assert sum(person.logins for person in people) == 0


def test_passwords_are_not_tried_for_ever_without_redis(servers: Servers, join: Join) -> None:
    person = join()
    with servers.silent("redis"):
        wrong = {"email": person.person.email, "password": f"not {PASSWORD}"}
        answers = [person.attempt("POST", "/auth/login", json=wrong) for _ in range(LOCKOUT_ATTEMPTS + 2)]
        statuses = [answer.status_code for answer in answers if answer is not None]
        assert statuses[:LOCKOUT_ATTEMPTS] == [401] * LOCKOUT_ATTEMPTS
        assert set(statuses[LOCKOUT_ATTEMPTS:]) == {429}
        assert all("retry-after" in answer.headers for answer in answers[LOCKOUT_ATTEMPTS:] if answer is not None)


def test_a_full_redis_keeps_nobody_out(join: Join, ledger: Ledger, server: redis.Redis) -> None:
    server.config_set("maxmemory", 1)
    try:
        person = join()
        assert person.insist("GET", "/auth/me").json()["email"] == person.person.email
        started = time.monotonic()
        tokens = person.log_in()
        assert time.monotonic() - started < LOGIN_SECONDS
        refreshed = person.insist("POST", "/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
        assert refreshed.status_code == httpx.codes.OK
        assert person.insist("POST", "/auth/logout").is_success
        assert person.insist("GET", "/auth/me").status_code == httpx.codes.UNAUTHORIZED
    finally:
        server.config_set("maxmemory", 0)
    assert set(ledger.answers) <= {200, 201, 204, 401}, ledger.answers
