"""What the results of tasks hold in the object store."""

from collections.abc import Sequence
from uuid import UUID

from shared.database import Session

_KEYS = "SELECT array_agg(key) FROM query_results WHERE task_id = ANY($1::uuid[])"


async def result_keys(session: Session, task_ids: Sequence[UUID]) -> list[str]:
    """Keys of the rows that queries among these tasks have kept."""
    return list(await session.fetch_value(_KEYS, list(task_ids)) or ())
