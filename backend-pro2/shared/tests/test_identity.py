"""From a credential to a caller: the cache, the tombstone, and PostgreSQL behind them."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson
import pytest
from pydantic import SecretStr
from starlette.types import Scope

from shared.admission import SESSION_ENDED, SESSION_STALE, Admission, Policy, session_key
from shared.api_keys import new_api_key
from shared.config import Settings
from shared.credentials import Principal, principal_of_session
from shared.database import Database
from shared.errors import Forbidden, Unauthorized
from shared.identity import STALE_SECONDS, Caller, Identifier, SessionCache, key_finder
from shared.ids import new_id
from shared.redis_client import RedisClient
from shared.testing.logins import open_session
from shared.testing.project import Workspace

pytestmark = pytest.mark.integration

POLICY = Policy("default", 100, 60)


def principal_of(user_id: UUID, session_id: UUID) -> Principal:
    return principal_of_session(user_id, session_id, datetime.now(UTC) + timedelta(minutes=30))


async def execute(database: Database, sql: str, *arguments: object) -> None:
    async with database.transaction() as session:
        await session.execute(sql, *arguments)


class Desk:
    """Admission and identification as a request meets them."""

    def __init__(self, database: Database, redis: RedisClient) -> None:
        self.cache = SessionCache(redis, 1800)
        self.identifier = Identifier(database, self.cache)
        self.admission = Admission(redis, "test")

    async def ask(
        self, principal: Principal | None, method: str = "GET", path: str = "/api/v1/auth/me"
    ) -> tuple[bytes | None, Caller]:
        """What admission brought, and the caller."""
        verdict = await self.admission.admit("u", POLICY, principal.session_key if principal else None)
        state = {"claims": principal, "session": verdict.session}
        scope: Scope = {"state": state, "method": method, "path": path}
        return verdict.session, await self.identifier.caller(scope)


@pytest.fixture
def desk(database: Database, redis: RedisClient) -> Desk:
    return Desk(database, redis)


async def test_the_second_request_needs_no_database(desk: Desk, database: Database, workspace: Workspace) -> None:
    claims = principal_of(workspace.owner, await open_session(database, workspace.owner))
    assert (await desk.ask(claims))[0] is None
    cached, caller = await desk.ask(claims)
    assert cached is not None
    assert orjson.loads(cached)["email"] == caller.email
    assert (caller.session_id, caller.api_key_id, caller.scopes) == (claims.session_id, None, None)


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
        await desk.ask(principal_of(workspace.owner, session_id))
    assert refusal.value.code == "session_ended"


async def test_a_session_of_somebody_else(desk: Desk, database: Database, workspace: Workspace) -> None:
    session_id = await open_session(database, workspace.owner)
    with pytest.raises(Unauthorized):
        await desk.ask(principal_of(workspace.editor, session_id))


async def test_a_tombstone_outlasts_a_slow_reader(desk: Desk, database: Database, workspace: Workspace) -> None:
    session_id = await open_session(database, workspace.owner)
    claims = principal_of(workspace.owner, session_id)
    await desk.ask(claims)
    await desk.cache.forget([session_id])
    await desk.cache.put(session_id, b'{"read": "before the end"}')
    verdict = await desk.admission.admit("u", POLICY, session_key(session_id))
    assert verdict.session == SESSION_ENDED
    with pytest.raises(Unauthorized):
        await desk.ask(claims)


async def test_a_slow_reader_does_not_bring_a_former_role_back(
    desk: Desk, database: Database, redis: RedisClient, workspace: Workspace
) -> None:
    await execute(database, "UPDATE users SET role = 'admin' WHERE id = $1", workspace.owner)
    session_id = await open_session(database, workspace.owner)
    claims = principal_of(workspace.owner, session_id)
    await desk.ask(claims)
    before, caller = await desk.ask(claims)
    assert (before is not None, caller.role) == (True, "admin")
    await execute(database, "UPDATE users SET role = 'user' WHERE id = $1", workspace.owner)
    await desk.cache.refresh([session_id])
    await desk.cache.put(session_id, before or b"")
    brought, caller = await desk.ask(claims)
    assert (brought, caller.role) == (SESSION_STALE, "user")
    # Once the mark has gone, what is true now is remembered again.
    await redis.delete(session_key(session_id))
    await desk.ask(claims)
    brought, caller = await desk.ask(claims)
    assert (orjson.loads(brought or b"")["role"], caller.role) == ("user", "user")


async def test_the_mark_lapses(desk: Desk, redis: RedisClient) -> None:
    session_id = new_id()
    await desk.cache.refresh([session_id])
    left = await redis.eval("return redis.call('TTL', KEYS[1])", (session_key(session_id),), ())
    assert 0 < left <= STALE_SECONDS


async def test_a_warm_cache_does_not_lend_a_session_to_somebody_else(
    desk: Desk, database: Database, workspace: Workspace
) -> None:
    session_id = await open_session(database, workspace.owner)
    for _ in range(2):
        await desk.ask(principal_of(workspace.owner, session_id))
    with pytest.raises(Unauthorized) as refusal:
        await desk.ask(principal_of(workspace.editor, session_id))
    assert refusal.value.code == "session_ended"


async def test_without_redis_sessions_are_read_from_the_database(
    settings: Settings, database: Database, workspace: Workspace
) -> None:
    away = RedisClient(settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")}))
    desk = Desk(database, away)
    claims = principal_of(workspace.owner, await open_session(database, workspace.owner))
    for _ in range(3):
        assert (await desk.ask(claims))[0] is None
    await away.close()


async def give_key(database: Database, user_id: UUID, *scopes: str, expires_at: datetime | None = None) -> bytes:
    """The digest of a new key."""
    made = new_api_key()
    await execute(
        database,
        """
        INSERT INTO api_keys (id, user_id, name, prefix, key_sha256, scopes, expires_at)
        VALUES ($1, $2, 'key', $3, $4, $5, $6)
        """,
        new_id(),
        user_id,
        made.prefix,
        made.sha256,
        list(scopes),
        expires_at,
    )
    return made.sha256


async def find(database: Database, sha256: bytes) -> Principal:
    principal = await key_finder(database)(sha256)
    assert principal is not None
    return principal


class TestApiKeys:
    async def test_a_key_speaks_for_its_user(self, desk: Desk, database: Database, workspace: Workspace) -> None:
        key = await find(database, await give_key(database, workspace.owner, "read"))
        assert (await desk.ask(key))[0] is None
        cached, caller = await desk.ask(key)
        assert cached is not None
        assert (caller.id, caller.session_id) == (workspace.owner, None)
        assert caller.scopes == frozenset({"read"})
        assert caller.api_key_id == key.credential_id

    async def test_an_unknown_key(self, database: Database) -> None:
        assert await key_finder(database)(new_api_key().sha256) is None

    @pytest.mark.parametrize(
        "end",
        [
            "UPDATE api_keys SET revoked_at = now() WHERE key_sha256 = $1",
            "UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE key_sha256 = $1",
            "UPDATE users SET is_active = false WHERE id = (SELECT user_id FROM api_keys WHERE key_sha256 = $1)",
            "DELETE FROM api_keys WHERE key_sha256 = $1",
        ],
    )
    async def test_one_that_ended(self, desk: Desk, database: Database, workspace: Workspace, end: str) -> None:
        sha256 = await give_key(database, workspace.owner, "read")
        known = await find(database, sha256)
        await execute(database, end, sha256)
        assert await key_finder(database)(sha256) is None
        with pytest.raises(Unauthorized):
            await desk.ask(known)

    async def test_forgetting_it_ends_it_at_once(self, desk: Desk, database: Database, workspace: Workspace) -> None:
        key = await find(database, await give_key(database, workspace.owner, "read"))
        await desk.ask(key)
        await desk.cache.forget([key.credential_id])
        with pytest.raises(Unauthorized):
            await desk.ask(key)

    async def test_a_key_is_no_session_and_a_session_no_key(
        self, desk: Desk, database: Database, workspace: Workspace
    ) -> None:
        key = await find(database, await give_key(database, workspace.owner, "read"))
        with pytest.raises(Unauthorized):
            await desk.ask(principal_of(workspace.owner, key.credential_id))

    async def test_its_use_is_noted_once_a_minute(self, desk: Desk, database: Database, workspace: Workspace) -> None:
        sha256 = await give_key(database, workspace.owner, "read")
        key = await find(database, sha256)

        async def last_used(after: str) -> datetime | None:
            await execute(database, after, sha256)
            await desk.cache.refresh([key.credential_id])
            await desk.ask(key)
            async with database.transaction(read_only=True) as session:
                at: datetime | None = await session.fetch_value(
                    "SELECT last_used_at FROM api_keys WHERE key_sha256 = $1", sha256
                )
            return at

        first = await last_used("UPDATE api_keys SET last_used_at = NULL WHERE key_sha256 = $1")
        assert first is not None
        assert await last_used("UPDATE api_keys SET name = 'same' WHERE key_sha256 = $1") == first
        an_hour_ago = "UPDATE api_keys SET last_used_at = now() - interval '1 hour' WHERE key_sha256 = $1"
        assert (await last_used(an_hour_ago) or first) > first

    @pytest.mark.parametrize(
        ("scopes", "method", "path", "code"),
        [
            (("write",), "GET", "/api/v1/projects", "insufficient_scope"),
            (("read",), "POST", "/manage/datasets", "insufficient_scope"),
            (("tasks:read",), "GET", "/api/v1/auth/me", None),
            (("read",), "GET", "/tasks", None),
            (("read", "write", "admin"), "POST", "/api/v1/auth/change-password", "login_required"),
        ],
    )
    async def test_it_may_do_what_its_scopes_say(
        self,
        desk: Desk,
        database: Database,
        workspace: Workspace,
        scopes: tuple[str, ...],
        method: str,
        path: str,
        code: str | None,
    ) -> None:
        key = await find(database, await give_key(database, workspace.owner, *scopes))
        for _ in range(2):
            if code is None:
                await desk.ask(key, method, path)
                continue
            with pytest.raises(Forbidden) as refusal:
                await desk.ask(key, method, path)
            assert refusal.value.code == code
