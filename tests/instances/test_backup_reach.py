"""Where the stores of an instance are reached."""

import pytest

import backup_reach
from backup_reach import reach
from containers import Container
from instance import Instance
from modes import DOCKER, LOCAL


def container(service: str, *, is_published: bool) -> Container:
    return Container(
        id=f"id-{service}",
        service=service,
        folder="",
        state="running",
        health="healthy",
        exit_code=0,
        restarts=0,
        started_at="2026-01-02T03:04:05",
        is_published=is_published,
        is_job=False,
        complaint="",
    )


def test_processes_of_this_machine_are_where_the_env_says(instance: Instance) -> None:
    assert reach(instance, LOCAL) is instance


@pytest.mark.parametrize("is_published", [True, False])
def test_stores_that_are_not_published_by_their_own_address(
    instance: Instance, monkeypatch: pytest.MonkeyPatch, *, is_published: bool
) -> None:
    found = [container("postgres", is_published=is_published), container("redis", is_published=True)]
    monkeypatch.setattr(backup_reach, "containers", lambda _: found)
    networks = {"other": {"IPAddress": ""}, "stores": {"IPAddress": "172.21.0.2"}}
    facts = [{"Id": "id-postgres", "NetworkSettings": {"Networks": networks}}]
    monkeypatch.setattr(backup_reach, "inspect", lambda ids: facts if ids else [])

    said, used = instance.address("postgres"), reach(instance, DOCKER).address("postgres")
    place = (said.host, said.port) if is_published else ("172.21.0.2", 5432)
    assert (used.host, used.port, used.user, used.password, used.name) == (*place, said.user, said.password, said.name)
    assert reach(instance, DOCKER).address("redis") == instance.address("redis")
