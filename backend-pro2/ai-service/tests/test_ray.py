"""A real Ray head with a token: the same answers as local threads, and a bounded price when it is away."""

import asyncio
import ctypes
import os
import socket
import time
from collections.abc import AsyncIterator, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import gettempdir
from threading import Thread
from typing import Any

import pytest

from shared.compute import ComputeFailed, ComputePool, Report
from shared.config import Settings
from shared.errors import ServiceUnavailable
from shared.metrics import ray as metrics
from shared.resources import Resources
from shared.testing.counting import Moved

from ..app.engines.data_files import hash_of, locate
from ..app.engines.executor import somewhere
from ..app.engines.job import DataFile, Job, RayCluster
from ..app.engines.jobs.profile import profile_partition
from ..app.engines.pieces import name_of
from ..app.engines.ray_cluster import ClusterWatch as ClusterPulse
from ..app.engines.ray_cluster import connected
from ..app.engines.ray_executor import RayExecutor
from ..app.services.analysis_runs import FUNCTION, PRELOAD
from ..app.services.cluster import ClusterWatch
from ..app.services.job_runs import FUNCTION as RUN_JOB
from .support import ray_of, through_client, with_ray, write_parquet
from .test_cluster import three_groups

pytestmark = pytest.mark.integration

POOLS: list[ComputePool] = []


@pytest.fixture
def job(tmp_path: Path) -> dict[str, Any]:
    """A search for k, as the worker would order it from an instance without Ray."""
    path = tmp_path / "data.parquet"
    data = {"path": str(path), "sha256": write_parquet(path, three_groups()), "url": ""}
    parameters = {"columns": ["metres", "grams"], "k": "auto"}
    return {"type": "cluster", "parameters": parameters, "seed": 0, "data": data, "output": str(tmp_path), "threads": 2}


@pytest.fixture(scope="module", autouse=True)
async def pool() -> AsyncIterator[ComputePool]:
    """One pool for all, whose libraries take seconds to load."""
    made = ComputePool(PRELOAD)
    POOLS.append(made)
    yield made
    await POOLS.pop().close()


async def compute(job: dict[str, Any], function: str = FUNCTION) -> dict[str, Any]:
    """Run it in a child of its own, as always: Ray never enters this process."""
    return await POOLS[-1].run(function, job, timeout_seconds=90, memory_mb=2048)


async def test_ray_and_threads_agree_to_the_last_bit(job: dict[str, Any], ray_variables: dict[str, str]) -> None:
    local = await compute(job)
    on_ray = await compute(job | {"ray": ray_of(ray_variables)})
    assert (local.pop("executor"), on_ray.pop("executor")) == ("local", "ray")
    assert local == on_ray
    assert on_ray["summary"]["k"] == 3


async def test_work_of_the_cluster_is_counted(job: dict[str, Any], ray_variables: dict[str, str]) -> None:
    moved = Moved()
    metrics.answered(await compute(job | {"ray": ray_of(ray_variables)}))
    assert moved.of("ray_jobs_total", "outcome") == {"done": 1}


async def test_a_wrong_token_costs_a_bounded_time(job: dict[str, Any], ray_variables: dict[str, str]) -> None:
    wrong = ray_of(ray_variables | {"RAY_AUTH_TOKEN": "0" * 40}, connect_seconds=3.0)
    answer = await compute(job | {"ray": wrong})
    assert answer["executor"] == "local"
    assert [warning["code"] for warning in answer["warnings"]] == ["ray_unavailable"]
    assert "within 3 seconds" in answer["warnings"][0]["message"]


async def test_no_room_on_the_cluster_costs_a_bounded_time(job: dict[str, Any], ray_variables: dict[str, str]) -> None:
    answer = await compute(job | {"ray": ray_of(ray_variables, stall_seconds=0.0)})
    assert answer["executor"] == "local"
    assert "no piece ended" in answer["warnings"][0]["message"]


async def test_a_closed_port_costs_a_moment(job: dict[str, Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    answer = await compute(job | {"ray": {"address": f"127.0.0.1:{port}", "token": "0" * 40}})
    assert answer["executor"] == "local"
    assert "does not answer" in answer["warnings"][0]["message"]


@pytest.mark.parametrize("by_client", [False, True], ids=["on a node", "by the client server"])
async def test_the_cluster_is_described(
    settings: Settings, resources: Resources, ray_variables: dict[str, str], by_client: bool
) -> None:
    ray_variables = through_client(ray_variables) if by_client else ray_variables
    resources.settings = with_ray(settings, ray_variables["RAY_ADDRESS"], ray_variables["RAY_AUTH_TOKEN"])
    watch = ClusterWatch(resources)
    status = await watch.status()
    assert status["nodes"] >= 1
    assert status["cpus"] >= 1
    assert [node["is_head"] for node in status["items"]].count(True) == 1
    assert set(status["items"][0]) == {"id", "alive", "is_head", "cpus", "memory_bytes", "object_store_bytes"}
    assert status["running"]["jobs"] >= 0
    assert await watch.status() is status


async def test_a_cluster_that_is_away(settings: Settings, resources: Resources) -> None:
    resources.settings = with_ray(settings, "127.0.0.1:1", "0" * 40)
    watch = ClusterWatch(resources)
    with pytest.raises(ServiceUnavailable) as caught:
        await watch.status()
    assert caught.value.code == "ray_unavailable"


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("bootstrap", {"column": "metres", "resamples": 100}),
        ("partitioned-profile", {"columns": ["metres", "grams"]}),
        ("model-search", {"target": "metres", "features": ["grams"], "candidates": ["ridge"], "folds": 2}),
    ],
)
@pytest.mark.parametrize("by_client", [False, True], ids=["on a node", "by the client server"])
async def test_distributed_jobs_agree_to_the_last_bit(
    job: dict[str, Any], ray_variables: dict[str, str], kind: str, parameters: dict[str, Any], by_client: bool
) -> None:
    order = job | {"type": kind, "parameters": parameters}
    variables = through_client(ray_variables) if by_client else ray_variables
    local = await compute(order, RUN_JOB)
    on_ray = await compute(order | {"ray": ray_of(variables), "executor": "ray"}, RUN_JOB)
    assert (local.pop("executor"), on_ray.pop("executor")) == ("local", "ray")
    assert local.pop("cluster") is None
    assert on_ray.pop("cluster")["nodes"] >= 1
    assert local == on_ray


async def test_a_fault_of_the_data_is_told_as_it_is(job: dict[str, Any], ray_variables: dict[str, str]) -> None:
    ray = ray_of(ray_variables)
    gone = job["data"] | {"path": "/nowhere", "url": ""}
    with pytest.raises(ComputeFailed) as caught:
        await compute({"ray": ray, "data": gone}, f"{__name__}:insist")
    assert caught.value.code == "data_unreachable"


async def test_cancelling_ends_native_work_on_the_cluster(ray_variables: dict[str, str], tmp_path: Path) -> None:
    order = {"ray": ray_of(ray_variables), "folder": str(tmp_path)}
    running = asyncio.create_task(POOLS[-1].run(f"{__name__}:occupy", order, timeout_seconds=90, memory_mb=2048))
    while (worker := await asyncio.to_thread(worker_in, tmp_path)) is None:
        await asyncio.wait({running}, timeout=0.05)
        assert not running.done(), running.exception()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    cancelled = time.monotonic()
    while is_running(worker):
        assert time.monotonic() - cancelled < 2
        await asyncio.sleep(0.02)


def worker_in(folder: Path) -> Path | None:
    """Where the kernel tells of the process that has left its number in the folder."""
    return next((Path(f"/proc/{made.stem}") for made in folder.glob("*.pid")), None)


def is_running(process: Path) -> bool:
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def occupy(job: dict[str, Any], report: Report) -> dict[str, Any]:
    """A driver whose piece holds the interpreter's lock in C."""
    with connected(RayCluster(**job["ray"])) as ray:
        executor = RayExecutor(ray, lambda: ClusterPulse(RayCluster(**job["ray"])))
        executor.map(f"{__name__}:hold", [{}], {"folder": job["folder"]}, lambda _: None)
    return {}


def hold(item: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    (Path(shared["folder"]) / f"{os.getpid()}.pid").touch()
    ctypes.PyDLL(None).sleep(60)
    return {}


def insist(job: dict[str, Any], report: Report) -> dict[str, Any]:
    """A driver whose piece does not find its data."""
    ray = RayCluster(**job["ray"])
    data = DataFile(Path(job["data"]["path"]), job["data"]["sha256"])
    order = Job("profile", {}, 0, data, Path(), report, ray=ray, executor="ray")
    items = [{"columns": ["metres"], "groups": [0, 1]}]
    shared = {"data": job["data"]}
    answers, _ = somewhere(
        order, lambda executor: list(executor.stream(name_of(profile_partition), items, shared)), prefer_ray=True
    )
    return {"answers": answers}


@pytest.fixture
def http_server(tmp_path: Path) -> Iterator[str]:
    """A server of the files in tmp_path; its address."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_worker_elsewhere_downloads_and_verifies(tmp_path: Path, http_server: str) -> None:
    sha256 = write_parquet(tmp_path / "served.parquet", {"a": [tmp_path.name]})
    piece = {"path": "/nowhere", "sha256": sha256, "url": f"{http_server}/served.parquet"}
    found = locate(piece)
    assert found.parent == Path(gettempdir())
    assert hash_of(found) == sha256
    with pytest.raises(Exception, match="corrupt_object"):
        locate(piece | {"sha256": "1" * 64})
    found.unlink()
