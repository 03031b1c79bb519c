"""What the gateway tells Prometheus: refused credentials, limits, replays, mails and messages to webhooks."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from asgi_lifespan import LifespanManager
from httpx import ASGITransport, AsyncClient, Response

from shared.api_keys import new_api_key
from shared.config import Settings
from shared.database import Database
from shared.metrics import api_log
from shared.resources import Resources
from shared.testing.counting import Moved

from ..app.clients.mail import MailRefused
from ..app.main import create_app
from ..app.repositories import unit_of_work
from ..app.services.mailer import MAXIMUM_ATTEMPTS, Mailer
from . import outbox as mails
from .fakes_auth import Postbox
from .people import PASSWORD, Person, refresh
from .webhook_outbox import Outbox
from .webhook_receiver import answer, receiver

pytestmark = pytest.mark.integration

AUTH = "/api/v1/auth"
FAILURES = "auth_failures_total"


async def log_in(client: AsyncClient, email: str, password: str = PASSWORD) -> Response:
    return await client.post(f"{AUTH}/login", json={"email": email, "password": password})


async def ask(client: AsyncClient, credential: str | None) -> int:
    headers = {} if credential is None else {"Authorization": credential}
    return (await client.get(f"{AUTH}/me", headers=headers)).status_code


class TestCredentials:
    async def test_of_requests(self, client: AsyncClient, ada: Person) -> None:
        moved = Moved()
        assert await ask(client, None) == 401
        assert moved.of(FAILURES, "reason") == {"no_credentials": 1}
        forged = ada.access_token[:-3] + ("abc" if ada.access_token[-3:] != "abc" else "xyz")
        for credential in (f"Bearer {forged}", "Basic YTpi"):
            assert await ask(client, credential) == 401
        assert moved.of(FAILURES, "reason") == {"no_credentials": 1, "bad_token": 2}
        for key in (new_api_key().key, "adp_none"):
            assert await ask(client, f"Bearer {key}") == 401
        assert moved(FAILURES, reason="unknown_api_key") == 2

    async def test_of_a_session_that_has_ended(self, client: AsyncClient, ada: Person) -> None:
        assert (await ada.call("POST", "/auth/logout")).status_code == 204
        moved = Moved()
        assert (await ada.call("GET", "/auth/me")).status_code == 401
        assert moved.of(FAILURES, "reason") == {"session_ended": 1}

    async def test_of_logins(self, client: AsyncClient, ada: Person) -> None:
        moved = Moved()
        assert (await log_in(client, ada.user["email"])).status_code == 200
        assert moved.of(FAILURES, "reason") == {}
        assert (await log_in(client, ada.user["email"], "not the password")).status_code == 401
        assert (await log_in(client, "nobody@example.com")).status_code == 401
        assert moved.of(FAILURES, "reason") == {"wrong_credentials": 2}

    async def test_of_many_logins(self, client: AsyncClient, ada: Person, gateway_settings: Settings) -> None:
        moved, most = Moved(), gateway_settings.lockout_attempts
        answers = [await log_in(client, ada.user["email"], "not the password") for _ in range(most + 2)]
        assert [answer.status_code for answer in answers[-2:]] == [429, 429]
        assert moved.of(FAILURES, "reason") == {"wrong_credentials": most, "too_many_attempts": 2}

    async def test_of_refreshes(self, client: AsyncClient, ada: Person) -> None:
        moved = Moved()
        assert (await refresh(client, "x.y.z")).status_code == 401
        tokens = [ada.refresh_token]
        for _ in range(2):
            tokens.append((await refresh(client, tokens[-1])).json()["refresh_token"])
        assert moved.of(FAILURES, "reason") == {"bad_token": 1}
        assert (await refresh(client, tokens[0])).json()["code"] == "token_reused"
        assert (await refresh(client, tokens[-1])).json()["code"] == "session_ended"
        assert moved.of(FAILURES, "reason") == {"bad_token": 1, "token_reused": 1, "session_ended": 1}

    async def test_of_passwords_and_links(self, client: AsyncClient, ada: Person) -> None:
        moved = Moved()
        body = {"current_password": "not the password", "new_password": "another good horse"}
        assert (await ada.call("POST", "/auth/change-password", json=body)).status_code == 422
        link = {"token": "x" * 43, "new_password": "another good horse"}
        assert (await client.post(f"{AUTH}/reset-password", json=link)).status_code == 422
        assert moved.of(FAILURES, "reason") == {"wrong_password": 1, "invalid_link": 1}


@pytest.fixture
async def strict(gateway_settings: Settings, resources: Resources) -> AsyncIterator[AsyncClient]:
    """A client of a gateway that takes little."""
    limits = {"rate_limit_anonymous": 2, "rate_limit_auth": 1}
    app = create_app(gateway_settings.model_copy(update=limits), resources)
    async with LifespanManager(app, 60, 60), AsyncClient(transport=ASGITransport(app), base_url="http://g") as client:
        yield client


async def test_limits_by_policy(strict: AsyncClient) -> None:
    moved = Moved()
    statuses = [(await strict.get("/nothing")).status_code for _ in range(4)]
    statuses += [(await log_in(strict, "a@example.com")).status_code for _ in range(2)]
    assert statuses == [404, 404, 429, 429, 401, 429]
    assert moved.of("rate_limited_total", "policy") == {"anonymous": 2, "auth": 1}


async def test_replays(ada: Person) -> None:
    moved, headers = Moved(), {"Idempotency-Key": str(uuid4())}
    for replays in (0, 1, 2):
        made = await ada.call("POST", "/projects", json={"name": "p"}, headers=headers)
        assert (made.status_code, moved("idempotent_replays_total")) == (201, replays)


async def test_a_session_is_read_once_and_then_remembered(ada: Person) -> None:
    moved = Moved()
    for _ in range(3):
        await ada.call("GET", "/auth/me")
    found = moved.of("cache_requests_total", "outcome")
    assert sum(found.values()) == 3
    assert found["hit"] >= 2


async def test_mails(database: Database, gateway_settings: Settings) -> None:
    postbox, moved = Postbox(), Moved()
    mailer = Mailer(unit_of_work(database), postbox, gateway_settings)
    ada = await mails.user(database)
    await mails.enqueue(database, "password_changed", ada)
    await mails.enqueue(database, "password_reset", None)
    await mails.run(mailer)
    assert moved.of("mails_total", "outcome") == {"sent": 1, "skipped": 1}
    postbox.refusals += [MailRefused("later")] * MAXIMUM_ATTEMPTS
    await mails.enqueue(database, "password_changed", ada)
    for _ in range(MAXIMUM_ATTEMPTS):
        await mails.run(mailer)
        await mails.change(database, "UPDATE mails SET next_attempt_at = now() WHERE outcome IS NULL")
    ends = {"sent": 1, "skipped": 1, "postponed": MAXIMUM_ATTEMPTS - 1, "failed": 1}
    assert moved.of("mails_total", "outcome") == ends


async def test_webhooks(database: Database, gateway_settings: Settings) -> None:
    outbox, moved = Outbox(database, gateway_settings), Moved()
    await outbox.begin()
    async with receiver() as there:
        await outbox.webhook(there.url())
        there.answers = [answer(500), answer(410)]
        for _ in range(3):
            await outbox.tell()
            await outbox.sender.deliver_due()
    assert moved.of("webhook_deliveries_total", "outcome") == {"postponed": 1, "failed": 1}


async def test_all_of_it_is_told(client: AsyncClient) -> None:
    api_log.dropped("refused", 2)
    text = (await client.get("/metrics")).text
    for name in ("auth_failures_total", "mails_total", "webhook_deliveries_total", "idempotent_replays_total"):
        assert f"\n{name}" in text
    assert 'api_log_rows_dropped_total{reason="refused"}' in text
