"""What changed between two versions; both are immutable, so whatever is found out is kept for a while."""

import asyncio
import hashlib
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from shared.resources import Resources
from shared.scratch import scratch

from ..repositories.versions import Version
from .answer_cache import AnswerCache
from .column_lists import split_columns
from .datasets import Datasets
from .engine import Engine

# Part of the names under which answers and indexes are kept: counts up when either looks different.
FORMAT = "1"
MAX_KEY_COLUMNS = 16
FIGURES = ("nulls", "distinct", "mean", "min", "max")


@dataclass(frozen=True, slots=True)
class Compared:
    """Two ready versions that the user may see, and the columns by which their rows are found."""

    user_id: UUID
    before: Version
    after: Version
    key: Sequence[str]

    def name(self, *more: object) -> str:
        """A name for what follows from the contents alone."""
        parts = [FORMAT, self.before.parquet_sha256, self.after.parquet_sha256, self.key, *more]
        return hashlib.sha256(orjson.dumps(parts)).hexdigest()


class Diffs:
    """Use cases of `/manage/datasets/{id}/versions/{a}/diff/{b}`."""

    def __init__(self, resources: Resources, engine: Engine, datasets: Datasets) -> None:
        self._resources = resources
        self._engine = engine
        self._datasets = datasets
        self._answers = AnswerCache(resources.redis, resources.settings.query_cache_seconds)

    async def summary(
        self, dataset_id: UUID, user_id: UUID, numbers: tuple[int, int], key: str | None, limit: int
    ) -> dict[str, Any]:
        """Columns, counts, `limit` sample rows of each kind, and statistics of both versions.

        Raises:
            NotFound: the dataset or one of its versions.
            Conflict: `dataset_not_ready`, `version_expired`.
            Invalid: `invalid_list`, `unknown_column`, `query_too_large`.
            RequestTimeout: `query_timeout`.
        """
        compared = await self._compared(dataset_id, user_id, numbers, key)
        found = await self._answer("diff", compared, {"limit": limit})
        before, after = [await self._datasets.profile(dataset_id, user_id, number) for number in numbers]
        return {"from": numbers[0], "to": numbers[1], **found, "statistics": compare_profiles(before, after)}

    async def rows(
        self,
        dataset_id: UUID,
        user_id: UUID,
        numbers: tuple[int, int],
        key: str | None,
        *,
        kind: str | None,
        offset: int,
        limit: int,
    ) -> dict[str, Any]:
        """One page of the rows that differ: {"rows": [...], "more": bool}.

        Raises:
            NotFound: the dataset or one of its versions.
            Conflict: `dataset_not_ready`, `version_expired`.
            Invalid: `invalid_list`, `unknown_column`, `query_too_large`.
            RequestTimeout: `query_timeout`.
        """
        compared = await self._compared(dataset_id, user_id, numbers, key)
        return await self._answer("differing_rows", compared, {"kind": kind, "offset": offset, "limit": limit})

    async def _compared(self, dataset_id: UUID, user_id: UUID, numbers: tuple[int, int], key: str | None) -> Compared:
        before, after = [await self._datasets.version(dataset_id, user_id, number) for number in numbers]
        return Compared(user_id, before, after, _key(key))

    async def _answer(self, function: str, compared: Compared, page: Mapping[str, Any]) -> dict[str, Any]:
        name = f"diff:{compared.name(function, page)}"
        kept = await self._answers.get(name)
        if kept is not None:
            return kept
        answer = await self._compute(function, compared, page)
        await self._answers.put(name, answer)
        return answer

    async def _compute(self, function: str, compared: Compared, page: Mapping[str, Any]) -> dict[str, Any]:
        cache_dir = self._resources.settings.cache_dir
        kept = cache_dir.resolve() / compared.name("index")
        async with scratch(cache_dir) as folder:
            made = folder / "index.parquet"

            async def prepare() -> dict[str, Any]:
                versions = (compared.before, compared.after)
                before, after = [await self._datasets.local(version, compared.user_id) for version in versions]
                has_index = await asyncio.to_thread(_touch, kept)
                files = {"before": before, "after": after, "scratch": str(folder)}
                index = {"index": str(kept if has_index else made), "has_index": has_index}
                return {**files, **index, "key": list(compared.key), **page}

            answer = await self._engine.run_over(f"diffs.diff:{function}", prepare)
            await asyncio.to_thread(_move, made, kept)
        return answer


def compare_profiles(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """For each column that both have, in the later one's order: figures of either, and later less earlier."""
    earlier = {column["name"]: column for column in before["columns"]}
    common = [(earlier[column["name"]], column) for column in after["columns"] if column["name"] in earlier]
    return [_statistic(old, new) for old, new in common]


def _statistic(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    estimates = {*old.get("approximate", ()), *new.get("approximate", ())}
    return {
        "column": new["name"],
        "from": {name: old.get(name) for name in FIGURES},
        "to": {name: new.get(name) for name in FIGURES},
        "difference": {name: _less(new.get(name), old.get(name)) for name in FIGURES},
        "approximate": [name for name in FIGURES if name in estimates],
    }


def _less(new: object, old: object) -> int | float | None:
    if isinstance(new, bool) or isinstance(old, bool):
        return None
    return new - old if isinstance(new, int | float) and isinstance(old, int | float) else None


def _key(text: str | None) -> list[str]:
    """Each column once."""
    return list(dict.fromkeys(split_columns(text, "key", MAX_KEY_COLUMNS))) if text else []


def _touch(path: Path) -> bool:
    try:
        os.utime(path)
    except OSError:
        return False
    return True


def _move(made: Path, kept: Path) -> None:
    # The answer does not depend on it.
    with suppress(OSError):
        made.replace(kept)
