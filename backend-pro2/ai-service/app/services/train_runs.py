"""What the worker does with a task of kind `train`: compute within the budget, then keep file, version and result."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson
from pydantic import ValidationError

from shared.compute import Progress
from shared.errors import NotFound
from shared.metrics import ray
from shared.object_store import StoredObject
from shared.quotas import QuotaExceeded, require_bytes
from shared.scratch import scratch
from shared.tasks import StaleAttempt, TaskFailed, TaskRun

from ..repositories import models, results
from ..repositories.analyses import TRAIN
from ..repositories.results import Result
from ..repositories.versions import DatasetVersion
from ..schemas.train_parameters import TrainParameters
from .analysis_runs import Order, manifest_of
from .dataset_versions import version_of
from .fingerprints import PARTS, hashes_of
from .model_keeping import Trained, keep_version
from .parameters import check_columns
from .ray_runs import file_of, place_of, waiting_for_ray
from .trainings import MARGIN_SECONDS, problem_of

FUNCTION = "ai-service.app.engines.training.run:train"
PRELOAD = ("ai-service.app.engines.training.run",)


@dataclass(frozen=True, slots=True)
class _Files:
    """What has been stored and is not referred to yet."""

    model: StoredObject
    artifacts: list[dict[str, Any]]

    @property
    def keys(self) -> list[str]:
        """Of all of them."""
        return [self.model.key, *(item["key"] for item in self.artifacts)]


async def run_training(run: TaskRun) -> None:
    """Train. Files are stored before the commit that refers to them; after it, everything is there.

    Raises:
        TryLater: the training insists on Ray, which is away.
        TaskFailed: the dataset cannot be used any more, `ray_disabled`, or `model_mismatch`.
        Invalid: a column is absent or of a wrong type, which was not known yet when the order was accepted.
        QuotaExceeded: the model's file does not fit into what the project may store.
    """
    version = await version_of(run.task, run.resources)
    asked = run.task.params
    parameters = TrainParameters.model_validate(asked["params"])
    check_columns(parameters, version.types)
    order = Order(TRAIN, await _settled(run, parameters), asked["seed"])
    started = time.monotonic()
    async with scratch(run.resources.settings.cache_dir) as output:
        answer = await _compute(run, await _job(run, order, version, output), parameters.budget_seconds)
        files = await _store(run, output, answer)
    took = time.monotonic() - started
    manifest = {**manifest_of(order, version, answer, started), "hashes": await asyncio.to_thread(hashes_of, answer)}
    manifest["cluster"] = answer.get("cluster")
    trained = Trained(version, answer["model"], answer["summary"], files.model, round(took, 3))
    try:
        await _commit(run, trained, answer, files.artifacts, manifest)
    except (StaleAttempt, TaskFailed, QuotaExceeded, NotFound):
        # Only after these is it certain that nothing refers to them; after others the commit may have happened.
        await run.resources.object_store.remove(*files.keys)
        raise


async def _settled(run: TaskRun, parameters: TrainParameters) -> dict[str, Any]:
    """The parameters, with the problem of the versions before if none was asked for."""
    async with run.resources.database.transaction(read_only=True) as session:
        found = await models.named(session, run.task.project_id, run.task.params["name"])
    settled = {**run.task.params["params"], "problem": problem_of(found, parameters)}
    try:
        TrainParameters.model_validate(settled)
    except ValidationError as error:
        detail = f"The model is a {settled['problem']}, which these parameters do not fit: {error.errors()[0]['msg']}."
        raise TaskFailed("invalid_parameters", detail) from None
    return settled


async def _job(run: TaskRun, order: Order, version: DatasetVersion, output: Path) -> dict[str, Any]:
    place = place_of(run)
    await run.progress(0, 0, "Fetching the dataset")
    return {
        "type": TRAIN,
        "parameters": order.params,
        "seed": order.seed,
        "budget_seconds": order.params["budget_seconds"],
        "memory_limit_mb": run.resources.settings.task_memory_limit_mb,
        "data": await file_of(run, str(version.parquet_key), str(version.parquet_sha256)),
        "output": str(output),
        **place,
    }


async def _compute(run: TaskRun, job: dict[str, Any], budget_seconds: float) -> dict[str, Any]:
    """The engine's answer."""
    settings = run.resources.settings
    with waiting_for_ray(job):
        answer = await run.resources.compute.run(
            FUNCTION,
            job,
            # The engine keeps to its budget by itself; this ends one that hangs.
            timeout_seconds=min(settings.task_timeout_seconds, budget_seconds + MARGIN_SECONDS),
            memory_mb=settings.task_memory_limit_mb,
            on_progress=Board(run).tell,
        )
    ray.answered(answer)
    return answer


class Board:
    """Passes on what the engine reports: each state of its leaderboard is a line of the log, so that none is lost."""

    def __init__(self, run: TaskRun) -> None:
        self._run = run
        self._last = ""

    async def tell(self, progress: Progress) -> None:
        """Log a new leaderboard as the JSON that it is, and say in the progress who leads."""
        message = progress.message
        if message.startswith("{"):
            if message != self._last:
                self._last = message
                await self._run.log(message)
            message = _leading(orjson.loads(message))
        await self._run.progress(progress.done, progress.total, message)


def _leading(board: Mapping[str, Any]) -> str:
    said = f"{board['tried']} candidates compared"
    if not board["leaderboard"]:
        return said
    name, score = board["leaderboard"][0]
    return f"{said}; {name} leads with {board['metric']} {score}"


async def _store(run: TaskRun, output: Path, answer: Mapping[str, Any]) -> _Files:
    store, name = run.resources.object_store, answer["model"]["file"]
    model = await store.put_file(_key(run.task.project_id), output / name)
    artifacts = []
    for made in answer["artifacts"]:
        if made["name"] != name:
            stored = await store.put_file(_key(run.task.project_id), output / made["name"])
            artifacts.append({**made, "bytes": stored.bytes, "key": stored.key, "sha256": stored.sha256})
    return _Files(model, artifacts)


def _key(project_id: UUID) -> str:
    return f"{project_id}/models/{uuid4()}"


async def _commit(
    run: TaskRun,
    trained: Trained,
    answer: Mapping[str, Any],
    artifacts: list[dict[str, Any]],
    manifest: dict[str, Any],
) -> None:
    """Version, perhaps alias, result and success of the task, all or none."""
    told: dict[str, Any] = {"type": TRAIN}
    async with run.commit(told) as session:
        await require_bytes(session, run.resources.settings, run.task.project_id, trained.file.bytes)
        kept = await keep_version(session, run.resources.settings, run.task, trained)
        parts = {part: answer[part] for part in PARTS} | {"summary": {**answer["summary"], **kept}}
        result = Result(task_id=run.task.id, type=TRAIN, **parts, artifacts=artifacts, manifest=manifest)
        await results.insert(session, result)
        told.update(summary=result.summary, warnings=result.warnings)
