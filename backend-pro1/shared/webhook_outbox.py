"""The outbox of webhooks: what happened in a project is noted in the transaction in which it happens.

The gateway sends it. Names and envelope follow Standard Webhooks 1.0.
"""

from enum import StrEnum
from typing import Any
from uuid import UUID

from shared.database import Session
from shared.ids import new_id

MAXIMUM_WEBHOOKS = 20
"""Webhooks that a project may have."""

# One that is being removed is waited for and then left out, instead of failing the transaction by its foreign key.
_ANNOUNCE = """
INSERT INTO webhook_deliveries (id, webhook_id, event, payload)
SELECT ($4::uuid[])[row_number() OVER ()], listening.id, $2,
       jsonb_build_object(
           'type', $2::text,
           'timestamp', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           'data', $3::jsonb)
FROM (
    SELECT id FROM webhooks WHERE project_id = $1 AND is_active AND $2 = ANY(events)
    ORDER BY id LIMIT 20 FOR KEY SHARE
) AS listening
"""


class WebhookEvent(StrEnum):
    """What a project can be told about."""

    TASK_SUCCEEDED = "task.succeeded"
    TASK_FAILED = "task.failed"
    TASK_CANCELLED = "task.cancelled"
    DATASET_READY = "dataset.ready"


async def announce(session: Session, project_id: UUID, event: WebhookEvent, data: dict[str, Any]) -> None:
    """Let every webhook of the project that listens for `event` be told, once the transaction has committed.

    Args:
        data: ids and figures; it leaves the instance, so neither secrets nor values of rows.
    """
    # Lists page by id, so it must tell the time.
    ids = [new_id() for _ in range(MAXIMUM_WEBHOOKS)]
    await session.execute(_ANNOUNCE, project_id, event, data, ids)
