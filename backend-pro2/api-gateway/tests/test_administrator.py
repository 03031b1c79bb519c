"""The first administrator."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr

from shared.auth import PasswordHasher
from shared.config import Environment
from shared.errors import ServiceUnavailable

from ..app.repositories import Repositories
from ..app.services import administrator
from ..app.services.administrator import FirstAdministrator
from .fakes import FakeDatabase, unit_settings

SETTINGS = unit_settings(admin_email="Root@Example.com", admin_password="correct horse battery")


async def test_created_once_by_however_many() -> None:
    database = FakeDatabase()
    several = [FirstAdministrator(database.unit_of_work(), PasswordHasher(SETTINGS), SETTINGS) for _ in range(3)]
    await asyncio.gather(*(one.ensure() for one in several))
    ((user, _),) = database.tables.users.values()
    assert (user.email, user.role) == ("root@example.com", "admin")


async def test_nothing_to_do_without_settings() -> None:
    database = FakeDatabase()
    await FirstAdministrator(database.unit_of_work(), PasswordHasher(SETTINGS), unit_settings()).ensure()
    assert not database.tables.users


async def test_waits_for_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(administrator, "RETRY_SECONDS", 0.001)
    database = FakeDatabase()
    begin = database.unit_of_work()
    failures = iter((True, True))

    @asynccontextmanager
    async def flaky(*, read_only: bool = False) -> AsyncIterator[Repositories]:
        if next(failures, False):
            raise ServiceUnavailable("away")
        async with begin(read_only=read_only) as repositories:
            yield repositories

    await FirstAdministrator(flaky, PasswordHasher(SETTINGS), SETTINGS).ensure_in_time()
    assert len(database.tables.users) == 1


def test_bad_address_is_named() -> None:
    settings = unit_settings(admin_email="root", admin_password="correct horse battery")
    with pytest.raises(ValueError, match="ADMIN_EMAIL"):
        FirstAdministrator(FakeDatabase().unit_of_work(), PasswordHasher(settings), settings)


def test_weak_password_is_refused_in_production() -> None:
    weak = {"environment": Environment.PRODUCTION, "admin_password": SecretStr("password123")}
    settings = SETTINGS.model_copy(update=weak)
    with pytest.raises(ValueError, match="ADMIN_PASSWORD") as refusal:
        FirstAdministrator(FakeDatabase().unit_of_work(), PasswordHasher(settings), settings)
    assert "password123" not in str(refusal.value)
