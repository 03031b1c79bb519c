"""Isolation between the running instances: every crossing is refused, and a hole that is made is found."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import redis

from instance import Instance, find

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def pair() -> list[Instance]:
    return find(os.environ.get("E2E_PROJECTS", "test1,test2").split(",")[:2])


def checked(pair: list[Instance]) -> tuple[int, dict[str, Any]]:
    """Exit code and what the script found."""
    options = [word for instance in pair for word in ("--project", instance.name)]
    command = [str(ROOT / "scripts" / "check-isolation.sh"), *options, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def not_refused(found: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    return [
        (one["from"], one["to"], one["crossing"], one["state"])
        for one in found["crossings"]
        if one["state"] not in {"refused", "n/a"}
    ]


@contextmanager
def second_password(instance: Instance, password: str) -> Iterator[None]:
    """The instance's Redis takes another password, too."""
    with redis.Redis.from_url(instance.values["REDIS_URL"]) as client:
        client.execute_command("ACL", "SETUSER", "default", f">{password}")
        try:
            yield
        finally:
            client.execute_command("ACL", "SETUSER", "default", f"<{password}")


async def accounts_left(instance: Instance) -> int:
    address = instance.address("postgres")
    connection = await asyncpg.connect(
        host=address.host, port=address.port, user=address.user, password=address.password, database=address.name
    )
    try:
        return int(await connection.fetchval("SELECT count(*) FROM users WHERE email LIKE 'isolation-%@example.org'"))
    finally:
        await connection.close()


async def test_every_crossing_is_refused_and_nobody_stays_behind(pair: list[Instance]) -> None:
    code, found = checked(pair)
    assert (code, not_refused(found)) == (0, []), found
    assert found["counts"]["refused"] > 40
    assert [await accounts_left(instance) for instance in pair] == [0, 0]


def test_a_hole_is_found(pair: list[Instance]) -> None:
    one, other = pair
    with second_password(other, one.address("redis").password):
        code, found = checked(pair)
    assert code == 1
    assert not_refused(found) == [(one.name, other.name, "password at the other's server", "ALLOWED")]
