"""Models on a real Ray cluster: the same models and predictions as here, also when processes die and clusters go."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared.compute import ComputePool, Report
from shared.testing.proxy import Proxy

from ..app.engines.data_files import hash_of
from ..app.engines.pieces import resolve
from ..app.engines.ray_executor import RayExecutor
from ..app.services.job_runs import FUNCTION as JOB
from ..app.services.job_runs import PRELOAD as PRELOAD_JOB
from ..app.services.model_runs import FUNCTION as USE
from ..app.services.model_runs import PRELOAD as PRELOAD_USE
from ..app.services.train_runs import FUNCTION as TRAIN
from ..app.services.train_runs import PRELOAD as PRELOAD_TRAIN
from .fitted import fit, table_of
from .support import ray_of, through_client

pytestmark = pytest.mark.integration

Compute = Callable[[str, dict[str, Any]], Coroutine[Any, Any, dict[str, Any]]]
WAIT_SECONDS = 60.0
# What depends on how quick the machine is.
TIMES = frozenset({"took_s", "fit_seconds"})


@pytest.fixture(scope="module")
async def compute() -> AsyncIterator[Compute]:
    """Run a function in a child of its own, as always: Ray never enters this process."""
    pool = ComputePool((*PRELOAD_JOB, *PRELOAD_TRAIN, *PRELOAD_USE))

    async def run(function: str, job: dict[str, Any]) -> dict[str, Any]:
        return await pool.run(function, job, timeout_seconds=240, memory_mb=3072)

    yield run
    await pool.close()


def training(folder: Path) -> dict[str, Any]:
    """A search among two candidates, whose budget does not run out."""
    path = folder / "learnt.parquet"
    pq.write_table(table_of(), path)
    parameters = {
        "target": "big", "features": ["a", "b", "kind"], "algorithm": "logistic", "max_candidates": 2,
        "budget_seconds": 180,
    }  # fmt: skip
    data = {"path": str(path), "sha256": hash_of(path)}
    return {"type": "train", "parameters": parameters, "seed": 3, "data": data, "output": str(folder), "threads": 2}


def job_prediction(folder: Path) -> dict[str, Any]:
    """A job of batch prediction, whose model nobody but its driver has."""
    fitted = fit(folder, "linear")
    data = {"path": str(fitted.data), "sha256": hash_of(fitted.data)}
    recipe = {"target": "y", "features": ["a", "kind"], "problem": "auto", "parameters": None, "seed": 1}
    order = fitted.offline("batch-prediction", folder, threads=2)
    return {
        **order,
        "parameters": {"search_task_id": "01890a5d-c0de-7abc-9def-0123456789ab"},
        "training": {**recipe, "algorithm": "ridge", "data": data},
    }


def model_prediction(folder: Path) -> dict[str, Any]:
    """A kept model on all rows of a dataset."""
    return fit(folder, "logistic", "big").offline("prediction", folder, columns=["a"], threads=2)


def timeless(value: Any) -> Any:
    """The answer without what depends on the machine's speed."""
    if isinstance(value, Mapping):
        if "columns" in value and "rows" in value:
            kept = [number for number, name in enumerate(value["columns"]) if name not in TIMES]
            return {**value, "columns": None, "rows": [[row[number] for number in kept] for row in value["rows"]]}
        return {name: timeless(one) for name, one in value.items() if name not in TIMES}
    return [timeless(one) for one in value] if isinstance(value, list) else value


def predictions(folder: Path) -> pa.Table | None:
    path = folder / "predictions.parquet"
    return pq.read_table(path) if path.exists() else None


@pytest.mark.parametrize(
    ("function", "order", "reached"),
    [(TRAIN, training, dict), (USE, model_prediction, dict), (JOB, job_prediction, through_client)],
)
async def test_a_process_that_dies_changes_nothing(
    compute: Compute,
    tmp_path: Path,
    ray_variables: dict[str, str],
    function: str,
    order: Callable[[Path], dict[str, Any]],
    reached: Callable[[dict[str, str]], dict[str, str]],
) -> None:
    here = await compute(function, order(tmp_path))
    files = predictions(tmp_path)
    job = order(tmp_path) | {"executor": "ray", "ray": ray_of(reached(ray_variables))}
    there = await compute(f"{__name__}:wrapped", job | {"entry": function, "wrapper": f"{__name__}:dies_once"})
    assert (tmp_path / "mark").exists()
    assert (here.pop("executor"), there.pop("executor")) == ("local", "ray")
    assert (here.pop("cluster"), there.pop("cluster")["nodes"] >= 1) == (None, True)
    assert timeless(here) == timeless(there)
    assert predictions(tmp_path) == files


async def test_without_its_cluster_the_work_is_done_here(
    compute: Compute, tmp_path: Path, ray_variables: dict[str, str]
) -> None:
    address = through_client(ray_variables)["RAY_ADDRESS"]
    async with Proxy.before(address) as (proxy, through):
        ray = ray_of(ray_variables | {"RAY_ADDRESS": f"ray://{urlsplit(through).netloc}"})
        job = model_prediction(tmp_path) | {"ray": ray, "entry": USE, "wrapper": f"{__name__}:waits"}
        running = asyncio.create_task(compute(f"{__name__}:wrapped", job))
        while not (tmp_path / "mark").exists():
            await asyncio.wait({running}, timeout=0.05)
            assert not running.done(), running.exception()
        await proxy.close()
        answer = await running
        (tmp_path / "gone").touch()
    assert answer["executor"] == "local"
    assert [warning["code"] for warning in answer["warnings"]] == ["ray_unavailable"]
    assert answer["summary"]["rows"] == pq.read_metadata(tmp_path / "predictions.parquet").num_rows == 400


def wrapped(job: dict[str, Any], report: Report) -> dict[str, Any]:
    """A driver of `entry` whose pieces on the cluster go through `wrapper`; those here are left as they are."""
    whole_map, whole_stream = RayExecutor.map, RayExecutor.stream
    wrapper: str = job["wrapper"]
    folder = str(Path(job["data"]["path"]).parent)

    def mapped(self: RayExecutor, function: str, items: Any, shared: Any, tell: Any, **options: Any) -> Any:
        return whole_map(self, wrapper, items, {**shared, "folder": folder, "function": function}, tell, **options)

    def streamed(self: RayExecutor, function: str, items: Any, shared: Any) -> Any:
        return whole_stream(self, wrapper, items, {**shared, "folder": folder, "function": function})

    entry: Any = resolve(job["entry"])
    with patch.multiple(RayExecutor, map=mapped, stream=streamed):
        answer: dict[str, Any] = entry(job, report)
    return answer


def dies_once(item: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    """The first of all pieces takes its process along."""
    mark = Path(shared["folder"]) / "mark"
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return resolve(shared["function"])(item, shared)


def waits(item: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    """No piece ends before the test."""
    folder, until = Path(shared["folder"]), time.monotonic() + WAIT_SECONDS
    (folder / "mark").touch()
    while not (folder / "gone").exists() and time.monotonic() < until:
        time.sleep(0.1)
    return {}
