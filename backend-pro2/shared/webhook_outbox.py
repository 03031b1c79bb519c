"""The outbox of webhooks: what happened in a project is noted in the transaction in which it happens.

The gateway sends it. Names and envelope follow Standard Webhooks 1.0.
"""

from enum import StrEnum
from typing import Any
from uuid import UUID

from shared.database import Session

_ANNOUNCE = """
INSERT INTO webhook_deliveries (id, webhook_id, event, payload)
SELECT gen_random_uuid(), id, $2,
       jsonb_build_object('type', $2::text, 'timestamp', to_jsonb(clock_timestamp()), 'data', $3::jsonb)
FROM webhooks
WHERE project_id = $1 AND is_active AND $2 = ANY(events)
"""


class WebhookEvent(StrEnum):
    """What a project can be told about."""

    TASK_SUCCEEDED = "task.succeeded"
    TASK_FAILED = "task.failed"
    TASK_CANCELLED = "task.cancelled"
    DATASET_READY = "dataset.ready"


async def announce(session: Session, project_id: UUID, event: WebhookEvent, data: dict[str, Any]) -> None:
    """Let every webhook of the project that listens for `event` be told, once the transaction has committed."""
    await session.execute(_ANNOUNCE, project_id, event, data)
