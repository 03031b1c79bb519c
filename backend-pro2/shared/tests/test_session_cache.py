"""What Redis remembers of sessions, and which of it a request believes; without servers."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import orjson
import pytest
from starlette.types import Scope

from shared.admission import SESSION_ENDED, SESSION_STALE, session_key
from shared.config import Settings
from shared.credentials import principal_of_key, principal_of_session
from shared.database import Database
from shared.errors import ServiceUnavailable, Unauthorized
from shared.identity import STALE_SECONDS, Identifier, SessionCache
from shared.models.user import PublicUser
from shared.redis_client import RedisClient

NOW = datetime.now(UTC)


class MemoryRedis(RedisClient):
    """Keys in a dict, each with the seconds it was to live."""

    def __init__(self) -> None:
        super().__init__(Settings())
        self.kept: dict[str, tuple[bytes, int]] = {}

    async def set_bytes(self, key: str, value: bytes, ttl_seconds: int, *, if_absent: bool = False) -> bool:
        """Keep the bytes; nothing lapses here."""
        if if_absent and key in self.kept:
            return False
        self.kept[key] = (value, ttl_seconds)
        return True


class NoDatabase(Database):
    """Answers like one that is away: whoever asks it was not content with what Redis knew."""

    def transaction(self, **_: object) -> object:  # type: ignore[override]  # it never begins
        """Begin none."""
        raise ServiceUnavailable("asked the database")


def body_of(user_id: UUID) -> bytes:
    return PublicUser(user_id, "ada@example.com", "Ada", "user", True, NOW).as_json()


async def ask(user_id: UUID, remembered: bytes | None, *, with_key: bool = False) -> bytes:
    identifier = Identifier(NoDatabase(Settings()), SessionCache(MemoryRedis(), 1800))
    ends = NOW + timedelta(minutes=30)
    principal = (
        principal_of_key(user_id, uuid4(), frozenset({"read"}), ends)
        if with_key
        else principal_of_session(user_id, uuid4(), ends)
    )
    state = {"claims": principal, "session": remembered}
    scope: Scope = {"state": state, "method": "GET", "path": "/api/v1/auth/me"}
    return await identifier.user_json(scope)


@pytest.mark.parametrize("with_key", [False, True])
class TestWhatARequestBelieves:
    async def test_the_body_of_its_own_user(self, *, with_key: bool) -> None:
        user_id = uuid4()
        assert orjson.loads(await ask(user_id, body_of(user_id), with_key=with_key))["id"] == str(user_id)

    async def test_a_tombstone(self, *, with_key: bool) -> None:
        with pytest.raises(Unauthorized):
            await ask(uuid4(), SESSION_ENDED, with_key=with_key)

    @pytest.mark.parametrize("remembered", [None, b"", SESSION_STALE, body_of(uuid4()), b"{}"])
    async def test_anything_else_is_left_to_the_database(self, remembered: bytes | None, *, with_key: bool) -> None:
        with pytest.raises(ServiceUnavailable, match="asked the database"):
            await ask(uuid4(), remembered, with_key=with_key)


async def test_neither_a_mark_nor_a_tombstone_is_overwritten_by_a_reader() -> None:
    redis, ended, changed = MemoryRedis(), uuid4(), uuid4()
    cache = SessionCache(redis, 1800)
    for session_id in (ended, changed):
        await cache.put(session_id, b"before")
    await cache.forget([ended])
    await cache.refresh([changed])
    for session_id in (ended, changed):
        await cache.put(session_id, b"before")
    assert redis.kept == {
        session_key(ended): (SESSION_ENDED, 1860),
        session_key(changed): (SESSION_STALE, STALE_SECONDS),
    }
