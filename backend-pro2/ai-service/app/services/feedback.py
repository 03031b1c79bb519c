"""What an asker thinks of an answer, and whether its query is to be used again."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from shared.database import Session
from shared.errors import Conflict, NotFound
from shared.membership import ProjectRole, require_project
from shared.resources import Resources

from ..repositories import conversations
from ..repositories.conversations import RatedTurn
from ..repositories.verified_queries import NewQuery
from ..schemas.conversations import Rating
from ..schemas.feedback import Feedback
from .verified_queries import accept

_STORED: dict[Rating, int] = {"up": 1, "down": -1}


@dataclass(frozen=True, slots=True)
class Judgement:
    """The judgement, as it is kept."""

    task_id: UUID
    rating: Rating
    comment: str | None
    verified_query_id: UUID | None


class FeedbackGiven:
    """Use case of feedback; an answer is judged by its asker alone."""

    def __init__(self, resources: Resources) -> None:
        self._database = resources.database

    async def give(self, user_id: UUID, task_id: UUID, feedback: Feedback) -> Judgement:
        """Keep it, in place of an earlier one.

        Raises:
            NotFound: no question of this user's, or its conversation was removed.
            Forbidden, ProjectArchived: the role or the project does not allow changes.
            Conflict: `not_finished`; `nothing_to_accept`; `too_many_queries`.
        """
        async with self._database.transaction() as session:
            turn = await conversations.turn_of(session, user_id, task_id)
            if turn is None:
                raise NotFound
            await require_project(session, turn.project_id, user_id, minimum=ProjectRole.EDITOR)
            if turn.answer is None:
                raise Conflict("This question has no answer yet that could be judged.", code="not_finished")
            query_id = await _accepted(session, user_id, turn) if feedback.accept else None
            comment = feedback.comment or None
            await conversations.rate(session, turn.id, _STORED[feedback.rating], comment)
        return Judgement(task_id, feedback.rating, comment, query_id)


async def _accepted(session: Session, user_id: UUID, turn: RatedTurn) -> UUID:
    if len(turn.sql) != 1:
        detail = f"Only an answer that rests on one query can be accepted; this one rests on {len(turn.sql)}."
        raise Conflict(detail, code="nothing_to_accept")
    return await accept(session, NewQuery(turn.project_id, user_id, turn.question, turn.sql[0], turn.dataset_ids))
