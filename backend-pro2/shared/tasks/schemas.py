"""The task as clients see it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue

from shared.links import public_path
from shared.schemas import ApiModel

from .records import Task, TaskStatus

_ID = "01890a5d-ac96-774b-bcce-b302099a8057"
_TASK: dict[str, JsonValue] = {
    "id": _ID,
    "kind": "analysis",
    "status": "running",
    "progress": {"done": 40, "total": 100, "message": "Fitting"},
    "project_id": "01890a5d-9f00-7c1e-9d8a-2f1e6b7c8d90",
    "dataset_id": "01890a5d-b3a1-7c52-8a6f-3f0f6f1f2d11",
    "version": 1,
    "params": {"type": "regression", "params": {"target": "price", "features": ["area"]}, "seed": 0},
    "attempts": 1,
    "priority": 5,
    "created_by": "01890a5d-8c11-7a0b-8e2f-6d5c4b3a2910",
    "created_at": "2026-01-31T12:00:00.123456Z",
    "started_at": "2026-01-31T12:00:00.150000Z",
    "finished_at": None,
    "error": None,
    "queue": "analysis",
    "waiting_for": 0,
    "not_before": None,
    "deadline": None,
    "schedule_id": None,
    "max_attempts": 3,
    "links": {
        "self": f"/api/v1/tasks/{_ID}",
        "events": f"/api/v1/tasks/{_ID}/events",
        "result": f"/api/v1/tasks/{_ID}/result",
        "cancel": f"/api/v1/tasks/{_ID}/cancel",
        "attempts": f"/api/v1/tasks/{_ID}/attempts",
        "logs": f"/api/v1/tasks/{_ID}/logs",
    },
}


class TaskProgress(ApiModel):
    """How far a task is; `total` 0 means unknown."""

    done: int
    total: int
    message: str


class TaskProblem(ApiModel):
    """Why a task failed."""

    code: str
    detail: str


class TaskLinks(ApiModel):
    """Where to go from a task; paths on the origin that was asked."""

    self: str
    events: str
    result: str
    cancel: str
    attempts: str
    logs: str


class TaskModel(ApiModel):
    """Long-running work: poll it, wait for it with `?wait=`, or follow `links.events`."""

    id: UUID
    kind: str = Field(examples=["ingest", "analysis"])
    status: TaskStatus
    progress: TaskProgress
    project_id: UUID
    dataset_id: UUID | None
    version: int | None
    params: dict[str, Any]
    attempts: int
    priority: int = Field(description="0 last to 9 first.")
    created_by: UUID | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: TaskProblem | None
    queue: str = Field(description="The class of work it belongs to.", examples=["ingest", "analysis"])
    waiting_for: int = Field(description="Tasks that have to succeed before it may run.")
    not_before: datetime | None = Field(description="It is not run earlier: what it needs was away.")
    deadline: datetime | None = Field(description="It fails with `deadline_exceeded` if it has not ended by then.")
    schedule_id: UUID | None = Field(description="The schedule that submitted it.")
    max_attempts: int = Field(description="Deaths of its process after which it fails with `poison`.")
    links: TaskLinks

    model_config = ConfigDict(json_schema_extra={"example": _TASK})


def task_body(task: Task, prefix: str) -> TaskModel:
    """The task as JSON has it; `prefix` is the request's PublicPrefix."""
    return TaskModel(
        id=task.id,
        kind=task.kind,
        status=TaskStatus(task.status),
        progress=TaskProgress(done=task.progress_done, total=task.progress_total, message=task.progress_message),
        project_id=task.project_id,
        dataset_id=task.dataset_id,
        version=task.version,
        params=task.params,
        attempts=task.attempts,
        priority=task.priority,
        created_by=task.created_by,
        created_at=task.created_at,
        started_at=task.started_at,
        finished_at=task.finished_at,
        error=_problem(task),
        queue=task.queue,
        waiting_for=task.waiting_for,
        not_before=task.not_before,
        deadline=task.deadline,
        schedule_id=task.schedule_id,
        max_attempts=task.max_attempts,
        links=_links(task, prefix),
    )


def _problem(task: Task) -> TaskProblem | None:
    if task.error_code is None:
        return None
    return TaskProblem(code=task.error_code, detail=task.error_detail or "")


def _links(task: Task, prefix: str) -> TaskLinks:
    path = public_path(prefix, f"/tasks/{task.id}")
    return TaskLinks(
        self=path,
        events=f"{path}/events",
        result=f"{path}/result",
        cancel=f"{path}/cancel",
        attempts=f"{path}/attempts",
        logs=f"{path}/logs",
    )
