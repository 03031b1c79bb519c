"""A project's own words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.database import Session, UniqueViolation
from shared.errors import Conflict

_SHOWN = """
SELECT g.id, g.project_id, g.dataset_id, g.name, g.definition, g.expression, g.created_by, g.created_at, g.updated_at
FROM glossary_terms g
JOIN project_members m ON m.project_id = g.project_id AND m.user_id = $1
LEFT JOIN datasets d ON d.id = g.dataset_id
"""
# Of a dataset in the trash they are in the trash, too.
_ONE = f"{_SHOWN} WHERE g.id = $2 AND d.deleted_at IS NULL"

_PAGE = f"""
{_SHOWN}
WHERE ($2::uuid IS NULL OR g.project_id = $2) AND ($3::uuid IS NULL OR g.dataset_id = $3) AND d.deleted_at IS NULL
  AND ($4::uuid IS NULL OR g.id < $4)
ORDER BY g.id DESC
LIMIT $5
"""

# Until the transaction ends, so that two who count come in turn.
_LOCK_COUNT = "SELECT pg_advisory_xact_lock(hashtextextended('glossary ' || $1::text, 0))::text"

_COUNT = "SELECT count(*) FROM glossary_terms WHERE project_id = $1"

_LOCK = "SELECT true FROM glossary_terms WHERE id = $1 FOR NO KEY UPDATE"

_INSERT = """
INSERT INTO glossary_terms (id, project_id, created_by, dataset_id, name, definition, expression)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""

_UPDATE = """
UPDATE glossary_terms
SET dataset_id = $2, name = $3, definition = $4, expression = $5, updated_at = clock_timestamp()
WHERE id = $1
"""

_FOR = """
SELECT g.name, g.definition, g.expression, g.dataset_id
FROM glossary_terms g
WHERE g.project_id = $1 AND (g.dataset_id IS NULL OR g.dataset_id = ANY ($2::uuid[]))
ORDER BY g.dataset_id NULLS LAST, lower(g.name)
LIMIT $3
"""


@dataclass(frozen=True, slots=True)
class Term:
    """A word of a project's, or with an `expression` over a dataset's columns a metric."""

    id: UUID
    project_id: UUID
    dataset_id: UUID | None
    name: str
    definition: str
    expression: str | None
    created_by: UUID | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class TermState:
    """What people write of a term."""

    dataset_id: UUID | None
    name: str
    definition: str
    expression: str | None


@dataclass(frozen=True, slots=True)
class ToldTerm:
    """A term, as the model is told of it."""

    name: str
    definition: str
    expression: str | None
    dataset_id: UUID | None


async def visible(session: Session, user_id: UUID, term_id: UUID) -> Term | None:
    """The term, if the user is a member of its project."""
    return await session.fetch_one(Term, _ONE, user_id, term_id)


async def page(
    session: Session,
    user_id: UUID,
    project_id: UUID | None,
    dataset_id: UUID | None,
    *,
    before: UUID | None,
    limit: int,
) -> list[Term]:
    """Terms of the user's projects, newest first, older than `before`."""
    return await session.fetch_all(Term, _PAGE, user_id, project_id, dataset_id, before, limit)


async def count(session: Session, project_id: UUID) -> int:
    """How many the project has; until the transaction ends, nobody else counts them."""
    await session.execute(_LOCK_COUNT, str(project_id))
    found: int = await session.fetch_value(_COUNT, project_id)
    return found


async def lock(session: Session, term_id: UUID) -> bool:
    """Keep others from it; False if it has gone."""
    return bool(await session.fetch_value(_LOCK, term_id))


async def insert(session: Session, term_id: UUID, project_id: UUID, user_id: UUID, state: TermState) -> None:
    """Add a term.

    Raises:
        Conflict: `name_taken`; the transaction is over.
    """
    try:
        await session.execute(_INSERT, term_id, project_id, user_id, *_values(state))
    except UniqueViolation as error:
        raise _name_taken(state.name) from error


async def update(session: Session, term_id: UUID, state: TermState) -> None:
    """Write what people may change; the caller has locked it.

    Raises:
        Conflict: `name_taken`; the transaction is over.
    """
    try:
        await session.execute(_UPDATE, term_id, *_values(state))
    except UniqueViolation as error:
        raise _name_taken(state.name) from error


async def delete(session: Session, term_id: UUID) -> None:
    """Remove it."""
    await session.execute("DELETE FROM glossary_terms WHERE id = $1", term_id)


async def told(session: Session, project_id: UUID, dataset_ids: Sequence[UUID], limit: int) -> list[ToldTerm]:
    """Terms that belong to these datasets, and after them those that belong to the whole project."""
    return await session.fetch_all(ToldTerm, _FOR, project_id, list(dataset_ids), limit)


def _values(state: TermState) -> tuple[object, ...]:
    return (state.dataset_id, state.name, state.definition, state.expression)


def _name_taken(name: str) -> Conflict:
    return Conflict(f"The glossary already has a term '{name}'. Choose another name.", code="name_taken")
