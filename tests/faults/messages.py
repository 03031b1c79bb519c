"""What may lie in a worker's queue beside honest bells: the same bell many times, and what is none at all."""

import base64
import json
import pickle
from pathlib import Path
from typing import Any
from uuid import uuid4

import redis

RING = "tasks.ring"
SWEEP = "tasks.sweep"
JSON = "application/json"
PICKLE = "application/x-python-serialize"
HUGE_BYTES = 2_000_000
# Where Celery's transport keeps what was taken and not yet acknowledged.
UNACKED = "unacked"


class Trap:
    """What runs a program when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self._canary = str(canary)

    def __reduce__(self) -> tuple[Any, ...]:
        import os

        return os.mkdir, (self._canary,)


def envelope(queue: str, task: str, body: bytes, content_type: str = JSON) -> str:
    """A message as Celery's transport for Redis keeps it."""
    number = str(uuid4())
    return json.dumps(
        {
            "body": base64.b64encode(body).decode(),
            "content-encoding": "utf-8" if content_type == JSON else "binary",
            "content-type": content_type,
            "headers": {"lang": "py", "task": task, "id": number, "root_id": number, "parent_id": None, "retries": 0},
            "properties": {
                "correlation_id": number,
                "delivery_mode": 2,
                "delivery_info": {"exchange": "", "routing_key": queue},
                "priority": 0,
                "body_encoding": "base64",
                "delivery_tag": str(uuid4()),
            },
        }
    )


def bell(queue: str, *arguments: str, task: str = RING) -> str:
    """An honest message."""
    return envelope(queue, task, json.dumps([arguments, {}, {}]).encode())


def malformed(queue: str, canary: Path) -> list[str]:
    """Messages that a worker must survive without doing what they say."""
    return [
        "{",
        "\x00\xff not JSON",
        "[]",
        "{}",
        '"bell"',
        envelope(queue, "tasks.unknown", b"[[], {}, {}]"),
        envelope(queue, RING, b"[[], {}, {}]"),
        envelope(queue, RING, b"not JSON"),
        envelope(queue, RING, b'{"a": 1}'),
        bell(queue, "x" * HUGE_BYTES),
        envelope(queue, RING, pickle.dumps(Trap(canary)), PICKLE),
    ]


def push(url: str, queue: str, messages: list[str]) -> None:
    """Put them where the workers of `queue` take the next message."""
    with redis.Redis.from_url(url, socket_timeout=5) as server:
        server.rpush(queue, *messages)


def waiting(url: str, queues: list[str]) -> dict[str, int]:
    """How many messages wait at each queue, and how many somebody took and never acknowledged."""
    with redis.Redis.from_url(url, socket_timeout=5) as server:
        found = {queue: int(server.llen(queue)) for queue in queues}
        return found | {UNACKED: int(server.hlen(UNACKED))}
