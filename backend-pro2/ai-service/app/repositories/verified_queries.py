"""Questions with SQL that people accepted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.database import Session

_SHOWN = """
SELECT v.id, v.project_id, v.question, v.sql, v.dataset_ids, v.uses, v.created_by, v.created_at
FROM verified_queries v
JOIN project_members m ON m.project_id = v.project_id AND m.user_id = $1
"""

_ONE = f"{_SHOWN} WHERE v.id = $2"

_PAGE = f"""
{_SHOWN}
WHERE ($2::uuid IS NULL OR v.project_id = $2) AND ($3::uuid IS NULL OR v.dataset_ids @> ARRAY[$3::uuid])
  AND ($4::uuid IS NULL OR v.id < $4)
ORDER BY v.id DESC
LIMIT $5
"""

# Until the transaction ends, so that two who count come in turn.
_LOCK_COUNT = "SELECT pg_advisory_xact_lock(hashtextextended('verified queries ' || $1::text, 0))::text"

_COUNT = "SELECT count(*) FROM verified_queries WHERE project_id = $1"

_INSERT = """
INSERT INTO verified_queries (id, project_id, created_by, question, sql, dataset_ids)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (project_id, md5(lower(question))) DO NOTHING
"""

# Whoever accepts another query for the question means it to be used instead.
_ACCEPT = """
INSERT INTO verified_queries (id, project_id, created_by, question, sql, dataset_ids)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (project_id, md5(lower(question))) DO UPDATE
SET created_by = excluded.created_by, sql = excluded.sql, dataset_ids = excluded.dataset_ids
RETURNING id
"""

# Words are compared as they are, in whatever language, but for those that say nothing in English. Of the others a
# stored question must share more than a third with the one asked.
_SIMILAR = """
WITH words AS (
    SELECT lexeme, replace(replace(lexeme, '\\', '\\\\'), '''', '''''') AS quoted
    FROM unnest(to_tsvector('simple', $2))
    WHERE ts_lexize('english_stem', lexeme) <> '{}'
), asked AS (
    SELECT array_agg(lexeme) AS words, string_agg('''' || quoted || '''', ' | ')::tsquery AS query
    FROM words
)
SELECT v.id, v.question, v.sql
FROM verified_queries v
CROSS JOIN asked
WHERE v.project_id = $1 AND v.dataset_ids <@ $3::uuid[] AND v.search @@ asked.query
  AND (SELECT 3 * count(*) FILTER (WHERE word = ANY (asked.words)) > count(*)
       FROM unnest(tsvector_to_array(v.search)) AS word
       WHERE ts_lexize('english_stem', word) <> '{}')
ORDER BY ts_rank(v.search, asked.query, 1) DESC, v.uses DESC, v.id
LIMIT $4
"""

# Locked in one order, so that two questions that find the same ones wait for each other only once.
_COUNT_USES = """
WITH held AS (SELECT id FROM verified_queries WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE)
UPDATE verified_queries SET uses = uses + 1 WHERE id IN (SELECT id FROM held)
"""


@dataclass(frozen=True, slots=True)
class VerifiedQuery:
    """A question with the SQL that answers it; `uses` counts the questions that it was shown for."""

    id: UUID
    project_id: UUID
    question: str
    sql: str
    dataset_ids: Sequence[UUID]
    uses: int
    created_by: UUID | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewQuery:
    """What is to be kept."""

    project_id: UUID
    created_by: UUID
    question: str
    sql: str
    dataset_ids: Sequence[UUID]


@dataclass(frozen=True, slots=True)
class Similar:
    """A question like the one asked, with its SQL."""

    id: UUID
    question: str
    sql: str


async def visible(session: Session, user_id: UUID, query_id: UUID) -> VerifiedQuery | None:
    """The query, if the user is a member of its project."""
    return await session.fetch_one(VerifiedQuery, _ONE, user_id, query_id)


async def page(
    session: Session,
    user_id: UUID,
    project_id: UUID | None,
    dataset_id: UUID | None,
    *,
    before: UUID | None,
    limit: int,
) -> list[VerifiedQuery]:
    """Queries of the user's projects, newest first, older than `before`."""
    return await session.fetch_all(VerifiedQuery, _PAGE, user_id, project_id, dataset_id, before, limit)


async def count(session: Session, project_id: UUID) -> int:
    """How many the project has; until the transaction ends, nobody else counts them."""
    await session.execute(_LOCK_COUNT, str(project_id))
    found: int = await session.fetch_value(_COUNT, project_id)
    return found


async def insert(session: Session, query_id: UUID, new: NewQuery) -> bool:
    """Keep a query; False if the project has one for this question."""
    return await session.execute(_INSERT, query_id, *_values(new)) > 0


async def accept(session: Session, query_id: UUID, new: NewQuery) -> UUID:
    """Keep a query, in place of the one that the project has for this question: its id."""
    found: UUID = await session.fetch_value(_ACCEPT, query_id, *_values(new))
    return found


async def delete(session: Session, query_id: UUID) -> bool:
    """Forget it; False if it has gone."""
    return await session.execute("DELETE FROM verified_queries WHERE id = $1", query_id) > 0


async def similar(
    session: Session, project_id: UUID, question: str, dataset_ids: Sequence[UUID], limit: int
) -> list[Similar]:
    """The most similar ones that need none but these datasets, best first."""
    return await session.fetch_all(Similar, _SIMILAR, project_id, question, list(dataset_ids), limit)


async def count_uses(session: Session, query_ids: Sequence[UUID]) -> None:
    """Each of them was used once more."""
    await session.execute(_COUNT_USES, list(query_ids))


def _values(new: NewQuery) -> tuple[object, ...]:
    return (new.project_id, new.created_by, new.question, new.sql, list(new.dataset_ids))
