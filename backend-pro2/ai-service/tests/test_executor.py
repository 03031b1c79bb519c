"""Pieces of work on threads, and what happens when the Ray cluster is away."""

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from shared.compute import ComputeError

from ..app.engines import executor, ray_cluster, ray_executor
from ..app.engines.data_files import as_piece, locate
from ..app.engines.executor import LocalExecutor, fan_out, somewhere
from ..app.engines.job import DataFile, ExecutorName, Job, RayCluster, unpack
from ..app.engines.pieces import answer_of, call_json
from ..app.engines.ray_cluster import ROWS_AHEAD, ClusterWatch, RayUnavailable, connected, probe, watched
from ..app.engines.ray_executor import RayExecutor
from .support import write_parquet

DOUBLE, NOTE = f"{__name__}:double", f"{__name__}:note"


def double(item: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    time.sleep(item["pause"])
    if item["value"] < 0:
        raise ComputeError("negative", "A value is negative.")
    return {"value": item["value"] * shared["factor"]}


def note(item: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    shared["started"].append(item["value"])
    return {"value": item["value"]}


def pieces(*values: int) -> list[dict[str, Any]]:
    return [{"value": value, "pause": 0.02 / (position + 1)} for position, value in enumerate(values)]


def job_with(ray: RayCluster | None, executor: ExecutorName = "auto") -> Job:
    data = DataFile(Path("data.parquet"), "0" * 64)
    return Job("cluster", {}, 0, data, Path(), lambda *_: None, threads=2, ray=ray, executor=executor)


class TestLocal:
    def test_answers_are_in_the_order_of_the_items(self) -> None:
        told: list[int] = []
        answers = LocalExecutor(3).map(DOUBLE, pieces(1, 2, 3), {"factor": 10}, told.append)
        assert answers == [{"value": 10}, {"value": 20}, {"value": 30}]
        assert told == [1, 2, 3]

    def test_a_fault_is_raised(self) -> None:
        with pytest.raises(ComputeError, match="negative"):
            LocalExecutor(2).map(DOUBLE, pieces(1, -1), {"factor": 1}, lambda _: None)

    def test_a_stream_keeps_the_order_and_runs_only_a_few_ahead(self) -> None:
        started: list[int] = []
        stream = LocalExecutor(2).stream(NOTE, [{"value": value} for value in range(9)], {"started": started})
        assert next(stream)["value"] == 0
        assert len(started) <= 3
        assert [answer["value"] for answer in stream] == list(range(1, 9))

    def test_what_is_late_is_given_up(self) -> None:
        items = [{"value": 1, "pause": 0}, {"value": 2, "pause": 1}]
        started = time.monotonic()
        answers = LocalExecutor(2).map(DOUBLE, items, {"factor": 1}, lambda _: None, seconds=0.3)
        assert answers == [{"value": 1}, None]
        assert time.monotonic() - started < 1


class TestProbe:
    @pytest.fixture
    def server(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
        monkeypatch.setattr(ray_cluster, "GREETING_SECONDS", 0.2)
        with socket.create_server(("127.0.0.1", 0)) as server:
            yield server

    @pytest.mark.parametrize("scheme", ["", "ray://"])
    def test_who_answers_is_there(self, server: socket.socket, scheme: str) -> None:
        heard: list[bytes] = []

        def answer() -> None:
            with server.accept()[0] as client:
                heard.append(client.recv(100))
                client.sendall(ray_cluster.GREETING[-9:])

        with ThreadPoolExecutor() as pool:
            answered = pool.submit(answer)
            probe(f"{scheme}127.0.0.1:{server.getsockname()[1]}")
            answered.result()
        assert heard == [ray_cluster.GREETING]

    def test_who_stands_still_is_away_although_connections_are_taken(self, server: socket.socket) -> None:
        with pytest.raises(RayUnavailable, match="does not answer"):
            probe(f"127.0.0.1:{server.getsockname()[1]}")

    def test_a_door_without_anybody_behind_it_is_away(self, server: socket.socket) -> None:
        with ThreadPoolExecutor() as pool:
            pool.submit(lambda: server.accept()[0].close())
            with pytest.raises(RayUnavailable):
                probe(f"127.0.0.1:{server.getsockname()[1]}")


class TestPieces:
    def test_what_a_ray_worker_runs(self) -> None:
        assert call_json(DOUBLE, '{"value": 4, "pause": 0}', '{"factor": 2}') == '{"value": 8}'

    def test_a_fault_crosses_as_what_it_is(self) -> None:
        with pytest.raises(ComputeError) as caught:
            answer_of(call_json(DOUBLE, '{"value": -4, "pause": 0}', '{"factor": 2}'))
        assert caught.value.code == "negative"


class FakeRay:
    """Runs each piece when it is waited for, the last one first; `lost` pieces never end."""

    def __init__(self, *, cpus: float = 1, lost: int = 0) -> None:
        self.options: dict[str, object] = {}
        self.cancelled: list[object] = []
        self.given = 0
        self._cpus = cpus
        self._lost = lost

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": self._cpus}

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "Resources": {"memory": MEMORY}}, {"Alive": False, "Resources": {"memory": 9e9}}]

    def put(self, value: str) -> str:
        return value

    def cancel(self, reference: object, *, force: bool) -> None:
        assert force
        self.cancelled.append(reference)

    def remote(self, **options: object) -> Callable[[Callable[..., str]], Any]:
        self.options = options
        cluster = self

        class Remote:
            def __init__(self, function: Callable[..., str]) -> None:
                self._function = function

            def remote(self, *arguments: str) -> Callable[[], str]:
                cluster.given += 1
                return partial(self._function, *arguments)

        return Remote

    def wait(self, waiting: list[Any], *, num_returns: int, timeout: float) -> tuple[list[Any], list[Any]]:
        assert num_returns == 1
        assert timeout <= 1.0
        return ([], waiting) if len(waiting) <= self._lost else (waiting[-1:], waiting[:-1])

    def get(self, reference: Callable[[], str]) -> str:
        return reference()


MEMORY = 300_000_000


def executor_of(ray: FakeRay, stall_seconds: float = 0.0) -> RayExecutor:
    return RayExecutor(ray, lambda: ClusterWatch(RayCluster("", "", stall_seconds=stall_seconds)))


class TestRayExecutor:
    def test_answers_are_in_the_order_of_the_items(self) -> None:
        ray, told = FakeRay(), list[int]()
        answers = executor_of(ray).map(DOUBLE, pieces(1, 2, 3), {"factor": 10}, told.append)
        assert [answer and answer["value"] for answer in answers] == [10, 20, 30]
        assert told == [1, 2, 3]
        # Retries and memory are bounded, the latter by what a node has.
        assert ray.options == {"num_cpus": 1, "memory": MEMORY, "max_retries": 2}

    def test_pieces_that_never_end(self) -> None:
        with pytest.raises(RayUnavailable, match="no piece ended within 0 seconds"):
            executor_of(FakeRay(lost=1)).map(DOUBLE, pieces(1, 2), {"factor": 1}, lambda _: None)

    def test_what_is_late_is_called_off(self) -> None:
        ray = FakeRay(lost=1)
        answers = executor_of(ray, 60).map(DOUBLE, pieces(1, 2), {"factor": 1}, lambda _: None, seconds=0)
        assert answers == [None, None]
        assert len(ray.cancelled) == 2

    def test_a_stream_through_the_client_server_keeps_the_order(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ray_executor, "by_client", lambda _: True)
        ray, most = FakeRay(cpus=2), 0
        answers = []
        for answer in executor_of(ray, 60).stream(DOUBLE, pieces(*range(20)), {"factor": 10}):
            answers.append(answer["value"])
            most = max(most, ray.given - len(answers))
        assert answers == [10 * n for n in range(20)]
        assert most == 2 + ROWS_AHEAD

    @pytest.mark.parametrize(("address", "told"), [("10.0.0.1:8010", False), ("ray://10.0.0.1:8018", True)])
    def test_a_job_of_a_client_is_told_where_the_code_is(self, address: str, told: bool) -> None:
        options: dict[str, Any] = {}
        ray_cluster._connect(SimpleNamespace(init=options.update), address)
        assert options["address"] == address
        assert ("runtime_env" in options) == told
        if told:
            folder = Path(options["runtime_env"]["env_vars"]["PYTHONPATH"])
            assert (folder / "ai-service" / "app" / "engines" / "pieces.py").exists()

    def test_a_head_that_has_gone(self) -> None:
        watch = ClusterWatch(RayCluster("127.0.0.1:1", "t"))
        watch.look()
        watch.look()
        with pytest.raises(RayUnavailable, match="does not answer"):
            watch.look()

    def test_rows_are_watched(self) -> None:
        watch = ClusterWatch(RayCluster("127.0.0.1:1", "t"))
        assert list(watched(iter([1, 2]), watch)) == [1, 2]

        def broken() -> Iterator[int]:
            yield 1
            raise ValueError("broken")

        with pytest.raises(ValueError, match="broken"):
            list(watched(broken(), watch))

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

    def test_a_job_that_insists_on_ray_is_not_done_elsewhere(self) -> None:
        with pytest.raises(ComputeError) as caught:
            somewhere(job_with(RayCluster("127.0.0.1:1", "t"), "ray"), lambda _: None, prefer_ray=True)
        assert caught.value.code == "ray_unavailable"

    def test_a_job_that_must_stay_does_not_ask_ray(self) -> None:
        found, place = somewhere(
            job_with(RayCluster("127.0.0.1:1", "t"), "local"), lambda executor: executor.name, prefer_ray=True
        )
        assert (found, place.executor, place.notices) == ("local", "local", [])

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
