"""Finding server programs on the machine and in the packages."""

from pathlib import Path

import pytest

import servers
from servers import candidates, version_of


def program(folder: Path, name: str, says: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def empty_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH of one empty folder, into which tests put programs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(servers, "POSTGRES_FOLDERS", ())
    return folder


@pytest.mark.parametrize("kind", ["postgres", "redis", "object-store"])
def test_the_packages_bring_every_server_that_is_needed(kind: str) -> None:
    found = candidates(kind, "wheels")
    assert found
    assert found[0].program.exists()
    assert found[0].major >= 1


def test_prometheus_is_in_no_package() -> None:
    assert candidates("prometheus", "wheels") == []


class TestRedisOfTheSystem:
    def test_is_taken_from_version_seven(self, empty_path: Path) -> None:
        program(empty_path, "redis-server", "Redis server v=7.0.15 sha=0 bits=64")
        assert [(found.flavour, found.version) for found in candidates("redis", "system")] == [("redis", "7.0.15")]

    def test_is_left_when_too_old(self, empty_path: Path) -> None:
        program(empty_path, "redis-server", "Redis server v=6.2.1 sha=0 bits=64")
        assert candidates("redis", "system") == []
        assert candidates("redis", "auto")[0].source == "wheels"

    def test_comes_before_the_package(self, empty_path: Path) -> None:
        program(empty_path, "valkey-server", "Valkey server v=8.0.1 sha=0 bits=64")
        assert [found.source for found in candidates("redis", "auto")] == ["system", "wheels"]


class TestPostgresOfTheSystem:
    @pytest.fixture
    def versions(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for major in (14, 15, 17):
            folder = tmp_path / "pg" / str(major) / "bin"
            folder.mkdir(parents=True)
            program(folder, "postgres", f"postgres (PostgreSQL) {major}.4")
            program(folder, "initdb", f"initdb (PostgreSQL) {major}.4")
        monkeypatch.setattr(servers, "POSTGRES_FOLDERS", (f"{tmp_path.relative_to('/')}/pg/*/bin",))

    @pytest.mark.usefixtures("versions")
    def test_prefers_fifteen_and_refuses_fourteen(self) -> None:
        majors = [found.major for found in candidates("postgres", "system")]
        assert majors[0] == 15
        assert 14 not in majors
        assert 17 in majors


def test_a_program_that_does_not_run_has_no_version(tmp_path: Path) -> None:
    assert version_of(tmp_path / "absent") == ""
