"""pg_dump and pg_restore as they are called, with small programs in their place."""

import os
from pathlib import Path

import pytest

import postgres_tools
from console import Refusal
from instance import Instance
from modes import LOCAL
from postgres_tools import tools_of
from servers import Server


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the programs of PostgreSQL 15, and no others on this machine."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setattr(
        postgres_tools, "candidates", lambda *_: [Server("postgresql", "15.4", folder / "postgres", "system")]
    )
    write(folder, "pg_dump", "exit 1")
    write(folder, "pg_restore", "exit 1")
    return folder


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def test_a_dump_comes_in_pieces_and_the_password_by_the_environment(programs: Path, instance: Instance) -> None:
    write(programs, "pg_dump", 'printf "%s|" "$PGPASSWORD" "$@"; head -c 3000000 /dev/zero')
    pieces = list(tools_of(instance, LOCAL, 15).dump("name", "0001-1"))
    assert len(pieces) == 3
    secret, *words = pieces[0].split(b"\0")[0].decode().rstrip("|").split("|")
    assert secret == instance.address("postgres").password
    assert {"--snapshot=0001-1", "--dbname=name", "--no-password", "--format=custom"} <= set(words)
    assert not any(secret in word for word in words)


def test_what_a_program_says_of_its_failure_is_shown(programs: Path, instance: Instance) -> None:
    write(programs, "pg_dump", "printf some; echo 'no such snapshot' >&2; exit 1")
    with pytest.raises(Refusal, match="pg_dump failed:\n  no such snapshot"):
        list(tools_of(instance, LOCAL, 15).dump("name", "x"))


def test_a_dump_that_nobody_reads_on_is_ended(programs: Path, instance: Instance, tmp_path: Path) -> None:
    write(programs, "pg_dump", f"echo $$ > {tmp_path}/pid; exec cat /dev/zero")
    pieces = tools_of(instance, LOCAL, 15).dump("name", "x")
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_restore_gets_every_byte(programs: Path, instance: Instance, tmp_path: Path) -> None:
    write(programs, "pg_restore", f"cat > {tmp_path}/got")
    tools_of(instance, LOCAL, 15).restore("name", iter([b"a" * 2_000_000, b"b"]))
    assert (tmp_path / "got").read_bytes() == b"a" * 2_000_000 + b"b"


def test_a_restore_that_ends_early_says_why(programs: Path, instance: Instance) -> None:
    write(programs, "pg_restore", "echo 'unsupported version' >&2; exit 1")
    with pytest.raises(Refusal, match="unsupported version"):
        tools_of(instance, LOCAL, 15).restore("name", iter([b"a" * 1_000_000] * 20))


def test_another_major_version_is_refused(programs: Path, instance: Instance) -> None:
    with pytest.raises(Refusal, match="PostgreSQL 16"):
        tools_of(instance, LOCAL, 16)
    (programs / "pg_restore").unlink()
    with pytest.raises(Refusal, match="PostgreSQL 15"):
        tools_of(instance, LOCAL, 15)
