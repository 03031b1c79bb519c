"""Pieces of work on threads, and what happens when the Ray cluster is away."""

import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from shared.compute import ComputeError

from ..app.engines import executor
from ..app.engines.data_files import as_piece, locate
from ..app.engines.executor import LocalExecutor, RayExecutor, call_json, fan_out
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


class FakeRay:
    """Runs each piece when it is waited for, the last one first; `lost` pieces never end."""

    def __init__(self, *, cpus: float = 1, lost: int = 0) -> None:
        self.options: dict[str, object] = {}
        self._cpus = cpus
        self._lost = lost

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": self._cpus}

    def remote(self, **options: object) -> Callable[[Callable[..., str]], Any]:
        self.options = options

        class Remote:
            def __init__(self, function: Callable[..., str]) -> None:
                self._function = function

            def remote(self, *arguments: str) -> Callable[[], str]:
                return partial(self._function, *arguments)

        return Remote

    def wait(self, waiting: list[Any], *, num_returns: int, timeout: float) -> tuple[list[Any], list[Any]]:
        assert (num_returns, timeout) == (1, 9.0)
        return ([], waiting) if len(waiting) <= self._lost else (waiting[-1:], waiting[:-1])

    def get(self, references: list[Callable[[], str]]) -> list[str]:
        return [reference() for reference in references]


class TestRayExecutor:
    def test_answers_are_in_the_order_of_the_items(self) -> None:
        ray, told = FakeRay(), list[int]()
        answers = RayExecutor(ray, 9.0).map(DOUBLE, pieces(1, 2, 3), {"factor": 10}, told.append)
        assert [answer["value"] for answer in answers] == [10, 20, 30]
        assert told == [1, 2, 3]
        assert ray.options == {"num_cpus": 1, "max_retries": 2}

    def test_pieces_that_never_end(self) -> None:
        with pytest.raises(RayUnavailable, match="no piece ended within 9 seconds"):
            RayExecutor(FakeRay(lost=1), 9.0).map(DOUBLE, pieces(1, 2), {"factor": 1}, lambda _: None)

    @pytest.mark.parametrize(
        ("cpus", "prefer_ray", "expected"), [(1, True, "ray"), (2, False, "local"), (3, False, "ray")]
    )
    def test_the_larger_place_is_chosen(
        self, monkeypatch: pytest.MonkeyPatch, cpus: int, prefer_ray: bool, expected: str
    ) -> None:
        monkeypatch.setattr(executor, "connected", lambda _: nullcontext(FakeRay(cpus=cpus)))
        job = job_with(RayCluster("h:1", "t", stall_seconds=9.0))
        answer = fan_out(job, DOUBLE, pieces(1), {"factor": 2}, lambda _: None, prefer_ray=prefer_ray)
        assert (answer.executor, answer.notices) == (expected, [])


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
