"""Which objects the rows of a database refer to, and what they say of each; the order is that of the keys' bytes.

Left out is what is on its way out, objects before rows: that of removed projects, of uploads that were called off, and
results of queries that have expired. What may not have arrived yet, the parts of presigned uploads, is not required.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg

PAGE = 1000

REFERENCES = """
WITH alive AS (SELECT id FROM projects WHERE deleted_at IS NULL),
versions AS (
    SELECT v.* FROM dataset_versions v JOIN datasets d ON d.id = v.dataset_id JOIN alive a ON a.id = d.project_id
),
named AS (
    SELECT raw.key, CASE WHEN cardinality(raw_keys) = 1 THEN raw_bytes END AS bytes,
           CASE WHEN cardinality(raw_keys) = 1 THEN raw_sha256 END AS sha256, true AS is_required
    FROM versions CROSS JOIN LATERAL unnest(raw_keys) AS raw (key)
    UNION ALL
    SELECT parquet_key, parquet_bytes, parquet_sha256, true FROM versions WHERE parquet_key IS NOT NULL
    UNION ALL
    SELECT p.key, p.bytes, p.sha256, u.kind <> 'presigned'
    FROM upload_parts p JOIN uploads u ON u.id = p.upload_id JOIN alive a ON a.id = u.project_id
    WHERE u.status = 'open'
    UNION ALL
    SELECT p.key, p.bytes, p.sha256, false
    FROM upload_parts p JOIN uploads u ON u.id = p.upload_id JOIN alive a ON a.id = u.project_id
    WHERE u.status = 'completed' AND EXISTS (SELECT 1 FROM versions v WHERE v.raw_keys @> ARRAY[p.key])
    UNION ALL
    SELECT r.key, r.bytes, r.sha256, true
    FROM query_results r JOIN alive a ON a.id = r.project_id WHERE r.expires_at > now()
    UNION ALL
    SELECT made ->> 'key', (made ->> 'bytes')::bigint, made ->> 'sha256', true
    FROM analysis_results r
    JOIN analysis_tasks t ON t.id = r.task_id JOIN alive a ON a.id = t.project_id
    CROSS JOIN LATERAL jsonb_array_elements(r.artifacts) AS made
    UNION ALL
    SELECT v.key, v.bytes, v.sha256, true
    FROM model_versions v JOIN models m ON m.id = v.model_id JOIN alive a ON a.id = m.project_id
    UNION ALL
    SELECT t.params ->> 'key', (t.params ->> 'bytes')::bigint, t.params ->> 'sha256', true
    FROM analysis_tasks t JOIN alive a ON a.id = t.project_id
    WHERE t.kind = 'prediction_dataset' AND t.status IN ('queued', 'running')
    UNION ALL
    SELECT avatar_key, NULL, NULL, true FROM user_profiles WHERE avatar_key IS NOT NULL
)
SELECT key, max(bytes) AS bytes, max(sha256) AS sha256, bool_or(is_required) AS is_required
FROM named GROUP BY key ORDER BY key COLLATE "C"
"""

_TABLES = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY relname
"""


@dataclass(frozen=True)
class Reference:
    """An object that rows name; bytes and SHA-256 where they know it."""

    key: str
    bytes: int | None
    sha256: str | None
    is_required: bool


async def references(connection: "asyncpg.Connection[asyncpg.Record]") -> AsyncIterator[Reference]:
    """All of them, some at a time; inside a transaction."""
    async for row in connection.cursor(REFERENCES, prefetch=PAGE):
        yield Reference(row["key"], row["bytes"], row["sha256"], row["is_required"])


async def count_rows(connection: "asyncpg.Connection[asyncpg.Record]") -> dict[str, int]:
    """The number of rows of each table."""
    tables = [row["relname"] for row in await connection.fetch(_TABLES)]
    return {name: await connection.fetchval(f'SELECT count(*) FROM "{name}"') for name in tables}  # noqa: S608
