"""Bodies that describe what carries the tasks: queues, workers, and how long things take."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query
from pydantic import ConfigDict, Field, JsonValue

from shared.schemas import ApiModel

Hours = Annotated[int, Query(ge=1, le=720, description="How far to look back, by the time a task was made.")]
_TASK_ID = "01890a5d-ac96-774b-bcce-b302099a8057"
_WORKER_ID = "01890a5d-e0b1-7d3f-8a44-5c0d2f6b7e11"


class QueueModel(ApiModel):
    """How much waits and runs in a queue."""

    queue: str
    queued: int = Field(description="Could run now.")
    waiting: int = Field(description="Wait for other tasks.")
    delayed: int = Field(description="Wait for a time.")
    running: int
    oldest_age_seconds: float | None = Field(
        description="How long the oldest that could run has waited; null where there is none."
    )


_QUEUE: JsonValue = {
    "queue": "analysis",
    "queued": 2,
    "waiting": 1,
    "delayed": 0,
    "running": 1,
    "oldest_age_seconds": 3.2,
}


class Queues(ApiModel):
    """All queues that hold unfinished tasks of the caller's projects."""

    items: list[QueueModel]
    instance: list[QueueModel] | None = Field(
        description="The queues with everybody's tasks, for administrators; null for others."
    )

    model_config = ConfigDict(json_schema_extra={"example": {"items": [_QUEUE], "instance": None}})


class RunningModel(ApiModel):
    """A task that a worker runs."""

    id: UUID
    kind: str
    queue: str
    project_id: UUID
    since: datetime | None


class WorkerModel(ApiModel):
    """A worker process, and what it does."""

    id: UUID
    service: str
    queues: dict[str, int] = Field(description="How many tasks of each queue it runs at once.")
    version: str
    is_draining: bool = Field(description="It takes no more tasks and ends with those it has.")
    started_at: datetime
    seen_at: datetime
    state: Literal["alive", "silent"] = Field(description="`silent`: nothing was heard of it for half a minute.")
    running: list[RunningModel] = Field(description="Tasks of the caller's projects.")
    others: int = Field(description="How many tasks of other people's projects it runs.")


class Workers(ApiModel):
    """The instance's workers that were heard of within the last hour, the oldest first."""

    items: list[WorkerModel]

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "items": [
                    {
                        "id": _WORKER_ID,
                        "service": "ai-service",
                        "queues": {"analysis": 2, "train": 1, "llm": 2},
                        "version": "0.1.0",
                        "is_draining": False,
                        "started_at": "2026-01-31T08:00:00Z",
                        "seen_at": "2026-01-31T12:00:03Z",
                        "state": "alive",
                        "running": [
                            {
                                "id": _TASK_ID,
                                "kind": "analysis",
                                "queue": "analysis",
                                "project_id": "01890a5d-9f00-7c1e-9d8a-2f1e6b7c8d90",
                                "since": "2026-01-31T12:00:00.150000Z",
                            }
                        ],
                        "others": 1,
                    }
                ]
            }
        }
    )


class Spread(ApiModel):
    """Seconds that half of the tasks, and 19 of 20, took at most."""

    p50: float
    p95: float


class KindStatsModel(ApiModel):
    """Tasks of one kind."""

    kind: str
    queued: int
    running: int
    succeeded: int
    failed: int
    cancelled: int
    wait_seconds: Spread | None = Field(description="From submission to the first start; null if none has started.")
    run_seconds: Spread | None = Field(description="From the first start to the end; null if none has ended.")


class TaskStats(ApiModel):
    """Tasks of the caller's projects by kind; of more than 50,000 only the newest count."""

    hours: int
    items: list[KindStatsModel]

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "hours": 24,
                "items": [
                    {
                        "kind": "analysis",
                        "queued": 1,
                        "running": 1,
                        "succeeded": 40,
                        "failed": 2,
                        "cancelled": 0,
                        "wait_seconds": {"p50": 0.04, "p95": 0.9},
                        "run_seconds": {"p50": 1.8, "p95": 12.5},
                    }
                ],
            }
        }
    )
