"""Avatars while the object store is silent: an answer in time, and nothing that hangs."""

import asyncio
from collections.abc import AsyncIterator
from typing import cast
from uuid import uuid4

import pytest

from shared.errors import ServiceUnavailable
from shared.object_store import ObjectStore

from ..app.repositories import UnitOfWork
from ..app.services import avatars
from ..app.services.avatars import AvatarService, StoredAvatar

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


class SilentStore:
    """Takes every request and answers none."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def put_bytes(self, key: str, data: bytes) -> None:
        self.asked.append("put")
        await asyncio.Event().wait()

    async def remove(self, *keys: str) -> None:
        self.asked.append("remove")
        await asyncio.Event().wait()

    async def get_stream(self, key: str) -> AsyncIterator[bytes]:
        self.asked.append("get")
        await asyncio.Event().wait()
        yield b""


def no_database(*, read_only: bool = False) -> None:
    raise AssertionError("nothing is written of a picture that was not stored")


async def test_a_silent_store_is_503_in_time_and_holds_up_no_removal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(avatars, "PICTURE_SECONDS", 0.05)
    store = SilentStore()
    service = AvatarService(cast("UnitOfWork", no_database), cast("ObjectStore", store), store.remove)
    async with asyncio.timeout(30):
        with pytest.raises(ServiceUnavailable):
            await service.replace(uuid4(), PNG)
        with pytest.raises(ServiceUnavailable):
            await service.content(StoredAvatar("avatars/x", "image/png"))
        await service.discard("avatars/x")
    assert store.asked == ["put", "get", "remove"]
