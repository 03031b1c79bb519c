"""What the results of tasks hold in the object store."""

from collections.abc import Sequence
from uuid import UUID

from shared.database import Session

_KEYS = """
SELECT array_agg(artifact ->> 'key')
FROM analysis_results r
CROSS JOIN LATERAL jsonb_array_elements(r.artifacts) AS artifact
WHERE r.task_id = ANY($1::uuid[])
"""


async def artifact_keys(session: Session, task_ids: Sequence[UUID]) -> list[str]:
    """Keys of the artifacts of these tasks."""
    return list(await session.fetch_value(_KEYS, list(task_ids)) or ())
