"""Use cases of analyses: submit, follow, read, retry, remove."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from shared.database import Session
from shared.errors import Conflict, NotFound, ServiceUnavailable
from shared.idempotency import keep_answer
from shared.membership import ProjectRole, require_project
from shared.removed_objects import remove_objects
from shared.resources import Resources
from shared.tasks import NewTask, Queue, Task

from ..repositories import analyses, results
from ..repositories.analyses import KIND, KINDS
from ..repositories.results import Result
from ..repositories.versions import DatasetVersion
from ..schemas.analyses import AnalysisFilter, AnalysisRequest
from .dataset_versions import orderable_version
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
            As `accept`.
        """
        async with self._database.transaction() as session:
            task = await self.accept(session, user_id, request, request_id)
            await keep_answer(session, task)
        return await self._ledger.ring_and_wait(task, user_id, wait)

    async def accept(
        self,
        session: Session,
        user_id: UUID,
        request: AnalysisRequest,
        request_id: str | None,
        schedule_id: UUID | None = None,
    ) -> Task:
        """The same in the caller's transaction; ring the task after the commit.

        An analysis of a version that is still being made waits for it; its columns are checked when it runs.

        Raises:
            Invalid: the type, a parameter or a column does not fit.
            NotFound: also one of the tasks to wait for.
            Conflict: `dataset_not_ready`, `version_expired`, `version_blocked`; `dependency_failed`, one of the
                tasks to wait for has ended without success.
            TooManyTasks: the project's quota of unfinished tasks is used up.
        """
        entry = find_type(request.type)
        parameters = read_parameters(entry, request.params)
        project_id = request.project_id
        await require_project(session, project_id, user_id, minimum=ProjectRole.EDITOR)
        version = await orderable_version(session, project_id, request.dataset_id, request.version)
        if version.is_ready:
            check_columns(parameters, version.types)
        new = NewTask(
            kind=KIND,
            queue=Queue.ANALYSIS,
            project_id=project_id,
            created_by=user_id,
            params={"type": entry.name, "params": parameters.model_dump(mode="json"), "seed": request.seed},
            dataset_id=version.dataset_id,
            version=version.version,
            priority=request.priority,
            after=_awaited(request, version),
            deadline=request.deadline,
            schedule_id=schedule_id,
            request_id=request_id,
        )
        return await self._ledger.submit(session, new)

    async def page(self, user_id: UUID, wanted: AnalysisFilter, *, before: UUID | None, limit: int) -> list[Task]:
        """Analyses, newest first, older than `before`."""
        async with self._database.transaction(read_only=True) as session:
            return await analyses.page(session, user_id, wanted, before=before, limit=limit)

    async def read(self, user_id: UUID, task_id: UUID) -> Task:
        """The task of the analysis, or of the replay of one."""
        task = await self._ledger.read(task_id, user_id)
        if task.kind not in KINDS:
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

    async def retry(self, user_id: UUID, task_id: UUID, wait: float = 0) -> Task:
        """Do a failed or cancelled analysis again: the same task, which keeps its history; see `submit` for `wait`.

        Raises:
            Conflict: `not_retryable`, it has neither failed nor been cancelled.
        """
        await self.read(user_id, task_id)
        task = await self._ledger.retry(task_id, user_id)
        return await self._ledger.wait(task.id, user_id, wait) if wait > 0 else task

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
            # What remains while the store is away, or a backup is made, is an orphan, and the sweep finds it.
            with suppress(ServiceUnavailable):
                await remove_objects(self._database, self._store, *(item["key"] for item in found.artifacts))


def _awaited(request: AnalysisRequest, version: DatasetVersion) -> tuple[UUID, ...]:
    """The tasks that the analysis has to wait for, each once."""
    making = (version.task_id,) if version.is_coming and version.task_id else ()
    return tuple(dict.fromkeys((*request.after, *making)))
