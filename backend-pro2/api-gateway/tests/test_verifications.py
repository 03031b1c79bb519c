"""Proving an e-mail address, over the real servers."""

from collections.abc import AsyncIterator

import pytest
from asgi_lifespan import LifespanManager
from httpx import ASGITransport, AsyncClient

from shared.config import Settings
from shared.database import Database
from shared.resources import Resources

from ..app.main import create_app
from .mailbox import mails_in, token_of, wait_for_mails
from .people import PASSWORD, Person

pytestmark = pytest.mark.integration

AUTH = "/api/v1/auth"
EVE = {"email": "eve@example.com", "password": PASSWORD}


@pytest.fixture
async def strict(gateway_settings: Settings, resources: Resources) -> AsyncIterator[AsyncClient]:
    """A client of a gateway that wants addresses proven."""
    app = create_app(gateway_settings.model_copy(update={"require_verified_email": True}), resources)
    async with LifespanManager(app, 60, 60), AsyncClient(transport=ASGITransport(app), base_url="http://g") as client:
        yield client


async def verify(client: AsyncClient, token: str) -> int:
    return (await client.post(f"{AUTH}/verify-email", json={"token": token})).status_code


async def verified(database: Database) -> bool:
    async with database.transaction() as session:
        found: bool = await session.fetch_value("SELECT email_verified_at IS NOT NULL FROM users")
    return found


class TestRequired:
    async def test_no_login_before_the_proof(self, strict: AsyncClient, gateway_settings: Settings) -> None:
        assert (await strict.post(f"{AUTH}/register", json=EVE)).status_code == 201
        refused = await strict.post(f"{AUTH}/login", json=EVE)
        assert (refused.status_code, refused.json()["code"]) == (403, "email_not_verified")
        wrong = await strict.post(f"{AUTH}/login", json={**EVE, "password": "wrong wrong wrong"})
        assert (wrong.status_code, wrong.json()["code"]) == (401, "wrong_credentials")
        (mail,) = await wait_for_mails(gateway_settings.mail_dir, 1)
        assert (mail["To"], mail["Subject"]) == (EVE["email"], "Confirm your e-mail address")
        assert await verify(strict, token_of(mail)) == 204
        assert (await strict.post(f"{AUTH}/login", json=EVE)).status_code == 200
        assert await verify(strict, token_of(mail)) == 422

    async def test_a_reset_proves_it_too(self, strict: AsyncClient, gateway_settings: Settings) -> None:
        await strict.post(f"{AUTH}/register", json=EVE)
        await strict.post(f"{AUTH}/forgot-password", json={"email": EVE["email"]})
        mails = await wait_for_mails(gateway_settings.mail_dir, 2)
        (reset,) = [mail for mail in mails if mail["Subject"] == "Reset your password"]
        body = {"token": token_of(reset), "new_password": "seven grey geese over the marsh"}
        assert (await strict.post(f"{AUTH}/reset-password", json=body)).status_code == 204
        again = await strict.post(f"{AUTH}/login", json={**EVE, "password": body["new_password"]})
        assert again.status_code == 200


class TestOptional:
    async def test_asked_for(
        self, client: AsyncClient, ada: Person, gateway_settings: Settings, database: Database
    ) -> None:
        assert not await verified(database)
        for email in ("nobody@example.com", "ada@example.com"):
            answer = await client.post(f"{AUTH}/resend-verification", json={"email": email})
            assert answer.status_code == 202
        (mail,) = await wait_for_mails(gateway_settings.mail_dir, 1)
        assert await verify(client, token_of(mail)) == 204
        assert await verified(database)

    async def test_who_has_proven_it_gets_no_mail(
        self, client: AsyncClient, ada: Person, gateway_settings: Settings, database: Database
    ) -> None:
        async with database.transaction() as session:
            await session.execute("UPDATE users SET email_verified_at = now()")
        await client.post(f"{AUTH}/resend-verification", json={"email": "ada@example.com"})
        await client.post(f"{AUTH}/forgot-password", json={"email": "ada@example.com"})
        await wait_for_mails(gateway_settings.mail_dir, 1)
        assert [mail["Subject"] for mail in mails_in(gateway_settings.mail_dir)] == ["Reset your password"]

    async def test_token_to_a_former_address_is_void(
        self, client: AsyncClient, ada: Person, gateway_settings: Settings, database: Database
    ) -> None:
        await client.post(f"{AUTH}/resend-verification", json={"email": "ada@example.com"})
        (mail,) = await wait_for_mails(gateway_settings.mail_dir, 1)
        async with database.transaction() as session:
            await session.execute("UPDATE users SET email = 'moved@example.com'")
        assert await verify(client, token_of(mail)) == 422
        assert not await verified(database)

    async def test_token_of_a_reset(self, client: AsyncClient, ada: Person, gateway_settings: Settings) -> None:
        await client.post(f"{AUTH}/forgot-password", json={"email": "ada@example.com"})
        (mail,) = await wait_for_mails(gateway_settings.mail_dir, 1)
        assert await verify(client, token_of(mail)) == 422
