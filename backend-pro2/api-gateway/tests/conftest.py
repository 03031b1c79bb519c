"""A gateway over the real servers, and people who talk to it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from asgi_lifespan import LifespanManager
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from shared.config import Settings
from shared.resources import Resources
from shared.testing.fixtures import database, object_store, redis, resources, server_settings, settings

from ..app.main import create_app
from .people import Person, register
from .servers import Start, serving

__all__ = ["database", "object_store", "redis", "resources", "server_settings", "settings"]

CHEAP = {"bcrypt_rounds": 4, "rate_limit_auth": 100_000}


@pytest.fixture
def gateway_settings(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings with the cheapest hash, room for many logins, a mail folder, no service behind, no webhooks inside."""
    places = dict.fromkeys(("data_service_url", "ai_service_url"), "http://127.0.0.1:9")
    folder = tmp_path_factory.mktemp("mail")
    return settings.model_copy(update={**CHEAP, **places, "mail_dir": folder, "webhook_networks": ()})


@pytest.fixture
async def gateway(gateway_settings: Settings, resources: Resources) -> AsyncIterator[FastAPI]:
    """The application, started."""
    app = create_app(gateway_settings, resources)
    async with LifespanManager(app, 60, 60):
        yield app


@pytest.fixture
async def client(gateway: FastAPI) -> AsyncIterator[AsyncClient]:
    """A client without credentials."""
    async with AsyncClient(transport=ASGITransport(gateway), base_url="http://gateway") as client:
        yield client


@pytest.fixture
async def ada(client: AsyncClient) -> Person:
    """A user who is logged in."""
    return await register(client, "ada@example.com")


@pytest.fixture
async def bob(client: AsyncClient) -> Person:
    """Another one."""
    return await register(client, "bob@example.com")


@pytest.fixture
async def start(gateway_settings: Settings, resources: Resources) -> AsyncIterator[Start]:
    """Starts a gateway in front of the given services; answers a client of it."""
    async with AsyncExitStack() as stack:

        async def run(data: str = "http://127.0.0.1:9", ai: str = "http://127.0.0.1:9", **more: object) -> AsyncClient:
            settings = gateway_settings.model_copy(update={"data_service_url": data, "ai_service_url": ai, **more})
            url = await stack.enter_async_context(serving(create_app(settings, resources), lifespan="on"))
            return await stack.enter_async_context(AsyncClient(base_url=url, timeout=20))

        yield run
