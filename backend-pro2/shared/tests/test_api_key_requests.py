"""API keys as requests meet them: a whole service, the real database, Redis there or away."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest
from asgi_lifespan import LifespanManager
from fastapi import APIRouter
from pydantic import SecretStr

from shared.api_keys import NewKey, new_api_key
from shared.app_factory import create_service
from shared.config import Settings
from shared.database import Database
from shared.identity import AdminCaller, CurrentCaller, SessionCaller
from shared.ids import new_id
from shared.redis_client import RedisClient
from shared.testing.project import Workspace

pytestmark = pytest.mark.integration

AWAY = SecretStr("redis://127.0.0.1:1/0")
router = APIRouter()


@router.get("/tasks")
async def read(caller: CurrentCaller) -> UUID:
    return caller.id


@router.post("/tasks")
async def write(caller: CurrentCaller) -> UUID | None:
    return caller.api_key_id


@router.get("/api/v1/users")
async def administer(caller: AdminCaller) -> str:
    return caller.role


@router.delete("/models/1")
async def by_login(caller: SessionCaller) -> UUID:
    return caller.session_id


@asynccontextmanager
async def service(settings: Settings, **changes: object) -> AsyncIterator[httpx.AsyncClient]:
    settings = settings.model_copy(update=changes)
    app = create_service(name="keys", title="Keys", description="", settings=settings, routers=[router])
    transport = httpx.ASGITransport(app, client=("192.0.2.1", 1))
    async with LifespanManager(app, 60, 60), httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        client.headers["x-request-id"] = "test"
        yield client


async def give_key(database: Database, user_id: UUID, *scopes: str, expires_at: datetime | None = None) -> NewKey:
    made = new_api_key()
    async with database.transaction() as session:
        await session.execute(
            """
            INSERT INTO api_keys (id, user_id, name, prefix, key_sha256, scopes, expires_at)
            VALUES ($1, $2, 'key', $3, $4, $5, $6)
            """,
            *(new_id(), user_id, made.prefix, made.sha256, list(scopes), expires_at),
        )
    return made


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.usefixtures("redis")
@pytest.mark.parametrize("redis_url", [None, AWAY])
async def test_a_key_does_what_its_scopes_allow(
    settings: Settings, database: Database, workspace: Workspace, redis_url: SecretStr | None
) -> None:
    reader = await give_key(database, workspace.owner, "read")
    writer = await give_key(database, workspace.owner, "tasks:write", "models:write", "admin")
    async with service(settings, **({"redis_url": redis_url} if redis_url else {})) as client:
        for _ in range(2):
            answer = await client.get("/tasks", headers=bearer(reader.key))
            assert answer.json() == str(workspace.owner)
            answer = await client.post("/tasks", headers=bearer(reader.key))
            assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
            assert "`tasks:write` or `write`" in answer.json()["detail"]
            assert (await client.post("/tasks", headers=bearer(writer.key))).status_code == 200
            assert (await client.get("/tasks", headers=bearer(writer.key))).status_code == 403
            answer = await client.get("/api/v1/users", headers=bearer(writer.key))
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
            answer = await client.delete("/models/1", headers=bearer(writer.key))
            assert (answer.status_code, answer.json()["code"]) == (403, "login_required")


@pytest.mark.parametrize("redis_url", [None, AWAY])
async def test_a_revoked_key_ends_and_reveals_nothing(
    settings: Settings, database: Database, redis: RedisClient, workspace: Workspace, redis_url: SecretStr | None
) -> None:
    key = await give_key(database, workspace.owner, "read")
    async with service(settings, **({"redis_url": redis_url} if redis_url else {})) as client:
        assert (await client.get("/tasks", headers=bearer(key.key))).status_code == 200
        async with database.transaction() as session:
            key_id: UUID = await session.fetch_value(
                "UPDATE api_keys SET revoked_at = now() WHERE key_sha256 = $1 RETURNING id", key.sha256
            )
        if redis_url is None:
            await redis.set_bytes(f"session:{key_id}", b"-", 60)
        revoked = await client.get("/tasks", headers=bearer(key.key))
        unknown = await client.get("/tasks", headers=bearer(new_api_key().key))
        assert revoked.status_code == 401
        assert revoked.json() == unknown.json()
        assert key.key not in revoked.text


@pytest.mark.usefixtures("redis")
async def test_an_expired_key_stops_though_everything_remembers_it(
    settings: Settings, database: Database, workspace: Workspace
) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=1.5)
    key = await give_key(database, workspace.owner, "read", expires_at=soon)
    async with service(settings) as client:
        while True:
            status = (await client.get("/tasks", headers=bearer(key.key))).status_code
            if datetime.now(UTC) >= soon:
                break
            assert status == 200
        assert (await client.get("/tasks", headers=bearer(key.key))).status_code == 401


@pytest.mark.usefixtures("redis")
@pytest.mark.parametrize(
    "token", ["adp_x", "adp_" + "A" * 5000, "adp_AAAAAAAA_" + "A" * 42, "ADP_AAAAAAAA_" + "A" * 43]
)
async def test_what_only_looks_like_one(settings: Settings, token: str) -> None:
    async with service(settings) as client:
        answer = await client.get("/tasks", headers=bearer(token))
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
        assert token not in answer.text


@pytest.mark.usefixtures("redis")
async def test_without_the_database_a_new_key_is_told_to_come_back(settings: Settings) -> None:
    away = SecretStr("postgresql://a:b@127.0.0.1:1/none")
    async with service(settings, database_url=away) as client:
        answer = await client.get("/tasks", headers=bearer(new_api_key().key))
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
