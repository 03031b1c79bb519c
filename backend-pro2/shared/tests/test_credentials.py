"""From an Authorization header to a principal: tokens, API keys, what is remembered of them and for how long."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from shared.api_keys import NewKey, new_api_key
from shared.auth import TokenCodec
from shared.config import Settings
from shared.credentials import (
    KEY_FACTS_SECONDS,
    NOT_BEARER,
    REMEMBERED,
    UNKNOWN_KEY,
    CredentialReader,
    KeyRing,
    Principal,
    Remembered,
    principal_of_key,
)
from shared.errors import ServiceUnavailable

CODEC = TokenCodec(Settings(_env_file=None))


class Clock:
    def __init__(self) -> None:
        self.now = datetime.now(UTC).timestamp()

    def __call__(self) -> float:
        return self.now


class Table:
    """The keys of a database, and how often it was asked."""

    def __init__(self) -> None:
        self.keys: dict[bytes, Principal] = {}
        self.asked = 0
        self.away = False

    def add(self, expires_at: datetime | None = None) -> NewKey:
        made = new_api_key()
        self.keys[made.sha256] = principal_of_key(uuid4(), uuid4(), frozenset({"read"}), expires_at)
        return made

    async def find(self, sha256: bytes) -> Principal | None:
        self.asked += 1
        await asyncio.sleep(0)
        if self.away:
            raise ServiceUnavailable("away")
        return self.keys.get(sha256)


class Desk:
    """A reader of headers over a table of keys."""

    def __init__(self) -> None:
        self.clock, self.table = Clock(), Table()
        self.reader = CredentialReader(CODEC, KeyRing(self.table.find, self.clock), self.clock)

    async def ask(self, key: NewKey) -> Principal | None:
        """As the middleware does."""
        presented = self.reader.read(f"Bearer {key.key}".encode())
        if presented.look_up is not None:
            presented = await self.reader.look_up(presented.look_up)
        return presented.principal


class TestTokens:
    def test_a_session(self) -> None:
        user_id, session_id = uuid4(), uuid4()
        header = f"Bearer {CODEC.issue_access(user_id, session_id)}".encode()
        desk = Desk()
        first, second = desk.reader.read(header).principal, desk.reader.read(header).principal
        assert first is not None
        assert second is first
        assert (first.user_id, first.session_id, first.api_key_id, first.scopes) == (user_id, session_id, None, None)
        assert first.session_key == f"session:{session_id}"

    def test_a_remembered_token_still_expires(self) -> None:
        desk = Desk()
        header = f"Bearer {CODEC.issue_access(uuid4(), uuid4())}".encode()
        principal = desk.reader.read(header).principal
        assert principal is not None
        desk.clock.now = principal.expires_at
        desk.reader._tokens[header] = replaced = replace(principal, user="remembered")
        assert desk.reader.read(header).principal is not replaced

    @pytest.mark.parametrize("header", [b"", b"Basic YTpi", b"adp_x", b"Token x", "Bearer\u00a0x".encode()])
    def test_another_scheme(self, header: bytes) -> None:
        assert Desk().reader.read(header).fault == NOT_BEARER

    @pytest.mark.parametrize("token", [b"", b"x", b"a.b.c", b"\xff.\xff.\xff", b"adp_short", b"adp_" + b"\xff" * 52])
    def test_rubbish_is_a_fault_and_nothing_to_look_up(self, token: bytes) -> None:
        presented = Desk().reader.read(b"Bearer " + token)
        assert presented.fault
        assert presented[:2] == (None, None)


class TestKeys:
    async def test_the_database_is_asked_once_a_minute(self) -> None:
        desk = Desk()
        key = desk.table.add()
        for _ in range(5):
            principal = await desk.ask(key)
        assert principal is not None
        assert principal.session_id is None
        assert principal.scopes == frozenset({"read"})
        assert principal.subject == str(principal.api_key_id)
        assert desk.table.asked == 1
        desk.clock.now += KEY_FACTS_SECONDS
        await desk.ask(key)
        assert desk.table.asked == 2

    async def test_an_unknown_key_is_never_remembered(self) -> None:
        desk = Desk()
        for _ in range(3):
            presented = await desk.reader.look_up(new_api_key().sha256)
            assert (presented.principal, presented.fault) == (None, UNKNOWN_KEY)
        assert desk.table.asked == 3
        assert not desk.reader._keys._met

    async def test_a_removed_key_is_gone_within_a_minute(self) -> None:
        desk = Desk()
        key = desk.table.add()
        await desk.ask(key)
        desk.table.keys.clear()
        desk.clock.now += KEY_FACTS_SECONDS
        assert await desk.ask(key) is None
        assert await desk.ask(key) is None

    async def test_an_expired_key_stops_at_its_expiry_whatever_is_remembered(self) -> None:
        desk = Desk()
        key = desk.table.add(datetime.fromtimestamp(desk.clock.now, UTC) + timedelta(seconds=10))
        assert await desk.ask(key) is not None
        desk.clock.now += 10
        assert desk.reader.read(f"Bearer {key.key}".encode()).principal is None
        assert await desk.ask(key) is None, "the database's clock may be behind ours"

    async def test_while_a_known_key_is_looked_up_again_others_do_not_ask_too(self) -> None:
        desk = Desk()
        key = desk.table.add()
        await desk.ask(key)
        desk.clock.now += KEY_FACTS_SECONDS
        found = await asyncio.gather(*(desk.ask(key) for _ in range(20)))
        assert all(found)
        assert desk.table.asked == 2

    async def test_a_database_that_is_away_says_so_and_nothing_stale_stays(self) -> None:
        desk = Desk()
        key = desk.table.add()
        await desk.ask(key)
        desk.clock.now += KEY_FACTS_SECONDS
        desk.table.away = True
        for _ in range(2):
            with pytest.raises(ServiceUnavailable):
                await desk.ask(key)
        desk.table.away = False
        assert await desk.ask(key) is not None


def test_what_is_remembered_is_bounded_and_the_oldest_goes() -> None:
    memory: Remembered[int, int] = Remembered()
    for number in range(REMEMBERED + 5):
        memory.remember(number, number)
    assert len(memory) == REMEMBERED
    assert 4 not in memory
    assert 5 in memory
