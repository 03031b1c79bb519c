"""The glossary: what the model is told of a project's own words, and how people write it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TypedDict
from uuid import UUID

from shared.database import Session
from shared.errors import Conflict, Invalid, NotFound
from shared.etags import etag_of, require_current
from shared.idempotency import keep_answer
from shared.ids import new_id
from shared.membership import ProjectRole, require_project
from shared.resources import Resources

from ..repositories import glossary
from ..repositories.glossary import Term, TermState
from ..schemas.glossary import NewTerm, TermChange
from .mentions import mentions
from .sql_checks import SqlChecks, shown_tables

MOST_TERMS = 500
TOLD_TERMS = 100
TOLD_CHARACTERS = 10_000


class ToldTerm(TypedDict):
    """A term; with an `expression` it is a metric of the dataset that `dataset_id` names."""

    name: str
    definition: str
    expression: str | None
    dataset_id: UUID | None


async def terms_for(
    session: Session, project_id: UUID, dataset_ids: Sequence[UUID], hidden: Collection[str] = ()
) -> list[ToldTerm]:
    """What the model may be told of the project's words, within bounds; none that names one of the `hidden` columns."""
    told: list[ToldTerm] = []
    left = TOLD_CHARACTERS
    for term in await glossary.told(session, project_id, dataset_ids, TOLD_TERMS):
        if mentions(hidden, term.name, term.definition, term.expression):
            continue
        left -= len(term.name) + len(term.definition) + len(term.expression or "")
        if left < 0:
            break
        told.append(
            ToldTerm(name=term.name, definition=term.definition, expression=term.expression, dataset_id=term.dataset_id)
        )
    return told


class Glossary:
    """What a member may do with the words of a project.

    Raises (all methods):
        NotFound: absent, or not the caller's to see.
        Forbidden, ProjectArchived: a change that the role or the project does not allow.
    """

    def __init__(self, resources: Resources, checks: SqlChecks) -> None:
        self._database = resources.database
        self._checks = checks

    async def create(self, user_id: UUID, new: NewTerm) -> Term:
        """Add a word or a metric.

        Raises:
            NotFound: also the dataset. Conflict: `name_taken`, `too_many_terms`, `dataset_not_ready`.
            Invalid: `invalid_sql`, `forbidden_sql`, `unknown_column`, `unknown_table`: the expression does not fit.
        """
        state = TermState(new.dataset_id, new.name, new.definition, new.expression)
        await self._check(user_id, new.project_id, state)
        term_id = new_id()
        async with self._database.transaction() as session:
            await require_project(session, new.project_id, user_id, minimum=ProjectRole.EDITOR)
            if await glossary.count(session, new.project_id) >= MOST_TERMS:
                detail = f"A glossary may have {MOST_TERMS} terms. Remove some that are no longer used."
                raise Conflict(detail, code="too_many_terms")
            await glossary.insert(session, term_id, new.project_id, user_id, state)
            made = _known(await glossary.visible(session, user_id, term_id))
            await keep_answer(session, made)
        return made

    async def page(
        self, user_id: UUID, project_id: UUID | None, dataset_id: UUID | None, *, before: UUID | None, limit: int
    ) -> list[Term]:
        """Terms, newest first, older than `before`."""
        async with self._database.transaction(read_only=True) as session:
            if project_id is not None:
                await require_project(session, project_id, user_id)
            return await glossary.page(session, user_id, project_id, dataset_id, before=before, limit=limit)

    async def read(self, user_id: UUID, term_id: UUID) -> Term:
        """The term."""
        async with self._database.transaction(read_only=True) as session:
            return _known(await glossary.visible(session, user_id, term_id))

    async def change(self, user_id: UUID, term_id: UUID, change: TermChange, if_match: str | None) -> Term:
        """Change what `change` names; the expression is checked anew.

        Raises:
            As `create`. PreconditionFailed: it has changed since the state in `if_match`, or meanwhile.
        """
        found = await self.read(user_id, term_id)
        state = _changed(found, change)
        await self._check(user_id, found.project_id, state)
        async with self._database.transaction() as session:
            held = await self._hold(session, user_id, term_id, if_match)
            # What was checked must be what is written.
            require_current(etag(found), etag(held), "term")
            await glossary.update(session, term_id, state)
            return _known(await glossary.visible(session, user_id, term_id))

    async def remove(self, user_id: UUID, term_id: UUID, if_match: str | None) -> None:
        """Remove the term.

        Raises:
            PreconditionFailed: it has changed since the state in `if_match`.
        """
        async with self._database.transaction() as session:
            await self._hold(session, user_id, term_id, if_match)
            await glossary.delete(session, term_id)

    async def _check(self, user_id: UUID, project_id: UUID, state: TermState) -> None:
        async with self._database.transaction(read_only=True) as session:
            await require_project(session, project_id, user_id, minimum=ProjectRole.EDITOR, hold=False)
            if state.dataset_id is None:
                return
            (table,) = await shown_tables(session, project_id, [state.dataset_id])
        if state.expression is not None:
            await self._checks.expression(state.expression, table)

    async def _hold(self, session: Session, user_id: UUID, term_id: UUID, if_match: str | None) -> Term:
        found = _known(await glossary.visible(session, user_id, term_id))
        await require_project(session, found.project_id, user_id, minimum=ProjectRole.EDITOR)
        await glossary.lock(session, term_id)
        found = _known(await glossary.visible(session, user_id, term_id))
        require_current(if_match, etag(found), "term")
        return found


def etag(term: Term) -> str:
    """The entity tag of a term's state."""
    return etag_of(f"{term.id} {term.updated_at.isoformat()}".encode())


def _changed(found: Term, change: TermChange) -> TermState:
    given = change.model_fields_set
    dataset_id = change.dataset_id if "dataset_id" in given else found.dataset_id
    expression = change.expression if "expression" in given else found.expression
    if expression is not None and dataset_id is None:
        raise Invalid("A metric belongs to a dataset: give dataset_id, or take the expression away.")
    return TermState(dataset_id, change.name or found.name, change.definition or found.definition, expression)


def _known(found: Term | None) -> Term:
    if found is None:
        raise NotFound
    return found
