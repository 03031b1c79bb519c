"""Development in containers: what changes in the checkout runs a moment later."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from .fleet import House, docker, until
from .tree import TREE

pytestmark = pytest.mark.containers

DESCRIPTION = "Accounts, projects, and every operation of the instance's services under one origin."


@contextmanager
def changed(name: str, old: str, new: str) -> Iterator[None]:
    file = TREE / "backend-pro1" / name
    before = file.read_text()
    assert old in before
    file.write_text(before.replace(old, new))
    try:
        yield
    finally:
        file.write_text(before)


def described(house: House) -> str:
    return str(httpx.get(f"{house.gateway}/openapi.json", timeout=10).json()["info"]["description"])


def test_a_service_answers_by_its_new_code(first: House) -> None:
    with changed("api-gateway/app/main.py", DESCRIPTION, "Changed a moment ago."):
        until(lambda: described(first) == "Changed a moment ago.")
    until(lambda: described(first) == DESCRIPTION)


def worker(house: House) -> set[str]:
    """The processes of the AI worker's Celery."""
    lines = docker("top", house.container("ai-worker")["Id"], "-eo", "pid,args").splitlines()
    return {line.split()[0] for line in lines if "-m celery" in line and "watchfiles" not in line}


def test_a_worker_begins_anew_with_its_new_code(first: House) -> None:
    before, restarts = until(lambda: worker(first)), first.container("ai-worker")["RestartCount"]
    with changed("ai-service/app/worker.py", "\n", "\n"):
        until(lambda: worker(first) and worker(first).isdisjoint(before))
    assert first.container("ai-worker")["RestartCount"] == restarts
