"""The mailer as a task of the gateway."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from asgi_lifespan import LifespanManager
from pydantic import SecretStr

from shared.config import Settings
from shared.database import Database
from shared.resources import Resources

from ..app.main import create_app
from ..app.repositories import unit_of_work
from ..app.services.mailer import Mailer
from .fakes_auth import Postbox
from .mailbox import eventually, text_of, token_of, wait_for_mails
from .outbox import enqueue, outcomes, user
from .smtp_server import mail_server

pytestmark = pytest.mark.integration


@pytest.fixture
def postbox() -> Postbox:
    return Postbox()


@pytest.fixture
def mailer(database: Database, postbox: Postbox, gateway_settings: Settings) -> Mailer:
    return Mailer(unit_of_work(database), postbox, gateway_settings)


@asynccontextmanager
async def running(mailer: Mailer) -> AsyncIterator[None]:
    mailer.start()
    yield
    await mailer.close()


async def test_woken_at_once(database: Database, mailer: Mailer, postbox: Postbox) -> None:
    ada = await user(database)
    async with running(mailer):
        await asyncio.sleep(0.1)
        await enqueue(database, "password_changed", ada)
        mailer.wake()
        async with asyncio.timeout(10):
            await postbox.arrived.wait()


async def test_survives_what_nobody_expected(database: Database, mailer: Mailer, postbox: Postbox) -> None:
    ada = await user(database)
    postbox.refusals.append(RuntimeError("a bug"))
    async with running(mailer):
        await enqueue(database, "password_changed", ada)
        await enqueue(database, "password_changed", ada)
        for _ in range(100):
            mailer.wake()
            await asyncio.sleep(0.02)
    assert len(postbox.mails) == 1


async def test_finishes_the_mail_on_its_way(database: Database, gateway_settings: Settings) -> None:
    class Slow(Postbox):
        async def send(self, message: object, name: str) -> None:
            started.set()
            await asyncio.sleep(0.2)
            self.refusals.clear()

    started = asyncio.Event()
    await enqueue(database, "password_changed", await user(database))
    async with running(Mailer(unit_of_work(database), Slow(), gateway_settings)):
        await started.wait()
    assert await outcomes(database) == {"sent": 1}


async def test_without_a_server_in_production_mail_waits(
    database: Database, gateway_settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    await enqueue(database, "password_changed", await user(database))
    mailer = Mailer(unit_of_work(database), None, gateway_settings)

    async def told() -> bool:
        return "mail_not_configured" in caplog.text

    async with running(mailer):
        await eventually(told)
    assert await outcomes(database) == {None: 1}
    async with database.transaction() as session:
        assert await session.fetch_value("SELECT attempts FROM mails") == 0


async def test_gateways_share_the_work(database: Database, gateway_settings: Settings, resources: Resources) -> None:
    users = [await user(database, f"user{number}@example.com") for number in range(20)]
    for number, user_id in enumerate(users):
        await enqueue(database, "password_reset", user_id, f"user{number}@example.com")
    apps = [create_app(gateway_settings, resources) for _ in range(2)]
    async with LifespanManager(apps[0], 60, 60), LifespanManager(apps[1], 60, 60):
        mails = await wait_for_mails(gateway_settings.mail_dir, 20)
    assert sorted(mail["To"] for mail in mails) == sorted(f"user{number}@example.com" for number in range(20))
    assert await outcomes(database) == {"sent": 20}


async def test_the_gateway_sends_through_the_server_of_the_settings(
    database: Database, gateway_settings: Settings, resources: Resources
) -> None:
    await enqueue(database, "password_reset", await user(database))
    async with mail_server() as server:
        where = {"smtp_host": "127.0.0.1", "smtp_port": server.port, "smtp_security": "none"}
        login = {"smtp_username": "ada", "smtp_password": SecretStr("s3cret")}
        what = {"app_url": "https://app.example", "mail_from": "Lab <lab@example.org>"}

        async def arrived() -> bool:
            return bool(server.received)

        settings = gateway_settings.model_copy(update={**where, **login, **what})
        async with LifespanManager(create_app(settings, resources), 60, 60):
            await eventually(arrived)
    (got,) = server.received
    assert (got.sender, got.message["From"]) == ("lab@example.org", "Lab <lab@example.org>")
    assert f"https://app.example/reset-password?token={token_of(got.message)}" in text_of(got.message)
