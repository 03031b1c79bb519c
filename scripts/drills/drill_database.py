"""What a drill asks an instance's database itself, past the services."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import asyncpg

from drill_transcript import DrillError

# Written by looking at the instance, or ended by every restore by intention.
UNCOUNTED = {"api_logs", "sessions", "one_time_tokens", "mails", "idempotency_keys", "task_workers", "alembic_version"}
TABLES = """
    SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
"""
# Signatures of models and sealed secrets of webhooks, which follow SECRET_KEY.
KEYED = "SELECT model_id::text AS id, signature AS mark FROM model_versions UNION SELECT id::text, secret FROM webhooks"


def ask(database_url: str, statement: str) -> Sequence[Any]:
    """The rows of a statement."""
    return asyncio.run(_ask(database_url, statement))


async def _ask(database_url: str, statement: str) -> Sequence[Any]:
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""), timeout=30)
    try:
        found: Sequence[Any] = await connection.fetch(statement)
        return found
    finally:
        await connection.close()


def rows(database_url: str) -> dict[str, int]:
    """Rows of each table that keeps what people have made."""
    names = [row["relname"] for row in ask(database_url, TABLES) if row["relname"] not in UNCOUNTED]
    return {name: ask(database_url, f'SELECT count(*) FROM "{name}"')[0][0] for name in names}  # noqa: S608


def keyed(database_url: str) -> dict[str, bytes]:
    """What is signed or sealed under SECRET_KEY, by the id of its owner."""
    return {row["id"]: row["mark"] for row in ask(database_url, KEYED)}


def wait_until_rekeyed(database_url: str, before: dict[str, bytes], seconds: float) -> float:
    """Until none of it is as it was; how long that took.

    Raises:
        DrillError: some of it still is.
    """
    began = time.monotonic()
    while left := [owner for owner, mark in keyed(database_url).items() if before.get(owner) == mark]:
        if time.monotonic() - began > seconds:
            raise DrillError(f"{len(left)} of {len(before)} are still under the old key after {seconds:.0f} s")
        time.sleep(1)
    return time.monotonic() - began
