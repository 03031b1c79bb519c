"""Which callers are let pass as administrators, and which as logins; without servers."""

from dataclasses import replace
from uuid import uuid4

import pytest

from shared.errors import Forbidden
from shared.identity import Caller, LoggedIn, administrator, logged_in


class TestDependencies:
    CALLER = Caller(uuid4(), "a@example.com", "user", uuid4())

    async def test_administrators_only(self) -> None:
        admin = Caller(uuid4(), "a@example.com", "admin")
        assert await administrator(admin) is admin
        key = Caller(uuid4(), "a@example.com", "admin", None, uuid4(), frozenset({"admin"}))
        assert await administrator(key) is key
        for other in (self.CALLER, replace(key, scopes=frozenset({"read", "write"})), replace(key, role="user")):
            with pytest.raises(Forbidden) as refusal:
                await administrator(other)
            assert refusal.value.code == "forbidden"

    async def test_logins_only(self) -> None:
        assert await logged_in(self.CALLER) == LoggedIn(
            self.CALLER.id, "a@example.com", "user", self.CALLER.session_id or uuid4()
        )
        with pytest.raises(Forbidden) as refusal:
            await logged_in(Caller(uuid4(), "a@example.com", "admin", None, uuid4(), frozenset({"admin"})))
        assert refusal.value.code == "login_required"
