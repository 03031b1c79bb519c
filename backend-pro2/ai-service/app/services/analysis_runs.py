"""What the worker does with a task of kind `analysis`: fetch, compute in a child, keep files and result."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from shared.config import Settings
from shared.metrics import ray
from shared.resources import Resources
from shared.scratch import scratch, sweep_scratch
from shared.tasks import StaleAttempt, TaskRun
from shared.version import VERSION

from ..repositories.results import Result
from ..repositories.versions import DatasetVersion
from .dataset_versions import version_of
from .fingerprints import PARTS, hashes_of
from .hypotheses import keep_result
from .parameters import check_columns, find_type, read_parameters

FUNCTION = "ai-service.app.engines.analysis:analyse"
# Importing it loads numpy, pandas, SciPy, statsmodels, scikit-learn and altair, and tries them, once for all children.
PRELOAD = ("ai-service.app.engines.warm",)
URL_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be computed."""

    type: str
    params: Mapping[str, Any]
    seed: int


async def run_analysis(run: TaskRun) -> None:
    """Do the analysis. Files are stored before the commit that refers to them; after it, everything is there.

    Raises:
        TaskFailed: `dataset_not_ready`, `version_expired` or `version_blocked` since the order was accepted.
        Invalid: a column is absent or of a wrong type, which was not known yet when the order was accepted.
    """
    version = await version_of(run.task, run.resources)
    asked = run.task.params
    order = Order(asked["type"], asked["params"], asked["seed"])
    started = time.monotonic()
    async with scratch(run.resources.settings.cache_dir) as output:
        answer = await compute(run, order, version, output)
        artifacts = [await store_artifact(run, output, made) for made in answer["artifacts"]]
    hashes = await asyncio.to_thread(hashes_of, answer)
    manifest = {**manifest_of(order, version, answer, started), "hashes": hashes}
    summary, tables, charts, warnings = (answer[part] for part in PARTS)
    result = Result(run.task.id, order.type, summary, tables, charts, warnings, artifacts, manifest)
    try:
        told = {"type": order.type, "summary": summary, "warnings": warnings}
        async with run.commit(told) as session:
            told["warnings"] = await keep_result(session, run.task, result)
    except StaleAttempt:
        # Only here is it certain that nothing refers to them; after any other error the commit may have happened.
        await run.resources.object_store.remove(*(item["key"] for item in artifacts))
        raise


async def compute(run: TaskRun, order: Order, version: DatasetVersion, output: Path) -> dict[str, Any]:
    """The answer of the engine, whose files are in `output`.

    Raises:
        Invalid: the order does not fit the version. ComputeFailed: there is no answer.
    """
    answer = await run.compute(FUNCTION, await _job(run, order, version, output))
    ray.answered(answer)
    return answer


def manifest_of(order: Order, version: DatasetVersion, answer: Mapping[str, Any], started: float) -> dict[str, Any]:
    """All that is needed to repeat a computation that began when the monotonic clock said `started`."""
    return {
        "dataset_id": str(version.dataset_id),
        "version": version.version,
        "sha256": version.parquet_sha256,
        "params": order.params,
        "seed": order.seed,
        "code_version": VERSION,
        "libraries": answer["libraries"],
        "executor": answer["executor"],
        "took_ms": round((time.monotonic() - started) * 1000),
    }


async def sweep(resources: Resources) -> None:
    """Remove the files of analyses whose worker was killed."""
    settings = resources.settings
    await sweep_scratch(settings.cache_dir, settings.orphan_hours * 3600)


async def _job(run: TaskRun, order: Order, version: DatasetVersion, output: Path) -> dict[str, Any]:
    resources = run.resources
    entry = find_type(order.type)
    parameters = read_parameters(entry, order.params)
    check_columns(parameters, version.types)
    fans_out = parameters.fans_out() and resources.settings.ray_enabled
    key, sha256 = str(version.parquet_key), str(version.parquet_sha256)
    return {
        "type": entry.name,
        "parameters": order.params,
        "seed": order.seed,
        "data": {
            "path": str(await _local(run, key, sha256)),
            "sha256": sha256,
            "url": resources.object_store.presigned_get(key, URL_SECONDS) if fans_out else "",
        },
        "output": str(output),
        "threads": resources.settings.engine_threads,
        "ray": _ray(resources.settings) if fans_out else None,
    }


async def _local(run: TaskRun, key: str, sha256: str) -> Path:
    path = await run.resources.cache.find(sha256)
    if path is None:
        await run.progress(0, 0, "Fetching the dataset")
        path = await run.resources.cache.fetch(key, sha256)
    return path


def _ray(settings: Settings) -> dict[str, str]:
    return {"address": settings.ray_address, "token": settings.ray_auth_token.get_secret_value()}


async def store_artifact(run: TaskRun, output: Path, made: dict[str, str]) -> dict[str, Any]:
    """Put a file of the result into the object store; what its row is to say of it."""
    key = f"{run.task.project_id}/{run.task.dataset_id}/{uuid4()}"
    stored = await run.resources.object_store.put_file(key, output / made["name"])
    return {**made, "bytes": stored.bytes, "key": stored.key, "sha256": stored.sha256}
