"""Answers of the LLM by content: the same request in the same project is answered without asking again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

import orjson

from shared.logging import get_logger
from shared.metrics.caches import LLM_ANSWERS
from shared.redis_client import RedisUnavailable
from shared.resources import Resources

log = get_logger(__name__)

MOST_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Remembered:
    """A whole answer, and the call that brought it."""

    text: str
    finish_reason: str | None
    call_id: str


class LlmCache:
    """Kept in Redis for LLM_CACHE_SECONDS; without Redis nothing is remembered."""

    def __init__(self, resources: Resources) -> None:
        self._redis = resources.redis
        self._seconds = resources.settings.llm_cache_seconds

    def key(self, project_id: UUID, server: str, body: Mapping[str, Any]) -> str:
        """The request's name: projects have nothing in common, and whether it streams makes no difference."""
        content = orjson.dumps({"server": server, "body": dict(body)}, option=orjson.OPT_SORT_KEYS)
        return f"llm:{project_id}:{hashlib.sha256(content).hexdigest()}"

    async def find(self, key: str) -> Remembered | None:
        """What was answered to it, if that is still known."""
        if not self._seconds:
            return None
        try:
            found = await self._redis.get_json(key)
        except (RedisUnavailable, ValueError):
            found = None
        if found is None:
            LLM_ANSWERS.miss()
            return None
        LLM_ANSWERS.hit()
        return Remembered(**found)

    async def keep(self, key: str, answer: Remembered) -> None:
        """Remember an answer that ended by itself."""
        if not self._seconds or answer.finish_reason != "stop" or len(answer.text.encode()) > MOST_BYTES:
            return
        try:
            await self._redis.set_json(key, asdict(answer), self._seconds)
        except RedisUnavailable:
            log.info("llm_answer_not_remembered")
