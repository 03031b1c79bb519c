"""Verified queries: found again for similar questions; kept, listed and forgotten by people."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TypedDict
from uuid import UUID

from shared.database import Session
from shared.errors import Conflict, NotFound
from shared.idempotency import keep_answer
from shared.ids import new_id
from shared.membership import ProjectRole, require_project
from shared.resources import Resources

from ..repositories import verified_queries
from ..repositories.verified_queries import NewQuery, VerifiedQuery
from ..schemas.verified_queries import NewVerifiedQuery
from .mentions import mentions
from .sql_checks import SqlChecks, shown_tables

MOST_QUERIES = 1000
CANDIDATES = 10
LONGEST_SQL = 4000


class SimilarQuery(TypedDict):
    """A question that somebody asked before, and the SQL that a person accepted for it."""

    question: str
    sql: str


async def similar(
    session: Session,
    project_id: UUID,
    question: str,
    dataset_ids: Sequence[UUID],
    limit: int = 3,
    hidden: Collection[str] = (),
) -> list[SimilarQuery]:
    """The accepted queries for the questions most like this one, best first, each counted as used.

    Only those that need no other datasets and name none of the `hidden` columns.
    """
    found = await verified_queries.similar(session, project_id, question, dataset_ids, CANDIDATES)
    fitting = [one for one in found if len(one.sql) <= LONGEST_SQL and not mentions(hidden, one.sql, one.question)]
    chosen = fitting[:limit]
    if chosen:
        await verified_queries.count_uses(session, [one.id for one in chosen])
    return [SimilarQuery(question=one.question, sql=one.sql) for one in chosen]


async def accept(session: Session, new: NewQuery) -> UUID:
    """Keep the query of an answer in the caller's transaction, in place of one for the same question: its id.

    Raises:
        Conflict: `too_many_queries`.
    """
    await _require_room(session, new.project_id)
    return await verified_queries.accept(session, new_id(), new)


class VerifiedQueries:
    """What a member may do with the verified queries of a project.

    Raises (all methods):
        NotFound: absent, or not the caller's to see.
        Forbidden, ProjectArchived: a change that the role or the project does not allow.
    """

    def __init__(self, resources: Resources, checks: SqlChecks) -> None:
        self._database = resources.database
        self._checks = checks

    async def create(self, user_id: UUID, new: NewVerifiedQuery) -> VerifiedQuery:
        """Keep a question with its SQL.

        Raises:
            NotFound: also a dataset. Conflict: `question_taken`, `too_many_queries`, `dataset_not_ready`.
            Invalid: `invalid_sql`, `forbidden_sql`, `unknown_table`, `unknown_column`: it does not fit the datasets.
        """
        async with self._database.transaction(read_only=True) as session:
            await require_project(session, new.project_id, user_id, minimum=ProjectRole.EDITOR, hold=False)
            tables = await shown_tables(session, new.project_id, new.dataset_ids)
        await self._checks.query(new.sql, tables)
        query_id = new_id()
        row = NewQuery(new.project_id, user_id, new.question, new.sql, new.dataset_ids)
        async with self._database.transaction() as session:
            await require_project(session, new.project_id, user_id, minimum=ProjectRole.EDITOR)
            await _require_room(session, new.project_id)
            if not await verified_queries.insert(session, query_id, row):
                detail = "The project has a verified query for this question. Remove it first."
                raise Conflict(detail, code="question_taken")
            made = _known(await verified_queries.visible(session, user_id, query_id))
            await keep_answer(session, made)
        return made

    async def page(
        self, user_id: UUID, project_id: UUID | None, dataset_id: UUID | None, *, before: UUID | None, limit: int
    ) -> list[VerifiedQuery]:
        """Verified queries, newest first, older than `before`."""
        async with self._database.transaction(read_only=True) as session:
            if project_id is not None:
                await require_project(session, project_id, user_id)
            return await verified_queries.page(session, user_id, project_id, dataset_id, before=before, limit=limit)

    async def read(self, user_id: UUID, query_id: UUID) -> VerifiedQuery:
        """The query."""
        async with self._database.transaction(read_only=True) as session:
            return _known(await verified_queries.visible(session, user_id, query_id))

    async def remove(self, user_id: UUID, query_id: UUID) -> None:
        """Forget the query."""
        async with self._database.transaction() as session:
            found = _known(await verified_queries.visible(session, user_id, query_id))
            await require_project(session, found.project_id, user_id, minimum=ProjectRole.EDITOR)
            if not await verified_queries.delete(session, query_id):
                raise NotFound


async def _require_room(session: Session, project_id: UUID) -> None:
    if await verified_queries.count(session, project_id) >= MOST_QUERIES:
        detail = f"A project may have {MOST_QUERIES} verified queries. Remove some that are no longer right."
        raise Conflict(detail, code="too_many_queries")


def _known(found: VerifiedQuery | None) -> VerifiedQuery:
    if found is None:
        raise NotFound
    return found
