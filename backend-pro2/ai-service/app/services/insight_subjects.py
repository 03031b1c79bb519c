"""What insights, explanations and descriptions are about: a version with its profile, a result, or a failed task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.database import Session
from shared.errors import Conflict, NotFound
from shared.resources import Resources
from shared.tasks import Task, TaskStatus

from ..repositories import results
from ..repositories.profiled_versions import ProfiledVersion, read_profiled_version
from ..repositories.results import Result
from ..schemas.llm_policies import Level
from ..schemas.types import ANALYSIS_TYPES
from .dataset_versions import orderable_version
from .fingerprints import fingerprint
from .llm_context import TableContext, table_of
from .llm_policies import policy_of
from .result_facts import names_personal


@dataclass(frozen=True, slots=True)
class Subject:
    """A version, as much of it as the level shows; with the result or the failed task that it is about, if any."""

    level: Level
    version: ProfiledVersion | None
    table: TableContext | None
    result: Result | None = None
    task: Task | None = None

    def source(self) -> dict[str, Any]:
        """What the manifest of a result says about it."""
        version, task_id = self.version, self.task.id if self.task else None
        error = [self.task.error_code, self.task.error_detail] if self.task else []
        return {
            "dataset_id": str(version.dataset_id) if version else None,
            "version": version.version if version else None,
            "sha256": version.parquet_sha256 if version else fingerprint(error),
            "params": {} if task_id is None else {"task_id": str(task_id)},
        }


async def version_subject(
    session: Session, resources: Resources, project_id: UUID, dataset_id: UUID, number: int | None
) -> Subject:
    """A version of a dataset.

    Raises:
        NotFound: the project has no such dataset or version.
        Conflict: `dataset_not_ready`, `version_expired`, `version_blocked`.
    """
    orderable = await orderable_version(session, project_id, dataset_id, number)
    level = await policy_of(session, resources.settings, project_id)
    version = await read_profiled_version(session, project_id, dataset_id, orderable.version)
    if version is None or not orderable.is_ready or version.profile is None:
        detail = f"Dataset {orderable.name!r} is still being read; wait until its status is ready."
        raise Conflict(detail, code="dataset_not_ready")
    return Subject(level, version, table_of(version, level))


async def task_subject(session: Session, resources: Resources, project_id: UUID, user_id: UUID, task: Task) -> Subject:
    """The result of an analysis, or a task that has failed; `task` is one that the user may see.

    Raises:
        NotFound: it is of another project, or its dataset was removed.
        Conflict: `not_finished`, `no_result`; `not_an_analysis`, the result is of another kind; `personal_columns`, it
            is about columns that must not leave.
    """
    if task.project_id != project_id:
        raise NotFound
    if not task.is_finished:
        detail = f"The task is {task.status}; come back once it has ended."
        raise Conflict(detail, code="not_finished", headers={"Retry-After": "1"})
    level = await policy_of(session, resources.settings, project_id)
    if task.status != TaskStatus.SUCCEEDED:
        return await _failed(session, level, task)
    result = await results.visible(session, task.id, user_id)
    if result is None or result.type not in ANALYSIS_TYPES:
        raise Conflict("The task has left no result of an analysis.", code="not_an_analysis")
    return await _analysed(session, level, task, result)


async def _failed(session: Session, level: Level, task: Task) -> Subject:
    if task.error_code is None:
        raise Conflict(f"The task was {task.status}, so there is nothing to explain.", code="no_result")
    version = None
    if task.dataset_id is not None:
        version = await read_profiled_version(session, task.project_id, task.dataset_id, task.version)
    return Subject(level, version, None if version is None else table_of(version, level), task=task)


async def _analysed(session: Session, level: Level, task: Task, result: Result) -> Subject:
    manifest: Mapping[str, Any] = result.manifest
    dataset_id = UUID(str(manifest["dataset_id"]))
    version = await read_profiled_version(session, task.project_id, dataset_id, manifest["version"])
    if version is None:
        raise NotFound
    table = table_of(version, level)
    if names_personal(manifest["params"], table.hidden):
        detail = "The analysis is about columns of personal data, which the LLM must not know of."
        raise Conflict(detail, code="personal_columns")
    return Subject(level, version, table, result, task)
