"""From claims to a caller: the cache, the tombstone, and PostgreSQL behind them."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson
import pytest
from pydantic import SecretStr
from starlette.types import Scope

from shared.admission import SESSION_ENDED, Admission, Policy
from shared.auth import Claims
from shared.config import Settings
from shared.database import Database
from shared.errors import Unauthorized
from shared.identity import Identifier, SessionCache
from shared.ids import new_id
from shared.redis_client import RedisClient
from shared.testing.project import Workspace

pytestmark = pytest.mark.integration

POLICY = Policy("default", 100, 60)


def claims_of(user_id: UUID, session_id: UUID) -> Claims:
    now = datetime.now(UTC)
    return Claims(user_id, session_id, new_id(), now, now + timedelta(minutes=30))


async def open_session(database: Database, user_id: UUID) -> UUID:
    session_id = new_id()
    async with database.transaction() as session:
        await session.execute(
            """
            INSERT INTO sessions (id, user_id, refresh_jti, refresh_issued_at, expires_at)
            VALUES ($1, $2, $3, now(), now() + interval '1 day')
            """,
            session_id,
            user_id,
            new_id(),
        )
    return session_id


async def execute(database: Database, sql: str, *arguments: object) -> None:
    async with database.transaction() as session:
        await session.execute(sql, *arguments)


class Desk:
    """Admission and identification as a request meets them."""

    def __init__(self, database: Database, redis: RedisClient) -> None:
        self.cache = SessionCache(redis, 1800)
        self.identifier = Identifier(database, self.cache)
        self.admission = Admission(redis, "test")

    async def ask(self, claims: Claims | None) -> tuple[bytes | None, str]:
        """What admission brought, and the e-mail address of the caller."""
        verdict = await self.admission.admit("u", POLICY, claims.session_id if claims else None)
        scope: Scope = {"state": {"claims": claims, "session": verdict.session}}
        caller = await self.identifier.caller(scope)
        return verdict.session, caller.email


@pytest.fixture
def desk(database: Database, redis: RedisClient) -> Desk:
    return Desk(database, redis)


async def test_the_second_request_needs_no_database(desk: Desk, database: Database, workspace: Workspace) -> None:
    claims = claims_of(workspace.owner, await open_session(database, workspace.owner))
    assert (await desk.ask(claims))[0] is None
    cached, email = await desk.ask(claims)
    assert cached is not None
    assert orjson.loads(cached)["email"] == email


async def test_nobody(desk: Desk) -> None:
    with pytest.raises(Unauthorized, match="Send an access token"):
        await desk.ask(None)


@pytest.mark.parametrize(
    "end",
    [
        "UPDATE sessions SET revoked_at = now() WHERE id = $1",
        "UPDATE sessions SET expires_at = now() - interval '1 second' WHERE id = $1",
        "UPDATE users SET is_active = false WHERE id = (SELECT user_id FROM sessions WHERE id = $1)",
        "DELETE FROM sessions WHERE id = $1",
    ],
)
async def test_a_session_that_ended(desk: Desk, database: Database, workspace: Workspace, end: str) -> None:
    session_id = await open_session(database, workspace.owner)
    await execute(database, end, session_id)
    with pytest.raises(Unauthorized) as refusal:
        await desk.ask(claims_of(workspace.owner, session_id))
    assert refusal.value.code == "session_ended"


async def test_a_session_of_somebody_else(desk: Desk, database: Database, workspace: Workspace) -> None:
    session_id = await open_session(database, workspace.owner)
    with pytest.raises(Unauthorized):
        await desk.ask(claims_of(workspace.editor, session_id))


async def test_a_tombstone_outlasts_a_slow_reader(desk: Desk, database: Database, workspace: Workspace) -> None:
    session_id = await open_session(database, workspace.owner)
    claims = claims_of(workspace.owner, session_id)
    await desk.ask(claims)
    await desk.cache.forget([session_id])
    await desk.cache.put(session_id, b'{"read": "before the end"}')
    verdict = await desk.admission.admit("u", POLICY, session_id)
    assert verdict.session == SESSION_ENDED
    with pytest.raises(Unauthorized):
        await desk.ask(claims)


async def test_without_redis_sessions_are_read_from_the_database(
    settings: Settings, database: Database, workspace: Workspace
) -> None:
    away = RedisClient(settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")}))
    desk = Desk(database, away)
    claims = claims_of(workspace.owner, await open_session(database, workspace.owner))
    for _ in range(3):
        assert (await desk.ask(claims))[0] is None
    await away.close()
