"""Answers about differences are kept, by content, for a while, and are not missed where nothing can be kept."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import duckdb
import orjson
import pytest

from shared.compute import ComputeFailed
from shared.config import Settings
from shared.ids import new_id
from shared.redis_client import RedisUnavailable
from shared.resources import Resources
from shared.testing.fakes import InlineCompute

from ..app.repositories.versions import Version
from ..app.services import answer_cache
from ..app.services.datasets import Datasets
from ..app.services.diffs import Diffs
from ..app.services.engine import Engine


class MemoryRedis:
    """Keeps answers, unless it is away."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.away = False

    async def get_json(self, key: str) -> Any:
        """The answer."""
        if self.away:
            raise RedisUnavailable
        return orjson.loads(self.values[key]) if key in self.values else None

    async def set_bytes(self, key: str, value: bytes, ttl_seconds: int) -> None:
        """Keep one."""
        if self.away:
            raise RedisUnavailable
        assert ttl_seconds == 600
        self.values[key] = value


class World:
    """Two versions on disk, 2 with a row more than 1, and the use case over them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = Settings(cache_dir=folder / "cache")
        self.settings.cache_dir.mkdir()
        self.redis, self.compute = MemoryRedis(), InlineCompute()
        for number in (1, 2):
            self.write(number)
        names = {"settings": self.settings, "redis": self.redis, "compute": self.compute}
        resources = cast("Resources", SimpleNamespace(**names))
        self.use = Diffs(resources, Engine(resources), cast("Datasets", self))

    def write(self, number: int) -> None:
        """The content of a version."""
        with duckdb.connect() as connection:
            connection.sql(f"FROM range({number}) r (i)").write_parquet(str(self.folder / str(number)))

    async def version(self, dataset_id: Any, _: Any, number: int) -> Version:
        """As Datasets has it."""
        empty = dict.fromkeys(Version.__dataclass_fields__)
        content = {"parquet_key": str(number), "parquet_sha256": f"sha-{number}"}
        return Version(**{**empty, **content, "dataset_id": dataset_id, "version": number})

    async def fetch(self, key: str) -> Path:
        """As ContentCache has it."""
        return self.folder / key

    async def local(self, version: Version, _: Any) -> str:
        """As Datasets has it."""
        return str(await self.fetch(str(version.parquet_key)))

    async def rows(self, key: str | None = None) -> dict[str, Any]:
        """The first page."""
        return await self.use.rows(new_id(), new_id(), (1, 2), key, kind=None, offset=0, limit=5)

    @property
    def runs(self) -> list[bool]:
        """For each computation, whether the index was there."""
        return [job["has_index"] for _, job in self.compute.runs]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def test_the_same_question_is_answered_once(world: World) -> None:
    first = await world.rows()
    assert first == {"rows": [{"kind": "added", "before": None, "after": {"i": 1}}], "more": False}
    assert await world.rows() == first
    assert world.runs == [False]


async def test_another_page_uses_what_was_found_out(world: World) -> None:
    await world.rows()
    world.redis.values.clear()
    await world.rows()
    await world.rows("i")
    assert world.runs == [False, True, False]


async def test_without_redis_it_is_computed(world: World) -> None:
    world.redis.away = True
    assert await world.rows() == await world.rows()
    assert world.runs == [False, True]


async def test_a_large_answer_is_not_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_cache, "MAX_BYTES", 10)
    await world.rows()
    assert world.redis.values == {}


async def test_a_file_that_the_cache_drops_is_fetched_again(world: World) -> None:
    fetched = []

    async def fetch(key: str) -> Path:
        fetched.append(key)
        return world.folder / (key if len(fetched) > 2 else "gone")

    world.fetch = fetch  # type: ignore[method-assign]
    assert len((await world.rows())["rows"]) == 1
    fetched.clear()
    with pytest.raises(ComputeFailed):
        await world.use.rows(new_id(), new_id(), (1, 3), None, kind=None, offset=0, limit=5)
