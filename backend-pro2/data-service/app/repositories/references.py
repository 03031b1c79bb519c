"""Which objects the rows of all services refer to."""

from collections.abc import Sequence

from shared.database import Session

# Artifacts of analyses, models and pictures of users are objects too; ai-service and api-gateway write them.
_REFERENCED = """
SELECT array_agg(used.key) FROM (
    SELECT unnest(raw_keys) AS key FROM dataset_versions WHERE raw_keys && $1::text[]
    UNION ALL
    SELECT parquet_key FROM dataset_versions WHERE parquet_key = ANY($1::text[])
    UNION ALL
    SELECT key FROM upload_parts WHERE key = ANY($1::text[])
    UNION ALL
    SELECT key FROM query_results WHERE key = ANY($1::text[])
    UNION ALL
    SELECT artifact ->> 'key'
    FROM analysis_results r
    CROSS JOIN LATERAL jsonb_array_elements(r.artifacts) AS artifact
    WHERE artifact ->> 'key' = ANY($1::text[])
    UNION ALL
    SELECT key FROM model_versions WHERE key = ANY($1::text[])
    UNION ALL
    SELECT params ->> 'key' FROM analysis_tasks
    WHERE kind = 'prediction_dataset' AND status IN ('queued', 'running') AND params ->> 'key' = ANY($1::text[])
    UNION ALL
    SELECT avatar_key FROM user_profiles WHERE avatar_key = ANY($1::text[])
) AS used
"""


async def referenced(session: Session, keys: Sequence[str]) -> set[str]:
    """Those of `keys` that some row refers to."""
    return set(await session.fetch_value(_REFERENCED, list(keys)) or ())
