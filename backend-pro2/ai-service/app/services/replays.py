"""Replays: a finished analysis is computed again from its manifest, and the two results are compared."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from uuid import UUID

from shared.database import Session
from shared.errors import Conflict, NotFound
from shared.idempotency import keep_answer
from shared.membership import ProjectRole, require_project
from shared.resources import Resources
from shared.scratch import scratch
from shared.tasks import NewTask, Queue, Task, TaskFailed, TaskRun

from ..repositories import results
from ..repositories.analyses import KIND, REPLAY
from ..repositories.results import Result
from ..schemas.replays import ReplaySummary
from .analyses import Analyses
from .analysis_runs import Order, compute, manifest_of
from .comparisons import compare
from .dataset_versions import orderable_version, version_of


class Replays:
    """What a caller, named by `user_id`, may do about the repetition of analyses."""

    def __init__(self, resources: Resources) -> None:
        self._database = resources.database
        self._ledger = resources.ledger
        self.analyses = Analyses(resources)

    async def submit(self, user_id: UUID, task_id: UUID, request_id: str | None, wait: float = 0) -> Task:
        """Compute a finished analysis again, from its manifest; the new task as it stands after `wait` seconds.

        Raises:
            NotFound: absent, or not the caller's to see. Forbidden: the caller may only view the project.
            Conflict: `not_finished`, `no_result`, `not_replayable`; `dataset_removed`, `version_expired` or
                `version_blocked`, what it was computed from cannot be used any more.
            TooManyTasks: the project's quota of unfinished tasks is used up.
        """
        analysis = await self.analyses.read(user_id, task_id)
        async with self._database.transaction(read_only=True) as session:
            # Whether it may be asked comes before what could be answered; what decides is below.
            await require_project(session, analysis.project_id, user_id, minimum=ProjectRole.EDITOR, hold=False)
        if analysis.kind != KIND:
            raise Conflict(f"This is a {analysis.kind}; only analyses can be replayed.", code="not_replayable")
        original = await self.analyses.result(user_id, task_id)
        async with self._database.transaction() as session:
            await require_project(session, analysis.project_id, user_id, minimum=ProjectRole.EDITOR)
            await self._require_version(session, analysis.project_id, original)
            task = await self._ledger.submit(session, _order(analysis, original, user_id, request_id))
            await keep_answer(session, task)
        return await self._ledger.ring_and_wait(task, user_id, wait)

    @staticmethod
    async def _require_version(session: Session, project_id: UUID, original: Result) -> None:
        dataset_id, number = _subject(original)
        try:
            await orderable_version(session, project_id, dataset_id, number)
        except NotFound as error:
            detail = "The dataset of this analysis was removed, so there is nothing to repeat it with."
            raise Conflict(detail, code="dataset_removed") from error


async def run_replay(run: TaskRun) -> None:
    """Compute once more, and keep what differs.

    Raises:
        TaskFailed: `analysis_removed`, `data_changed`; the version cannot be used any more.
        Invalid: this release knows no such type, or other parameters of it.
    """
    original = await _original(run)
    version = await version_of(run.task, run.resources)
    if version.parquet_sha256 != original.manifest["sha256"]:
        raise TaskFailed(
            "data_changed", "The version's content is not the one that was analysed; results of it cannot be compared."
        )
    order = Order(original.type, original.manifest["params"], original.manifest["seed"])
    started = time.monotonic()
    async with scratch(run.resources.settings.cache_dir) as output:
        answer = await compute(run, order, version, output)
        summary = await asyncio.to_thread(compare, original, answer, output)
    result = _result(run.task.id, summary, manifest_of(order, version, answer, started))
    async with run.commit({"type": REPLAY, "summary": result.summary, "warnings": result.warnings}) as session:
        await results.insert(session, result)


async def _original(run: TaskRun) -> Result:
    async with run.resources.database.transaction(read_only=True) as session:
        found = await results.of_project(session, UUID(run.task.params["replay_of"]), run.task.project_id)
    if found is None:
        raise TaskFailed("analysis_removed", "The analysis was removed before the turn of its replay came.")
    return found


def _order(analysis: Task, original: Result, user_id: UUID, request_id: str | None) -> NewTask:
    dataset_id, number = _subject(original)
    return NewTask(
        kind=REPLAY,
        queue=Queue.ANALYSIS,
        project_id=analysis.project_id,
        created_by=user_id,
        params={"replay_of": str(analysis.id), "type": original.type},
        dataset_id=dataset_id,
        version=number,
        priority=analysis.priority,
        request_id=request_id,
    )


def _subject(original: Result) -> tuple[UUID, int]:
    return UUID(original.manifest["dataset_id"]), int(original.manifest["version"])


def _result(task_id: UUID, summary: ReplaySummary, manifest: dict[str, Any]) -> Result:
    found = summary.model_dump(mode="json")
    warnings = []
    if not summary.match and summary.environment:
        names = ", ".join(change.name for change in summary.environment)
        text = f"The result differs, and so do versions of what computed it: {names}. They may be the reason."
        warnings.append({"code": "environment_changed", "message": text})
    return Result(task_id, REPLAY, found, [], [], warnings, [], manifest)
