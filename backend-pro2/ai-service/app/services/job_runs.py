"""What the worker does with a task of kind `job`: fetch, compute in a child that may use Ray, keep files and result."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from shared.errors import NotFound
from shared.metrics import ray
from shared.scratch import scratch
from shared.tasks import StaleAttempt, TaskFailed, TaskRun

from ..repositories.results import Result
from ..repositories.versions import DatasetVersion
from ..schemas.job_parameters import PredictionParameters, Training
from .analysis_runs import Order, manifest_of, store_artifact
from .dataset_versions import orderable_version, version_of
from .fingerprints import PARTS, hashes_of
from .hypotheses import keep_result
from .jobs import find_job, read_job_parameters, winner_of
from .parameters import check_columns
from .ray_runs import file_of, place_of, waiting_for_ray

FUNCTION = "ai-service.app.engines.jobs.run:run_job"
PRELOAD = ("ai-service.app.engines.jobs.run",)


@dataclass(frozen=True, slots=True)
class Recipe:
    """A model to be fitted, and the version that it learns from; without parameters its family's first setting."""

    version: DatasetVersion
    target: str
    features: list[str] | None
    problem: str
    algorithm: str
    parameters: Mapping[str, Any] | None
    seed: int


async def run_job(run: TaskRun) -> None:
    """Do the job. Files are stored before the commit that refers to them; after it, everything is there.

    Raises:
        TryLater: the job insists on Ray, which is away.
        TaskFailed: the dataset cannot be used any more, or `ray_disabled`.
        Invalid: a column is absent or of a wrong type, which was not known yet when the order was accepted.
    """
    version = await version_of(run.task, run.resources)
    asked = run.task.params
    order = Order(asked["job"], asked["params"], asked["seed"])
    started = time.monotonic()
    async with scratch(run.resources.settings.cache_dir) as output:
        job = await _job(run, order, version, output)
        with waiting_for_ray(job):
            answer = await run.compute(FUNCTION, job)
        ray.answered(answer)
        artifacts = [await store_artifact(run, output, made) for made in answer["artifacts"]]
    hashes = await asyncio.to_thread(hashes_of, answer)
    manifest = {**manifest_of(order, version, answer, started), "cluster": answer["cluster"], "hashes": hashes}
    parts = {part: answer[part] for part in PARTS}
    result = Result(task_id=run.task.id, type=order.type, **parts, artifacts=artifacts, manifest=manifest)
    try:
        told = {"type": result.type, "summary": result.summary, "warnings": result.warnings}
        async with run.commit(told) as session:
            told["warnings"] = await keep_result(session, run.task, result)
    except StaleAttempt:
        # Only here is it certain that nothing refers to them; after any other error the commit may have happened.
        await run.resources.object_store.remove(*(item["key"] for item in artifacts))
        raise


async def _job(run: TaskRun, order: Order, version: DatasetVersion, output: Path) -> dict[str, Any]:
    parameters = read_job_parameters(find_job(order.type), dict(order.params))
    check_columns(parameters, version.types)
    place, training = place_of(run), None
    if isinstance(parameters, PredictionParameters):
        training = await _training(run, parameters)
    await run.progress(0, 0, "Fetching the dataset")
    return {
        "type": order.type,
        "parameters": order.params,
        "seed": order.seed,
        "data": await file_of(run, str(version.parquet_key), str(version.parquet_sha256)),
        "output": str(output),
        "training": training,
        **place,
    }


async def _training(run: TaskRun, parameters: PredictionParameters) -> dict[str, Any]:
    recipe = await _recipe(run, parameters)
    return {
        "target": recipe.target,
        "features": recipe.features,
        "problem": recipe.problem,
        "algorithm": recipe.algorithm,
        "parameters": recipe.parameters,
        "seed": recipe.seed,
        "data": await file_of(run, str(recipe.version.parquet_key), str(recipe.version.parquet_sha256)),
    }


async def _recipe(run: TaskRun, parameters: PredictionParameters) -> Recipe:
    if parameters.train is not None:
        train: Training = parameters.train
        version = await _version(run, train.dataset_id, train.version)
        names = (train.target, train.features, train.problem, train.algorithm)
        return Recipe(version, *names, None, run.task.params["seed"])
    async with run.resources.database.transaction(read_only=True) as session:
        found = await winner_of(session, run.task.project_id, parameters.search_task_id)
    if found is None:
        raise NotFound("The model-search has been removed before this prediction's turn came.")
    winner, manifest = found.summary["winner"], found.manifest
    version = await _version(run, UUID(manifest["dataset_id"]), manifest["version"])
    names = (winner["target"], winner["features"], winner["problem"], winner["algorithm"])
    return Recipe(version, *names, winner["parameters"], winner["seed"])


async def _version(run: TaskRun, dataset_id: UUID, number: int | None) -> DatasetVersion:
    async with run.resources.database.transaction(read_only=True) as session:
        version = await orderable_version(session, run.task.project_id, dataset_id, number)
    if not version.is_ready:
        raise TaskFailed("dataset_not_ready", f"Dataset {version.name!r}, which the model learns from, is not ready.")
    return version
