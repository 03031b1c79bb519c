"""The task `process`: steps over pinned versions fill the next version of a dataset."""

from pathlib import Path
from typing import Any
from uuid import UUID

from shared.database import Session
from shared.scratch import scratch
from shared.tasks import Task, TaskRun

from . import contents
from .inputs import pinned_inputs
from .local_files import local_paths
from .quality_checks import quality_job
from .steps import pseudonym_salt

FUNCTION = "data-service.app.engines.pipelines.pipeline:run"


class Process:
    """Handler of the task; may run any number of times, only one run has effect."""

    async def run(self, run: TaskRun) -> None:
        """Fetch, compute, profile, store, commit.

        Raises:
            TaskFailed: what open_version raises, or a version that is read cannot be used any more.
            QuotaExceeded: the project has no room for the rows or the Parquet file.
            ComputeFailed: a step does not fit the data, or takes more than a task may.
        """
        await contents.open_version(run)
        async with scratch(run.resources.settings.cache_dir) as folder:
            await run.progress(0, 100, "Fetching the datasets")
            job = await _job(run, folder)
            answer = await run.compute(FUNCTION, job)
            answer["report"] = {"warnings": answer["warnings"], "steps": answer["steps"]}
            await contents.store_and_commit(run, folder, answer)

    async def failed(self, session: Session, task: Task) -> None:
        """Mark the version and its dataset failed, in the transaction that ends the task."""
        await contents.mark_failed(session, task)


async def _job(run: TaskRun, folder: Path) -> dict[str, Any]:
    task, resources = run.task, run.resources
    dataset_id, _ = contents.version_of(task)
    named: list[dict[str, Any]] = task.params["inputs"]
    wanted = [(UUID(each["dataset_id"]), int(each["version"])) for each in named]
    rows = await pinned_inputs(resources, task.project_id, wanted)
    found = {each["input"]: row for each, row in zip(named, rows, strict=True)}
    settings = resources.settings
    return {
        "steps": task.params["steps"],
        "inputs": await local_paths(resources.cache, found),
        "parquet": str(folder / contents.PARQUET),
        "scratch": str(folder),
        "salt": pseudonym_salt(settings, task.project_id),
        "quality": await quality_job(resources, task.project_id, dataset_id),
        "max_columns": settings.max_columns,
        "memory_mb": settings.task_memory_limit_mb,
        "threads": settings.engine_threads,
    }
