"""What a task is: rows of analysis_tasks and task_events, and the values they take."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

# The kind that outlives its project's members: whoever asked for it may follow it, and nobody calls it off.
PROJECT_REMOVAL = "project_removal"


class TaskStatus(StrEnum):
    """Where a task stands. The last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing can happen to the task any more."""
        return self in (TaskStatus.SUCCEEDED, TaskStatus.FAILED, TaskStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class Task:
    """One row of analysis_tasks. `claims` is also the fencing number of the run that holds the lease."""

    id: UUID
    kind: str
    queue: str
    status: str
    priority: int
    project_id: UUID
    dataset_id: UUID | None
    version: int | None
    params: dict[str, Any]
    attempts: int
    max_attempts: int
    claims: int
    waiting_for: int
    not_before: datetime | None
    deadline: datetime | None
    worker: str | None
    lease_until: datetime | None
    cancel_requested: bool
    progress_done: int
    progress_total: int
    progress_message: str
    error_code: str | None
    error_detail: str | None
    request_id: str | None
    schedule_id: UUID | None
    created_by: UUID | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    # The span of the request that made it; what only shows tasks does without.
    traceparent: str | None = field(default=None, kw_only=True)

    @property
    def is_finished(self) -> bool:
        """Whether the task has ended, in whatever way."""
        return TaskStatus(self.status).is_final


@dataclass(frozen=True, slots=True)
class NewTask:
    """What a caller asks for. `priority` runs from 0 (last) to 9 (first); `id` is made when absent.

    It runs once the tasks in `after` have succeeded, and fails if it has not ended by `deadline`.
    """

    kind: str
    queue: str
    project_id: UUID
    created_by: UUID | None
    params: dict[str, Any] = field(default_factory=dict)
    dataset_id: UUID | None = None
    version: int | None = None
    priority: int = 5
    after: tuple[UUID, ...] = ()
    deadline: datetime | None = None
    schedule_id: UUID | None = None
    request_id: str | None = None
    id: UUID | None = None


@dataclass(frozen=True, slots=True)
class TaskEvent:
    """One row of task_events; `event` is state, progress, log or result."""

    task_id: UUID
    sequence: int
    at: datetime
    event: str
    data: dict[str, Any]


class Outcome(StrEnum):
    """How a run ended. `died`: its process did, or its lease ran out; `interrupted`: what it needs was away."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DIED = "died"
    INTERRUPTED = "interrupted"
    HANDED_BACK = "handed_back"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One row of task_attempts: a run of a task. `counted` says whether it counts towards max_attempts."""

    claim: int
    worker: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None
    counted: bool
    error_code: str | None
    error_detail: str | None


@dataclass(frozen=True, slots=True)
class TaskError:
    """Why a task failed: a stable code and a sentence that helps its owner."""

    code: str
    detail: str


class StaleAttempt(Exception):
    """This run no longer holds its task: another attempt took over, or the task has ended."""


class TaskFailed(Exception):
    """Raised by a handler to end its task as failed, with a stable code and a helpful sentence."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.error = TaskError(code, detail)
