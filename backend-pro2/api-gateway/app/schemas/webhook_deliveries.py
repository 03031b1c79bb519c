"""Bodies of /projects/{id}/webhooks/{id}/deliveries."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Query
from pydantic import ConfigDict, Field, JsonValue

from shared.parameters import made
from shared.schemas import ApiModel
from shared.webhook_outbox import WebhookEvent

TEST_EVENT = "webhook.test"

Status = Literal["pending", "delivered", "failed"]
Event = WebhookEvent | Literal["webhook.test"]
Wait = Annotated[float, Query(ge=0, le=60, description="Seconds to wait for the first try to end.")]

_ATTEMPT: dict[str, JsonValue] = {
    "attempt": 1,
    "at": "2026-01-31T12:00:00.523456Z",
    "status_code": 200,
    "took_ms": 48,
    "error": None,
    "response": "ok",
}


class DeliverySelection:
    """Query parameters that choose deliveries."""

    def __init__(
        self,
        status: Annotated[Status | None, Query(description="Only those that stand so.")] = None,
        event: Annotated[
            WebhookEvent | Literal["webhook.test"] | None, Query(description="Only of this event.")
        ] = None,
    ) -> None:
        self.status = status
        self.event = None if event is None else str(event)


SelectionQuery = Annotated[DeliverySelection, made(DeliverySelection)]


class WebhookAttempt(ApiModel):
    """A try that has ended."""

    attempt: int
    at: datetime
    status_code: int | None = Field(description="Null if nobody answered.")
    took_ms: int
    error: str | None = Field(description="Why it did not count as delivered.")
    response: str | None = Field(description="The beginning of the answer's body, at most 1 KiB.")

    model_config = ConfigDict(json_schema_extra={"example": _ATTEMPT})


class Delivery(ApiModel):
    """A message to a webhook and how far it got."""

    id: UUID
    webhook_id: UUID
    message_id: UUID = Field(description="The header `webhook-id`: the same at every try, and of a replay.")
    event: str
    payload: dict[str, Any] = Field(description="The body: `type`, `timestamp` and `data`.")
    status: Status
    attempt_count: int = Field(description="Tries begun; one whose gateway died counts and is not listed.")
    attempts: list[WebhookAttempt]
    next_attempt_at: datetime | None = Field(description="Null if none follows, or while the webhook is off.")
    replay_of: UUID | None = Field(description="The message's first delivery, if this is not that.")
    created_at: datetime
    finished_at: datetime | None

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "01890a5d-ac96-774b-bcce-b302099a8060",
                "webhook_id": "01890a5d-ac96-774b-bcce-b302099a8057",
                "message_id": "01890a5d-ac96-774b-bcce-b302099a8060",
                "event": "task.succeeded",
                "payload": {
                    "type": "task.succeeded",
                    "timestamp": "2026-01-31T12:00:00.123456Z",
                    "data": {"task_id": "01890a5d-ac96-774b-bcce-b302099a8061"},
                },
                "status": "delivered",
                "attempt_count": 1,
                "attempts": [_ATTEMPT],
                "next_attempt_at": None,
                "replay_of": None,
                "created_at": "2026-01-31T12:00:00.123456Z",
                "finished_at": "2026-01-31T12:00:00.623456Z",
            }
        }
    )
