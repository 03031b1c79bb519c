"""Which program runs a server, and how data binds the choice."""

from pathlib import Path

import pytest

import selection
from console import Refusal
from instance import Instance
from selection import read_state, select, write_makers, write_place
from servers import Server

from .conftest import change

PROGRAMS = {
    "postgres": [
        Server("postgresql", "15.18", Path("/system/postgres"), "system"),
        Server("postgresql", "16.14", Path("/wheels/postgres"), "wheels"),
    ],
    "redis": [Server("valkey", "9.1", Path("/wheels/valkey"), "wheels")],
    "object-store": [Server("rclone", "1.75", Path("/wheels/rclone"), "wheels")],
    "prometheus": [],
}


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(kind: str, choice: str) -> list[Server]:
        return [server for server in PROGRAMS[kind] if choice in {"auto", server.source}]

    monkeypatch.setattr(selection, "candidates", found)
    monkeypatch.setattr(selection, "server_account", lambda: None)


def start_once(instance: Instance, choice: str) -> None:
    chosen = select(instance, choice)
    instance.run.mkdir(parents=True, exist_ok=True)
    write_place(instance, chosen)
    write_makers(instance, chosen)


def test_the_first_usable_program_is_taken(instance: Instance) -> None:
    chosen = select(instance, "auto")
    assert chosen.postgres
    assert chosen.postgres.version == "15.18"
    assert chosen.prometheus is None
    assert chosen.postgres_data == instance.run / "postgres"


def test_data_stays_with_the_version_that_made_it(instance: Instance) -> None:
    start_once(instance, "wheels")
    chosen = select(instance, "auto")
    assert chosen.postgres
    assert chosen.postgres.version == "16.14"


def test_data_of_another_version_is_refused_with_what_to_do(instance: Instance) -> None:
    start_once(instance, "auto")
    with pytest.raises(Refusal, match=r"PostgreSQL 15.*--purge"):
        select(instance, "wheels")


def test_objects_stay_with_the_program_that_wrote_them(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    start_once(instance, "auto")
    minio = Server("minio", "RELEASE.2025", Path("/system/minio"), "system")
    monkeypatch.setitem(PROGRAMS, "object-store", [minio, *PROGRAMS["object-store"]])
    chosen = select(instance, "auto")
    assert chosen.object_store
    assert chosen.object_store.flavour == "rclone"


def test_redis_stays_what_it_was_where_the_choice_allows_it(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_once(instance, "wheels")
    newer = Server("redis", "7.0.15", Path("/system/redis-server"), "system")
    monkeypatch.setitem(PROGRAMS, "redis", [newer, *PROGRAMS["redis"]])
    assert select(instance, "auto").redis == PROGRAMS["redis"][1]
    start_once(instance, "auto")
    monkeypatch.setitem(PROGRAMS, "redis", [newer])
    assert select(instance, "auto").redis == newer


def test_an_external_server_needs_no_program(instance: Instance) -> None:
    changed = change(instance, "DATABASE_URL", "postgresql://me:secret@db.example.org:5432/x")
    assert select(changed, "auto").postgres is None


@pytest.mark.parametrize("kind", ["postgres", "redis", "object-store"])
def test_a_server_without_a_program_is_refused(instance: Instance, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setitem(PROGRAMS, kind, [])
    with pytest.raises(Refusal, match=r"setup\.sh"):
        select(instance, "auto")


def test_nothing_is_remembered_before_a_start(instance: Instance) -> None:
    assert read_state(instance) == {}
