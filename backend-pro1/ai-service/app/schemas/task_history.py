"""Bodies that tell what happened to a task."""

from datetime import datetime
from uuid import UUID

from pydantic import ConfigDict, Field

from shared.schemas import ApiModel

_WORKER_ID = "01890a5d-e0b1-7d3f-8a44-5c0d2f6b7e11"


class LogLineModel(ApiModel):
    """A line that a task wrote for its owner."""

    at: datetime
    message: str
    attempt: int | None = Field(description="The number of the attempt that wrote it, as in `attempts`; null: unknown.")

    model_config = ConfigDict(
        json_schema_extra={"example": {"at": "2026-01-31T12:00:01Z", "message": "Read 442 rows.", "attempt": 1}}
    )


class AttemptError(ApiModel):
    """Why an attempt did not succeed."""

    code: str
    detail: str


class AttemptModel(ApiModel):
    """One attempt at a task."""

    number: int
    worker_id: UUID | None = Field(description="As in `/tasks/workers`; null once the worker is gone.")
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None = Field(
        description="succeeded, failed, cancelled, died, interrupted or handed_back; null while it runs."
    )
    counted: bool = Field(description="Whether it counts towards the attempts after which a task fails.")
    error: AttemptError | None


class Attempts(ApiModel):
    """A task's attempts, the oldest first; of more than 200 the latest."""

    items: list[AttemptModel]

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "items": [
                    {
                        "number": 1,
                        "worker_id": _WORKER_ID,
                        "started_at": "2026-01-31T12:00:00.150000Z",
                        "ended_at": "2026-01-31T12:00:09.400000Z",
                        "outcome": "died",
                        "counted": True,
                        "error": {"code": "crashed", "detail": "The computing process ended without an answer."},
                    }
                ]
            }
        }
    )
