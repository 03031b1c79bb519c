"""A log that was cut into parts, in the middle of its lines, read as the one text that it was."""

from pathlib import Path
from typing import IO

import pytest

import log_parts
from log_parts import Mark


def rotate(log: Path) -> None:
    """As supervisord does it: each part takes the next number, and what was the last is the first then."""
    for number in (3, 2, 1, 0):
        part = log.with_name(f"{log.name}.{number}") if number else log
        if part.exists():
            part.rename(log.with_name(f"{log.name}.{number + 1}"))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    log = tmp_path / "api-gateway.log"
    log.write_bytes(b"one\ntw")
    rotate(log)
    log.write_bytes(b"o\nthree\nfo")
    rotate(log)
    log.write_bytes(b"ur\nfi")
    return log


def test_a_line_that_was_cut_in_two_is_one(log: Path) -> None:
    assert list(log_parts.lines(log)) == [b"one\n", b"two\n", b"three\n", b"four\n", b"fi"]


def test_parts_stand_in_order_of_their_age_and_not_of_their_names(log: Path) -> None:
    log.with_name("api-gateway.log.10").write_bytes(b"zero\n")
    log.with_name("api-gateway.log.9").write_bytes(b"zero and a half\n")
    assert list(log_parts.lines(log))[:3] == [b"zero\n", b"zero and a half\n", b"one\n"]


def test_what_came_since_a_mark_is_found_after_any_rotation(log: Path) -> None:
    mark = Mark.end(log)
    assert list(log_parts.lines(log, mark)) == []
    with log.open("ab") as file:
        file.write(b"ve\nsi")
    assert list(log_parts.lines(log, mark)) == [b"ve\n", b"si"]
    rotate(log)
    log.write_bytes(b"x\n")
    assert list(log_parts.lines(log, mark)) == [b"ve\n", b"six\n"]


def test_of_a_part_that_is_gone_all_that_is_left_counts(log: Path) -> None:
    mark = Mark.end(log)
    log.unlink()
    assert list(log_parts.lines(log, mark)) == [b"one\n", b"two\n", b"three\n", b"fo"]


def test_each_log_of_a_folder_is_named_once(log: Path) -> None:
    log.with_name("beat.log").touch()
    log.with_name("gone.log.2").touch()
    log.with_name("notes.txt").touch()
    assert [path.name for path in log_parts.logs(log.parent)] == ["api-gateway.log", "beat.log", "gone.log"]


def test_parts_that_move_while_they_are_opened_are_read_once(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def late(path: Path, mode: str = "r") -> IO[bytes]:
        stream = opened(path, mode)
        if path == log:
            rotate(path)
        return stream

    monkeypatch.setattr(Path, "open", late)
    assert list(log_parts.lines(log)) == [b"one\n", b"two\n", b"three\n", b"four\n", b"fi"]
