"""Use cases of analyses: submit, follow, read, retry, remove."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

from shared.errors import Conflict, NotFound
from shared.idempotency import keep_answer
from shared.membership import ProjectRole, require_project
from shared.resources import Resources
from shared.tasks import NewTask, Queue, Task, TaskStatus

from ..repositories import analyses, results
from ..repositories.analyses import KIND
from ..repositories.results import Result
from ..repositories.versions import DatasetVersion, read_version
from ..schemas.analyses import AnalysisFilter, AnalysisRequest
from .parameters import check_columns, find_type, read_parameters


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file of a result, ready to be streamed."""

    name: str
    media_type: str
    size: int
    sha256: str
    chunks: AsyncIterator[bytes]


class Analyses:
    """What a caller, named by `user_id`, may do with analyses of the projects that the caller belongs to.

    Raises (all methods):
        NotFound: absent, or not the caller's to see. Forbidden: a viewer tries to change something.
    """

    def __init__(self, resources: Resources) -> None:
        self._database = resources.database
        self._ledger = resources.ledger
        self._store = resources.object_store

    async def submit(self, user_id: UUID, request: AnalysisRequest, request_id: str | None, wait: float = 0) -> Task:
        """Accept an analysis; once this returns, it will be done. The task comes as it stands after `wait` seconds.

        Raises:
            Invalid: the type, a parameter or a column does not fit.
            Conflict: `dataset_not_ready`, `version_expired`, `version_blocked`.
        """
        entry = find_type(request.type)
        parameters = read_parameters(entry, request.params)
        async with self._database.transaction() as session:
            await require_project(session, request.project_id, user_id, minimum=ProjectRole.EDITOR)
            version = _usable(await read_version(session, request.project_id, request.dataset_id, request.version))
            check_columns(parameters, version.types)
            new = NewTask(
                kind=KIND,
                queue=Queue.ANALYSIS,
                project_id=request.project_id,
                created_by=user_id,
                params={"type": entry.name, "params": parameters.model_dump(mode="json"), "seed": request.seed},
                dataset_id=version.dataset_id,
                version=version.version,
                priority=request.priority,
                request_id=request_id,
            )
            task = await self._ledger.submit(session, new)
            await keep_answer(session, task)
        await self._ledger.ring(task)
        return await self._ledger.wait(task.id, user_id, wait) if wait > 0 else task

    async def page(self, user_id: UUID, wanted: AnalysisFilter, *, before: UUID | None, limit: int) -> list[Task]:
        """Analyses, newest first, older than `before`."""
        async with self._database.transaction(read_only=True) as session:
            return await analyses.page(session, user_id, wanted, before=before, limit=limit)

    async def read(self, user_id: UUID, task_id: UUID) -> Task:
        """The task of the analysis."""
        task = await self._ledger.read(task_id, user_id)
        if task.kind != KIND:
            raise NotFound
        return task

    async def result(self, user_id: UUID, task_id: UUID) -> Result:
        """What the analysis produced.

        Raises:
            Conflict: `not_finished`, or `no_result` if it failed or was cancelled.
        """
        task = await self.read(user_id, task_id)
        if not task.is_finished:
            raise Conflict(
                f"This analysis is {task.status}; its result is there once it has succeeded.",
                code="not_finished",
                headers={"Retry-After": "1"},
            )
        async with self._database.transaction(read_only=True) as session:
            found = await results.visible(session, task_id, user_id)
        if found is None:
            reason = f": {task.error_detail}" if task.error_detail else "."
            raise Conflict(f"This analysis has {task.status} and left no result{reason}", code="no_result")
        return found

    async def artifact(self, user_id: UUID, task_id: UUID, name: str) -> Artifact:
        """A file of the result."""
        result = await self.result(user_id, task_id)
        found = next((item for item in result.artifacts if item["name"] == name), None)
        if found is None:
            raise NotFound
        chunks = self._store.get_stream(found["key"])
        return Artifact(found["name"], found["media_type"], found["bytes"], found["sha256"], chunks)

    async def cancel(self, user_id: UUID, task_id: UUID) -> Task:
        """Call the analysis off.

        Raises:
            Conflict: `already_finished`.
        """
        await self.read(user_id, task_id)
        return await self._ledger.cancel(task_id, user_id)

    async def retry(self, user_id: UUID, task_id: UUID, request_id: str | None, wait: float = 0) -> Task:
        """The same order once more, as a new task; see `submit`.

        Raises:
            Conflict: `not_retryable`, it has not failed.
        """
        task = await self.read(user_id, task_id)
        async with self._database.transaction(read_only=True) as session:
            # Whether it may be asked comes before what could be answered; what decides is the submission.
            await require_project(session, task.project_id, user_id, minimum=ProjectRole.EDITOR, hold=False)
        if task.status not in (TaskStatus.FAILED, TaskStatus.CANCELLED) or task.dataset_id is None:
            detail = f"This analysis is {task.status}; only failed and cancelled ones can be retried."
            raise Conflict(detail, code="not_retryable")
        again = AnalysisRequest(
            project_id=task.project_id,
            dataset_id=task.dataset_id,
            version=task.version,
            type=task.params["type"],
            params=task.params["params"],
            seed=task.params["seed"],
            priority=task.priority,
        )
        return await self.submit(user_id, again, request_id, wait)

    async def remove(self, user_id: UUID, task_id: UUID) -> None:
        """Remove a finished analysis with its result and files.

        Raises:
            Conflict: `not_finished`; cancel it first.
        """
        task = await self.read(user_id, task_id)
        async with self._database.transaction() as session:
            await require_project(session, task.project_id, user_id, minimum=ProjectRole.EDITOR)
            found = await results.visible(session, task_id, user_id)
            if not await self._ledger.remove(session, task_id):
                raise Conflict("This analysis has not finished; cancel it first.", code="not_finished")
        if found is not None:
            await self._store.remove(*(item["key"] for item in found.artifacts))


def _usable(version: DatasetVersion | None) -> DatasetVersion:
    if version is None:
        raise NotFound
    if version.is_ready:
        return version
    if version.version is None and version.current_version is not None:
        raise NotFound(f"Dataset {version.name!r} has no such version; its current one is {version.current_version}.")
    if version.status == "expired":
        detail = f"That version of dataset {version.name!r} was removed by its retention; take a newer version."
        raise Conflict(detail, code="version_expired")
    if version.blocked:
        detail = f"The quality gate blocks that version of dataset {version.name!r}; correct the data or the rules."
        raise Conflict(detail, code="version_blocked")
    if "failed" in (version.status, version.dataset_status):
        detail = f"Dataset {version.name!r} could not be read, so it has nothing to analyse; upload it again."
    else:
        detail = f"Dataset {version.name!r} is still being read; wait until its status is ready."
    raise Conflict(detail, code="dataset_not_ready")
