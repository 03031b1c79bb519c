"""What pieces say on a real Ray cluster: lines of the same shape, with the ids of the task that they belong to."""

import json
import logging
import warnings
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from shared.compute import ComputeFailed, ComputePool, Report
from shared.logging import with_ids
from shared.testing.logged_lines import logged_lines

from ..app.engines.job import RayCluster
from ..app.engines.pieces import Answer, Piece
from ..app.engines.ray_cluster import ClusterWatch, connected
from ..app.engines.ray_executor import RayExecutor
from .support import ray_of, through_client

pytestmark = pytest.mark.integration

IDS = {"request_id": "r1", "task_id": "t1", "user_id": "u1"}


@pytest.fixture(scope="module")
async def pool() -> AsyncIterator[ComputePool]:
    pool = ComputePool()
    yield pool
    await pool.close()


@pytest.mark.parametrize("by_client", [False, True], ids=["on a node", "by the client server"])
@pytest.mark.parametrize("way", ["map", "stream"])
async def test_pieces_log_with_the_ids_of_their_task(
    pool: ComputePool, ray_variables: dict[str, str], by_client: bool, way: str
) -> None:
    ray = ray_of(through_client(ray_variables) if by_client else ray_variables)
    with logged_lines(), with_ids(IDS):
        job = {"ray": ray, "way": way, "words": ["one", "two"]}
        answer = await pool.run(f"{__name__}:speak", job, timeout_seconds=110, memory_mb=2048)
    lines = [line for said in answer["said"] for line in lines_of(said["output"], said["word"])]
    assert {(line["event"], line.get("words")) for line in lines} == {
        ("spoken", "one"),
        ("spoken", "two"),
        ("warning", None),
    }
    for line in lines:
        assert {name: line[name] for name in IDS} == IDS
        assert (line["service"], line["project"]) == ("ray", "pro7")


async def test_one_that_fails_tells_where_and_not_with_what(pool: ComputePool, ray_variables: dict[str, str]) -> None:
    job = {"ray": ray_of(ray_variables), "way": "map", "words": ["broken"], "canary": "canary-row"}
    with logged_lines() as lines, with_ids(IDS), pytest.raises(ComputeFailed):
        await pool.run(f"{__name__}:speak", job, timeout_seconds=110, memory_mb=2048)
    failed = lines.one("compute_function_failed")
    assert failed["task_id"] == "t1"
    assert b"canary" not in b"".join(lines)


def lines_of(output: str, word: str) -> list[dict[str, Any]]:
    """What stands in a worker's output, of this word."""
    texts = [text for text in Path(output).read_text(encoding="utf-8").splitlines() if text.startswith("{")]
    lines = [json.loads(text) for text in texts if word in text]
    assert lines
    return lines


def speak(job: dict[str, Any], _: Report) -> dict[str, Any]:
    """A driver with pieces that say something."""
    with connected(RayCluster(**job["ray"])) as ray:
        executor = RayExecutor(ray, lambda: ClusterWatch(RayCluster(**job["ray"])))
        pieces: list[Piece] = [{"word": word} for word in job["words"]]
        shared = {"canary": job.get("canary")}
        if job["way"] == "map":
            return {"said": executor.map(f"{__name__}:say", pieces, shared, lambda _: None)}
        return {"said": list(executor.stream(f"{__name__}:say", pieces, shared))}


def say(item: Piece, shared: Piece) -> Answer:
    """A piece that logs and warns, and tells where its output goes."""
    if item["word"] == "broken":
        raise RuntimeError(f"cannot say {shared['canary']}")
    logging.getLogger("piece").info("spoken", extra={"words": item["word"]})
    warnings.warn(f"beware of {item['word']}", stacklevel=1)
    return {"word": item["word"], "output": str(Path("/proc/self/fd/1").readlink())}
