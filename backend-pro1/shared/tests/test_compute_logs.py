"""What computing children and pieces of work say becomes lines like all others, with the ids of whoever asked."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

import orjson
import pytest

from shared.compute import ComputeFailed, ComputePool, ResidentPool
from shared.compute.hearing import repeat
from shared.compute.pieces_log import logged
from shared.compute.voice import MAXIMUM_LINES
from shared.logging import get_logger, own_identity, with_ids
from shared.testing.logged_lines import Lines, logged_lines
from shared.testing.patience import eventually

JOBS = "shared.testing.jobs:"
LIMITS: dict[str, Any] = {"timeout_seconds": 60, "memory_mb": 512}


@pytest.fixture
def lines() -> Iterator[Lines]:
    with logged_lines() as lines:
        yield lines


@pytest.fixture
async def pool() -> AsyncIterator[ComputePool]:
    pool = ComputePool(("shared.testing.jobs",))
    yield pool
    await pool.close()


def words(lines: Lines) -> list[dict[str, Any]]:
    return [line for line in lines.told if line["event"] != "compute_output"]


async def test_what_a_child_says_are_lines_of_its_parent_with_the_ids_of_its_job(
    pool: ComputePool, lines: Lines
) -> None:
    with with_ids({"request_id": "r1", "task_id": "t1"}):
        await pool.run(JOBS + "talk", {"word": "canary"}, **LIMITS)
    said, warned = words(lines)
    assert (said["event"], said["level"], said["logger"], said["password"]) == (
        "said canary",
        "warning",
        "library",
        "***",
    )
    assert (warned["event"], warned["category"], warned["text"]) == ("warning", "UserWarning", "beware of canary")
    (printed,) = [line for line in lines.told if line["event"] == "compute_output" and "child_pid" in line]
    assert printed["text"] == "printed canary"
    for line in (said, warned, printed):
        assert (line["request_id"], line["task_id"], line["service"]) == ("r1", "t1", "test-service")
        assert line["child_pid"] != os.getpid()


async def test_what_a_library_says_past_python_is_a_line_too(pool: ComputePool, lines: Lines) -> None:
    await pool.run(JOBS + "talk", {"word": "it"}, **LIMITS)
    await eventually(lambda: any(line.get("text") == "complained about it" for line in lines.told))


async def test_levels_are_those_of_the_parent(pool: ComputePool) -> None:
    with logged_lines(log_level="DEBUG") as lines:
        await pool.run(JOBS + "talk", {"word": "it"}, **LIMITS)
    assert lines.one("whispered")["level"] == "debug"


async def test_one_that_never_stops_talking_is_cut_and_says_how_much(pool: ComputePool, lines: Lines) -> None:
    await pool.run(JOBS + "talk", {"word": "it", "times": 1000}, **LIMITS)
    # All that it said but the first of its lines and what is printed past it: a warning and a print came after.
    assert [line["event"] for line in lines.told].count("again") == MAXIMUM_LINES - 1
    assert lines.one("log_lines_dropped")["lines"] == 1000 - (MAXIMUM_LINES - 1) + 2


async def test_jobs_side_by_side_keep_their_ids(pool: ComputePool, lines: Lines) -> None:
    async def ask(number: int) -> None:
        with with_ids({"request_id": f"r{number}"}):
            await pool.run(JOBS + "talk", {"word": f"w{number}"}, **LIMITS)

    await asyncio.gather(*(ask(number) for number in range(6)))
    said = [line for line in words(lines) if line["event"].startswith("said")]
    assert {(line["request_id"], line["event"]) for line in said} == {(f"r{n}", f"said w{n}") for n in range(6)}


async def test_a_resident_child_speaks_for_each_of_its_jobs(lines: Lines) -> None:
    pool = ResidentPool(("shared.testing.jobs",))

    async def load() -> dict[str, Any]:
        return {}

    for number in range(3):
        with with_ids({"request_id": f"r{number}"}):
            await pool.run(JOBS + "talk", {"word": f"w{number}"}, key="k", load=load, **LIMITS)
    await pool.close()
    said = [line for line in words(lines) if line["event"].startswith("said")]
    assert [(line["request_id"], line["event"]) for line in said] == [(f"r{n}", f"said w{n}") for n in range(3)]


async def test_a_mistake_is_told_by_its_place_and_without_the_data(pool: ComputePool, lines: Lines) -> None:
    with with_ids({"task_id": "t1"}), pytest.raises(ComputeFailed) as caught:
        await pool.run(JOBS + "leak", {"text": "canary in a row"}, **LIMITS)
    line = lines.one("compute_function_failed")
    assert [link["type"] for link in line["failure"]] == ["RuntimeError", "ValueError"]
    assert line["failure"][0]["frames"][0]["function"] == "leak"
    assert line["task_id"] == "t1"
    assert b"canary" not in b"".join(lines) + str(caught.value).encode()


ABOUT: dict[str, Any] = {"ids": {"task_id": "t1", "request_id": "r1"}, "project": "pro7", "log_level": 20}


class TestPieces:
    @pytest.fixture
    def written(self, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
        """What goes to the worker's standard output."""
        taken: list[bytes] = []
        really = os.write

        def write(descriptor: int, data: bytes) -> int:
            if descriptor != 1:
                return really(descriptor, data)
            taken.append(data)
            return len(data)

        monkeypatch.setattr(os, "write", write)
        return taken

    def test_a_piece_logs_in_the_same_shape(self, written: list[bytes], lines: Lines) -> None:
        log = get_logger("piece")
        with logged("module:function", ABOUT):
            log.info("worked", rows=3)
        log.info("outside")
        (line,) = [orjson.loads(one) for one in written]
        assert (line["service"], line["project"], line["task_id"], line["rows"]) == ("ray", "pro7", "t1", 3)
        assert lines.one("outside")["service"] == "test-service"

    def test_one_that_fails_says_where(self, written: list[bytes], lines: Lines) -> None:
        with pytest.raises(KeyError), logged("module:function", ABOUT):
            raise KeyError("canary")
        (line,) = [orjson.loads(one) for one in written]
        assert (line["event"], line["function"], line["request_id"]) == ("piece_failed", "module:function", "r1")
        assert b"canary" not in written[0].replace(b"'canary'", b"")
        assert lines == []


def test_a_child_that_is_not_ours_any_more_cannot_pose_as_somebody_else(lines: Lines) -> None:
    forged = {"event": "x", "request_id": "r9", "user_id": "u9", "service": "gateway", "timestamp": "never"}
    with with_ids({"request_id": "r1"}):
        repeat(7, {**forged, "logger": "a\nb", "level": "\x1b[2J", "exc_info": True, "instance": "x"})
    (line,) = lines.told
    assert (line["request_id"], line["service"], line["level"]) == ("r1", "test-service", "info")
    assert "user_id" not in line
    assert line["instance"] == own_identity()["instance"]
