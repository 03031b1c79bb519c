"""A version that has the content of an earlier one."""

from uuid import UUID

from shared.database import Session

_UNFINISHED = "SELECT true FROM dataset_versions WHERE dataset_id = $1 AND status = 'ingesting' LIMIT 1"

# The content is shared, not copied; the file as it came stays with the version that it came for.
_COPY = """
INSERT INTO dataset_versions (dataset_id, version, status, parquet_key, parquet_bytes, parquet_sha256, row_count,
                              column_count, schema, profile, operation, created_by, ready_at, quality)
SELECT dataset_id, $3, 'ready', parquet_key, parquet_bytes, parquet_sha256, row_count,
       column_count, schema, profile, $4, $5, now(), quality
FROM dataset_versions
WHERE dataset_id = $1 AND version = $2
"""


async def has_unfinished(session: Session, dataset_id: UUID) -> bool:
    """Whether a version of the dataset, which the caller has locked, is being made."""
    return bool(await session.fetch_value(_UNFINISHED, dataset_id))


async def copy(session: Session, dataset_id: UUID, to: int, number: int, user_id: UUID) -> None:
    """Add version `number` with the content of version `to`; the caller has locked the dataset."""
    await session.execute(_COPY, dataset_id, to, number, {"op": "rollback", "to": to}, user_id)
