"""Certifications: NIST's reference data sets go through the analyses, and the digits they get right are kept."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from shared.idempotency import keep_answer
from shared.membership import ProjectRole, require_project
from shared.resources import Resources
from shared.scratch import scratch
from shared.tasks import NewTask, Queue, Task, TaskRun
from shared.version import VERSION

from ..repositories import results
from ..repositories.analyses import CERTIFICATION
from ..repositories.results import Result
from .fingerprints import PARTS, hashes_of

FUNCTION = "ai-service.app.engines.certify:certify"
PRELOAD = ("ai-service.app.engines.certify",)


class Certifications:
    """What a caller, named by `user_id`, may do about certifications; their results are those of analyses."""

    def __init__(self, resources: Resources) -> None:
        self._database = resources.database
        self._ledger = resources.ledger

    async def submit(self, user_id: UUID, project_id: UUID, request_id: str | None, wait: float = 0) -> Task:
        """Accept a certification; the task as it stands after `wait` seconds.

        Raises:
            NotFound: the project is absent, or not the caller's to see. Forbidden: the caller may only view it.
            TooManyTasks: the project's quota of unfinished tasks is used up.
        """
        async with self._database.transaction() as session:
            await require_project(session, project_id, user_id, minimum=ProjectRole.EDITOR)
            task = await self._ledger.submit(session, _order(user_id, project_id, request_id))
            await keep_answer(session, task)
        return await self._ledger.ring_and_wait(task, user_id, wait)


def _order(user_id: UUID, project_id: UUID, request_id: str | None) -> NewTask:
    return NewTask(
        kind=CERTIFICATION,
        queue=Queue.ANALYSIS,
        project_id=project_id,
        created_by=user_id,
        params={"type": CERTIFICATION},
        request_id=request_id,
    )


async def run_certification(run: TaskRun) -> None:
    """Certify in a child, and keep the result.

    Raises:
        ComputeFailed: there is no answer.
    """
    started = time.monotonic()
    async with scratch(run.resources.settings.cache_dir) as output:
        answer = await run.compute(FUNCTION, {"output": str(output)})
    hashes = await asyncio.to_thread(hashes_of, answer)
    manifest = {**_manifest(answer, started), "hashes": hashes}
    parts = {part: answer[part] for part in PARTS}
    result = Result(task_id=run.task.id, type=CERTIFICATION, **parts, artifacts=[], manifest=manifest)
    told = {"type": CERTIFICATION, "summary": result.summary, "warnings": result.warnings}
    async with run.commit(told) as session:
        await results.insert(session, result)


def _manifest(answer: Mapping[str, Any], started: float) -> dict[str, Any]:
    return {
        "dataset_id": None,
        "version": None,
        # Of the reference data that this release holds.
        "sha256": answer["sha256"],
        "params": {},
        "seed": 0,
        "code_version": VERSION,
        "libraries": answer["libraries"],
        "executor": answer["executor"],
        "took_ms": round((time.monotonic() - started) * 1000),
    }
