"""Answers in Redis, named by all that they follow from: the contents read and the question, and who may ask it."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import orjson

from shared.metrics.caches import ANSWERS
from shared.redis_client import RedisClient, RedisUnavailable

MAX_BYTES = 1024 * 1024
PREFIX = "answer"


class AnswerCache:
    """Whoever asks has been shown to be a member first, and which versions are meant; without Redis nothing is kept."""

    def __init__(self, redis: RedisClient, seconds: int) -> None:
        self._redis = redis
        self._seconds = seconds

    async def get(self, key: str) -> dict[str, Any] | None:
        """The answer, if it is known."""
        if not self._seconds:
            return None
        try:
            found: dict[str, Any] | None = await self._redis.get_json(key)
        except (RedisUnavailable, orjson.JSONDecodeError):
            found = None
        if found is None:
            ANSWERS.miss()
        else:
            ANSWERS.hit()
        return found

    async def put(self, key: str, answer: Mapping[str, Any]) -> None:
        """Keep an answer, unless it is large."""
        if not self._seconds:
            return
        body = orjson.dumps(answer)
        if len(body) > MAX_BYTES:
            return
        try:
            await self._redis.set_bytes(key, body, self._seconds)
        except RedisUnavailable:
            return


def answer_key(kind: str, project_id: UUID, question: str, limit: int, contents: Iterable[tuple[str, str]]) -> str:
    """The name of an answer.

    Args:
        kind: what was asked for, such as "query".
        question: a digest of what was asked.
        contents: for each table or input its name and the SHA-256 of its content.
    """
    parts = orjson.dumps([kind, str(project_id), question, limit, sorted(contents)])
    return f"{PREFIX}:{hashlib.sha256(parts).hexdigest()}"
