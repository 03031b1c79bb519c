"""Pieces of work on threads, and what happens when the Ray cluster is away."""

import time
from pathlib import Path
from typing import Any

import pytest

from shared.compute import ComputeError

from ..app.engines.data_files import as_piece, locate
from ..app.engines.executor import LocalExecutor, call_json, fan_out
from ..app.engines.job import DataFile, Job, RayCluster, unpack
from ..app.engines.ray_cluster import RayUnavailable, connected
from .support import write_parquet

DOUBLE = f"{__name__}:double"


def double(item: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    time.sleep(item["pause"])
    if item["value"] < 0:
        raise ComputeError("negative", "A value is negative.")
    return {"value": item["value"] * shared["factor"]}


def pieces(*values: int) -> list[dict[str, Any]]:
    return [{"value": value, "pause": 0.02 / (position + 1)} for position, value in enumerate(values)]


def job_with(ray: RayCluster | None) -> Job:
    data = DataFile(Path("data.parquet"), "0" * 64)
    return Job("cluster", {}, 0, data, Path(), lambda *_: None, threads=2, ray=ray)


class TestLocal:
    def test_answers_are_in_the_order_of_the_items(self) -> None:
        told: list[int] = []
        answers = LocalExecutor(3).map(DOUBLE, pieces(1, 2, 3), {"factor": 10}, told.append)
        assert [answer["value"] for answer in answers] == [10, 20, 30]
        assert told == [1, 2, 3]

    def test_a_fault_is_raised(self) -> None:
        with pytest.raises(ComputeError, match="negative"):
            LocalExecutor(2).map(DOUBLE, pieces(1, -1), {"factor": 1}, lambda _: None)

    def test_what_a_ray_worker_runs(self) -> None:
        assert call_json(DOUBLE, '[{"value": 4, "pause": 0}, {"factor": 2}]') == '{"value": 8}'


class TestWithoutRay:
    def test_a_nonsensical_address(self) -> None:
        with pytest.raises(RayUnavailable), connected(RayCluster("", "token")):
            pass

    def test_an_instance_without_ray_is_told_nothing(self) -> None:
        answer = fan_out(job_with(None), DOUBLE, pieces(1), {"factor": 2}, lambda _: None, prefer_ray=True)
        assert (answer.executor, answer.notices) == ("local", [])


class TestDataFiles:
    def test_a_file_that_is_there_and_unchanged(self, tmp_path: Path) -> None:
        path = tmp_path / "a.parquet"
        assert locate(as_piece(DataFile(path, write_parquet(path, {"a": [1]})))) == path

    def test_a_changed_file_without_an_address(self, tmp_path: Path) -> None:
        path = tmp_path / "a.parquet"
        write_parquet(path, {"a": [1]})
        with pytest.raises(ComputeError) as caught:
            locate(as_piece(DataFile(path, "0" * 64)))
        assert caught.value.code == "data_unreachable"

    def test_only_http_is_downloaded(self, tmp_path: Path) -> None:
        path = tmp_path / "a.parquet"
        piece = {"path": "/nowhere", "sha256": write_parquet(path, {"a": [1]}), "url": path.as_uri()}
        with pytest.raises(ComputeError):
            locate(piece)


def test_a_job_is_unpacked() -> None:
    order = {
        "type": "cluster",
        "parameters": {},
        "seed": 1,
        "data": {"path": "a", "sha256": "b"},
        "output": "c",
        "ray": {"address": "h:1", "token": "t"},
    }
    job = unpack(order, lambda *_: None)
    assert job.ray == RayCluster("h:1", "t")
    assert job.data == DataFile(Path("a"), "b", "")
