"""The cache of stored content: shared downloads, verification, and what eviction may not touch."""

import asyncio
import hashlib
import os
import stat
import time
from pathlib import Path

import pytest

from shared.config import Settings
from shared.content_cache import GRACE_SECONDS, ContentCache, CorruptObject
from shared.errors import ServiceUnavailable
from shared.object_store import ObjectStore
from shared.testing.fakes import MemoryStore

MEBIBYTE = 1024 * 1024


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def cache(store: MemoryStore, tmp_path: Path) -> ContentCache:
    return ContentCache(tmp_path / "cache", 10 * MEBIBYTE, store)


async def filled(cache: ContentCache, store: MemoryStore, name: str, size: int = 1000) -> tuple[str, Path]:
    data = name.encode() * size
    store.objects[name] = data
    return sha(data), await cache.fetch(name, sha(data))


class TestFetch:
    async def test_the_file_is_the_object(self, cache: ContentCache, store: MemoryStore) -> None:
        digest, path = await filled(cache, store, "one")
        assert path.read_bytes() == store.objects["one"]
        assert path.name == digest
        assert path.is_absolute()
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700

    async def test_a_hit_asks_the_store_nothing(self, cache: ContentCache, store: MemoryStore) -> None:
        digest, path = await filled(cache, store, "one")
        store.objects.clear()
        assert await cache.fetch("one", digest) == path
        assert store.reads == 1

    async def test_what_is_there_is_found_and_counts_as_used(self, cache: ContentCache, store: MemoryStore) -> None:
        assert await cache.find(sha(b"one" * 1000)) is None
        digest, path = await filled(cache, store, "one")
        os.utime(path, (1, 1))
        assert await cache.find(digest) == path
        assert path.stat().st_mtime > 1

    async def test_concurrent_calls_share_one_download(self, cache: ContentCache, store: MemoryStore) -> None:
        store.objects["one"] = b"data"
        paths = await asyncio.gather(*(cache.fetch("one", sha(b"data")) for _ in range(20)))
        assert len(set(paths)) == 1
        assert store.reads == 1

    async def test_one_who_gives_up_does_not_spoil_it_for_others(self, cache: ContentCache, store: MemoryStore) -> None:
        store.objects["one"] = b"data"
        store.delay_seconds = 0.1
        impatient = asyncio.create_task(cache.fetch("one", sha(b"data")))
        patient = asyncio.create_task(cache.fetch("one", sha(b"data")))
        await asyncio.sleep(0.02)
        impatient.cancel()
        assert (await patient).read_bytes() == b"data"

    async def test_closing_ends_downloads(self, cache: ContentCache, store: MemoryStore, tmp_path: Path) -> None:
        store.objects["one"] = b"data"
        store.delay_seconds = 60
        waiting = asyncio.create_task(cache.fetch("one", sha(b"data")))
        await asyncio.sleep(0.02)
        await cache.close()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert list((tmp_path / "cache").iterdir()) == []


class TestDamage:
    async def test_other_bytes_are_refused_and_leave_nothing(
        self, cache: ContentCache, store: MemoryStore, tmp_path: Path
    ) -> None:
        store.objects["one"] = b"dbta"
        with pytest.raises(CorruptObject) as refusal:
            await cache.fetch("one", sha(b"data"))
        assert refusal.value.code == "corrupt_object"
        assert list((tmp_path / "cache").iterdir()) == []
        store.objects["one"] = b"data"
        assert (await cache.fetch("one", sha(b"data"))).read_bytes() == b"data"

    async def test_a_failing_store_leaves_nothing(self, cache: ContentCache, tmp_path: Path) -> None:
        with pytest.raises(ServiceUnavailable):
            await cache.fetch("none", sha(b"data"))
        assert list((tmp_path / "cache").iterdir()) == []

    async def test_a_failing_disk_is_said_plainly(self, store: MemoryStore, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("in the way")
        store.objects["one"] = b"data"
        with pytest.raises(ServiceUnavailable, match="local disk"):
            await ContentCache(tmp_path / "file" / "cache", MEBIBYTE, store).fetch("one", sha(b"data"))


class TestEviction:
    async def test_the_longest_unused_go_first(self, cache: ContentCache, store: MemoryStore) -> None:
        paths = [(await filled(cache, store, name, 4 * MEBIBYTE))[1] for name in ("a", "b")]
        for age, path in enumerate(paths, start=1):
            os.utime(path, times=(time.time() - GRACE_SECONDS - age,) * 2)
        _, newest = await filled(cache, store, "c", 4 * MEBIBYTE)
        assert [path.exists() for path in (*paths, newest)] == [True, False, True]

    async def test_a_hit_counts_as_use(self, cache: ContentCache, store: MemoryStore) -> None:
        digest, path = await filled(cache, store, "a", 6 * MEBIBYTE)
        os.utime(path, times=(0, 0))
        await cache.fetch("a", digest)
        await filled(cache, store, "b", 6 * MEBIBYTE)
        assert path.exists()

    async def test_what_was_just_handed_out_stays_even_above_the_bound(
        self, cache: ContentCache, store: MemoryStore
    ) -> None:
        paths = [(await filled(cache, store, name, 6 * MEBIBYTE))[1] for name in ("a", "b", "c")]
        assert all(path.exists() for path in paths)

    async def test_what_a_killed_process_left_half_written_goes(self, cache: ContentCache, store: MemoryStore) -> None:
        _, path = await filled(cache, store, "a")
        left, growing = (path.with_name(f".{path.name}.{name}") for name in ("left", "growing"))
        for partial in (left, growing):
            partial.write_bytes(b"half")
        os.utime(left, times=(time.time() - GRACE_SECONDS - 1,) * 2)
        await filled(cache, store, "b")
        assert [left.exists(), growing.exists(), path.exists()] == [False, True, True]


@pytest.mark.integration
async def test_bytes_damaged_in_the_real_store_are_noticed(settings: Settings, object_store: ObjectStore) -> None:
    stored = await object_store.put_bytes("p/d/x", b"the right bytes")
    cache = ContentCache(settings.cache_dir, MEBIBYTE, object_store)
    assert (await cache.fetch(stored.key, stored.sha256)).read_bytes() == b"the right bytes"
    (settings.cache_dir.resolve() / stored.sha256).unlink()
    await object_store.put_bytes("p/d/x", b"the wrong bytes")
    with pytest.raises(CorruptObject):
        await cache.fetch(stored.key, stored.sha256)
