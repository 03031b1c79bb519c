"""What the worker does with tasks that use a model on a dataset: evaluations, and comparisons with the training."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from shared.ids import new_id
from shared.metrics import ray
from shared.scratch import scratch
from shared.tasks import TaskFailed, TaskRun

from ..repositories import model_evaluations, results, served_models
from ..repositories.model_evaluations import Evaluation
from ..repositories.results import Result
from ..repositories.served_models import ServedModel
from ..repositories.versions import DatasetVersion
from .analysis_runs import Order, manifest_of
from .dataset_versions import version_of
from .fingerprints import PARTS, hashes_of
from .model_signatures import ModelSigner
from .ray_runs import file_of, place_of, waiting_for_ray

FUNCTION = "ai-service.app.engines.serving.offline:use_model"
PRELOAD = ("ai-service.app.engines.serving.offline",)
GONE = "The model was removed, or this version of it, before the task's turn came."


@dataclass(frozen=True, slots=True)
class Use:
    """A version of a model that is used on a version of a dataset."""

    model: ServedModel
    details: dict[str, Any]
    data: DatasetVersion


async def run_evaluation(run: TaskRun) -> None:
    """Evaluate or compare, and keep what was found with the version of the model.

    Raises:
        TaskFailed: the dataset cannot be used any more, or `model_removed`.
        ModelNotGenuine: the signature does not hold.
    """
    use = await use_of(run)
    started = time.monotonic()
    async with scratch(run.resources.settings.cache_dir) as output:
        answer = await compute(run, use, output)
    result = await result_of(run, use, answer, started)
    found = Evaluation(
        new_id(),
        use.model.model_id,
        use.model.version,
        run.task.kind,
        run.task.id,
        use.data.dataset_id,
        use.data.version or 0,
        answer["summary"].get("n", answer["summary"].get("rows")),
        result.summary,
        {
            table["name"]: [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
            for table in result.tables
        },
        run.task.created_by,
    )
    async with run.commit({"type": result.type, "summary": result.summary, "warnings": result.warnings}) as session:
        if not await model_evaluations.insert(session, found):
            raise TaskFailed("model_removed", GONE)
        await results.insert(session, result)


async def use_of(run: TaskRun) -> Use:
    """What the task is about, now that it runs.

    Raises:
        TaskFailed, ModelNotGenuine: as `run_evaluation`.
    """
    asked, project_id = run.task.params, run.task.project_id
    data = await version_of(run.task, run.resources)
    async with run.resources.database.transaction(read_only=True) as session:
        model_id, number = UUID(asked["model_id"]), asked["model_version"]
        model = await served_models.of_project(session, project_id, model_id, number)
        details = await served_models.details(session, model_id, number)
    if model is None or details is None:
        raise TaskFailed("model_removed", GONE)
    ModelSigner(run.resources.settings).require_genuine(model)
    return Use(model, details, data)


async def compute(run: TaskRun, use: Use, output: Path, columns: list[str] | None = None) -> dict[str, Any]:
    """The engine's answer, whose files are in `output`.

    Raises:
        TryLater: the task insists on Ray, which is away. TaskFailed: `ray_disabled`. ComputeFailed: there is no answer.
    """
    place = place_of(run)
    await run.progress(0, 0, "Fetching model and dataset")
    job = {
        "type": run.task.kind,
        "parameters": {},
        "seed": 0,
        "data": await file_of(run, str(use.data.parquet_key), str(use.data.parquet_sha256)),
        "file": await file_of(run, use.model.key, use.model.sha256),
        "model": use.details,
        "columns": columns or [],
        "level": run.task.params.get("level"),
        "output": str(output),
        **place,
    }
    with waiting_for_ray(job):
        answer = await run.compute(FUNCTION, job)
    ray.answered(answer)
    return answer


async def result_of(run: TaskRun, use: Use, answer: dict[str, Any], started: float) -> Result:
    """The result document, whose summary also names the model."""
    named = {"model_id": str(use.model.model_id), "model_version": use.model.version}
    answer["summary"] = {**answer["summary"], **named}
    hashes = await asyncio.to_thread(hashes_of, answer)
    order = Order(run.task.kind, run.task.params, 0)
    manifest = {**manifest_of(order, use.data, answer, started), "model_sha256": use.model.sha256, "hashes": hashes}
    parts = {part: answer[part] for part in PARTS}
    return Result(task_id=run.task.id, type=run.task.kind, **parts, artifacts=[], manifest=manifest)
