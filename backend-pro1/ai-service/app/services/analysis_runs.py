"""What the worker does with a task of kind `analysis`: fetch, compute in a child, keep files and result."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from shared.config import Settings
from shared.resources import Resources
from shared.scratch import scratch, sweep_scratch
from shared.tasks import StaleAttempt, Task, TaskFailed, TaskRun
from shared.version import VERSION

from ..repositories import results
from ..repositories.results import Result
from ..repositories.versions import DatasetVersion, read_version
from .parameters import find_type

FUNCTION = "ai-service.app.engines.analysis:analyse"
# Importing it loads numpy, pandas, SciPy, statsmodels, scikit-learn and altair, once for all children.
PRELOAD = ("ai-service.app.engines.analysis",)
URL_SECONDS = 3600


async def run_analysis(run: TaskRun) -> None:
    """Do the analysis. Files are stored before the commit that refers to them; after it, everything is there.

    Raises:
        TaskFailed: `dataset_not_ready` or `version_blocked` since the order was accepted.
    """
    version = await _version_of(run.task, run.resources)
    started = time.monotonic()
    async with scratch(run.resources.settings.cache_dir) as output:
        answer = await run.compute(FUNCTION, await _job(run, version, output))
        artifacts = [await _store(run, output, made) for made in answer["artifacts"]]
    took_ms = round((time.monotonic() - started) * 1000)
    result = _result(run.task, version, answer, artifacts, took_ms)
    try:
        async with run.commit({"type": result.type, "summary": result.summary, "warnings": result.warnings}) as session:
            await results.insert(session, result)
    except StaleAttempt:
        # Only here is it certain that nothing refers to them; after any other error the commit may have happened.
        await run.resources.object_store.remove(*(item["key"] for item in artifacts))
        raise


async def sweep(resources: Resources) -> None:
    """Remove the files of analyses whose worker was killed."""
    settings = resources.settings
    await sweep_scratch(settings.cache_dir, settings.orphan_hours * 3600)


async def _version_of(task: Task, resources: Resources) -> DatasetVersion:
    if task.dataset_id is None:
        raise TaskFailed("dataset_not_ready", "The task names no dataset.")
    async with resources.database.transaction(read_only=True) as session:
        version = await read_version(session, task.project_id, task.dataset_id, task.version)
    if version is not None and version.blocked:
        raise TaskFailed("version_blocked", "The quality gate has blocked this version before its turn came.")
    if version is None or not version.is_ready:
        raise TaskFailed("dataset_not_ready", "The dataset was removed, or this version of it, before its turn came.")
    return version


async def _job(run: TaskRun, version: DatasetVersion, output: Path) -> dict[str, Any]:
    task, resources = run.task, run.resources
    entry = find_type(task.params["type"])
    fans_out = entry.parameters.model_validate(task.params["params"]).fans_out() and resources.settings.ray_enabled
    key, sha256 = str(version.parquet_key), str(version.parquet_sha256)
    await run.progress(0, 0, "Fetching the dataset")
    return {
        "type": entry.name,
        "parameters": task.params["params"],
        "seed": task.params["seed"],
        "data": {
            "path": str(await resources.cache.fetch(key, sha256)),
            "sha256": sha256,
            "url": resources.object_store.presigned_get(key, URL_SECONDS) if fans_out else "",
        },
        "output": str(output),
        "threads": resources.settings.engine_threads,
        "ray": _ray(resources.settings) if fans_out else None,
    }


def _ray(settings: Settings) -> dict[str, str]:
    return {"address": settings.ray_address, "token": settings.ray_auth_token.get_secret_value()}


async def _store(run: TaskRun, output: Path, made: dict[str, str]) -> dict[str, Any]:
    key = f"{run.task.project_id}/{run.task.dataset_id}/{uuid4()}"
    stored = await run.resources.object_store.put_file(key, output / made["name"])
    return {**made, "bytes": stored.bytes, "key": stored.key, "sha256": stored.sha256}


def _result(
    task: Task, version: DatasetVersion, answer: dict[str, Any], artifacts: list[dict[str, Any]], took_ms: int
) -> Result:
    manifest = {
        "dataset_id": str(version.dataset_id),
        "version": version.version,
        "sha256": version.parquet_sha256,
        "params": task.params["params"],
        "seed": task.params["seed"],
        "code_version": VERSION,
        "libraries": answer["libraries"],
        "executor": answer["executor"],
        "took_ms": took_ms,
    }
    return Result(
        task_id=task.id,
        type=task.params["type"],
        summary=answer["summary"],
        tables=answer["tables"],
        charts=answer["charts"],
        warnings=answer["warnings"],
        artifacts=artifacts,
        manifest=manifest,
    )
