"""A real Ray head with a token: the same answers as local threads, and a bounded price when it is away."""

import socket
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import gettempdir
from threading import Thread
from typing import Any

import pytest

from shared.compute import ComputePool
from shared.config import Settings
from shared.errors import ServiceUnavailable
from shared.resources import Resources

from ..app.engines.data_files import hash_of, locate
from ..app.services.analysis_runs import FUNCTION, PRELOAD
from ..app.services.tasks import ClusterWatch
from .support import with_ray, write_parquet
from .test_cluster import three_groups

pytestmark = pytest.mark.integration


@pytest.fixture
def job(tmp_path: Path) -> dict[str, Any]:
    """A search for k, as the worker would order it from an instance without Ray."""
    path = tmp_path / "data.parquet"
    data = {"path": str(path), "sha256": write_parquet(path, three_groups()), "url": ""}
    parameters = {"columns": ["metres", "grams"], "k": "auto"}
    return {"type": "cluster", "parameters": parameters, "seed": 0, "data": data, "output": str(tmp_path), "threads": 2}


async def compute(job: dict[str, Any]) -> dict[str, Any]:
    """Run it in a child of its own, as always: Ray never enters this process."""
    pool = ComputePool(PRELOAD)
    try:
        return await pool.run(FUNCTION, job, timeout_seconds=90, memory_mb=2048)
    finally:
        await pool.close()


def ray_of(variables: dict[str, str], **more: Any) -> dict[str, Any]:
    return {"address": variables["RAY_ADDRESS"], "token": variables["RAY_AUTH_TOKEN"], **more}


async def test_ray_and_threads_agree_to_the_last_bit(job: dict[str, Any], ray_variables: dict[str, str]) -> None:
    local = await compute(job)
    on_ray = await compute(job | {"ray": ray_of(ray_variables)})
    assert (local.pop("executor"), on_ray.pop("executor")) == ("local", "ray")
    assert local == on_ray
    assert on_ray["summary"]["k"] == 3


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


async def test_the_cluster_is_described(
    settings: Settings, resources: Resources, ray_variables: dict[str, str]
) -> None:
    resources.settings = with_ray(settings, ray_variables["RAY_ADDRESS"], ray_variables["RAY_AUTH_TOKEN"])
    watch = ClusterWatch(resources)
    status = await watch.status()
    assert status["nodes"] >= 1
    assert status["cpus"] >= 1
    assert await watch.status() is status


async def test_a_cluster_that_is_away(settings: Settings, resources: Resources) -> None:
    resources.settings = with_ray(settings, "127.0.0.1:1", "0" * 40)
    watch = ClusterWatch(resources)
    with pytest.raises(ServiceUnavailable) as caught:
        await watch.status()
    assert caught.value.code == "ray_unavailable"


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
