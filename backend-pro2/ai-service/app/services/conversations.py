"""Use cases of conversations: what a question adds to one, what an answer is told of it, and what its asker may do."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import TypedDict
from uuid import UUID

from shared.database import Session
from shared.errors import Conflict, NotFound
from shared.etags import etag_of_model, require_current
from shared.ids import new_id
from shared.membership import ProjectRole, require_project
from shared.resources import Resources
from shared.tasks import Task

from ..repositories import conversations
from ..repositories.conversations import Conversation
from ..schemas.conversations import MOST_TURNS, TITLE_CHARACTERS, ConversationChange, ConversationModel
from .mentions import mentions

MOST_CONVERSATIONS = 1000
ANSWER_CHARACTERS = 20_000
TOLD_TURNS = 8
TOLD_CHARACTERS = 8000
LONGEST_TOLD = 2000
IN_FULL = "rows"
UNTITLED = "Untitled"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Told(TypedDict):
    """An earlier question and its answer, as the model may see them."""

    question: str
    answer: str


async def open_conversation(
    session: Session,
    project_id: UUID,
    user_id: UUID,
    dataset_ids: Sequence[UUID],
    question: str,
    conversation_id: UUID | None = None,
) -> UUID:
    """Begin a conversation, or go on with one of the user's, held until the transaction ends: its id.

    The caller has asked for the project before, which is locked earlier than conversations.

    Raises:
        NotFound: the user has no such conversation in the project.
        Conflict: `too_many_conversations`; `conversation_full`.
    """
    if conversation_id is None:
        return await _begin(session, project_id, user_id, dataset_ids, question)
    if not await conversations.lock(session, user_id, conversation_id, project_id):
        raise NotFound
    if await conversations.count_turns(session, conversation_id) >= MOST_TURNS:
        detail = f"A conversation may have {MOST_TURNS} questions. Begin another by leaving conversation_id away."
        raise Conflict(detail, code="conversation_full")
    await conversations.go_on(session, conversation_id, dataset_ids)
    return conversation_id


async def append_turn(session: Session, conversation_id: UUID, task_id: UUID, question: str) -> None:
    """Note the question, whose task this transaction has submitted."""
    await conversations.add_turn(session, new_id(), conversation_id, task_id, question)


async def history(
    session: Session, conversation_id: UUID, user_id: UUID, level: str, hidden: Collection[str] = ()
) -> list[Told]:
    """The last answered questions of the user's conversation, oldest first, within bounds.

    Answers are told without their figures unless the policy's level is `rows`; what names one of the `hidden` columns
    is left out.
    """
    told: list[Told] = []
    left = TOLD_CHARACTERS
    for turn in await conversations.history(session, conversation_id, user_id, TOLD_TURNS):
        answer = turn.answer if level == IN_FULL else turn.retold or ""
        if mentions(hidden, turn.question, answer):
            continue
        entry = Told(question=_short(turn.question, LONGEST_TOLD), answer=_short(answer, LONGEST_TOLD))
        left -= len(entry["question"]) + len(entry["answer"])
        if left < 0:
            break
        told.append(entry)
    return told[::-1]


async def keep_turn(session: Session, task: Task, answer: str, retold: str, sql: Sequence[str]) -> None:
    """Note the answer in the transaction that ends the task; `retold` is the answer without its figures."""
    kept, shown = _short(answer, ANSWER_CHARACTERS), _short(retold, ANSWER_CHARACTERS)
    await conversations.keep_turn(session, task.id, kept, shown, sql)


class Conversations:
    """What an asker may do with conversations; to everybody else they are absent.

    Raises (all methods):
        NotFound: absent, somebody else's, or of a project that the user has left.
        Forbidden, ProjectArchived: a change that the role or the project does not allow.
    """

    def __init__(self, resources: Resources) -> None:
        self._database = resources.database

    async def page(
        self, user_id: UUID, *, project_id: UUID | None, before: UUID | None, limit: int
    ) -> list[Conversation]:
        """The user's conversations, newest first, older than `before`."""
        async with self._database.transaction(read_only=True) as session:
            if project_id is not None:
                await require_project(session, project_id, user_id)
            return await conversations.page(session, user_id, project_id, before=before, limit=limit)

    async def read(self, user_id: UUID, conversation_id: UUID) -> ConversationModel:
        """The conversation with its turns."""
        async with self._database.transaction(read_only=True) as session:
            return await _whole(session, user_id, conversation_id)

    async def change(
        self, user_id: UUID, conversation_id: UUID, change: ConversationChange, if_match: str | None
    ) -> ConversationModel:
        """Give it another title.

        Raises:
            PreconditionFailed: it has changed since the state in `if_match`.
        """
        async with self._database.transaction() as session:
            await self._hold(session, user_id, conversation_id, if_match)
            await conversations.rename(session, conversation_id, change.title)
            return await _whole(session, user_id, conversation_id)

    async def remove(self, user_id: UUID, conversation_id: UUID, if_match: str | None) -> None:
        """Remove it with its turns; their tasks and results stay.

        Raises:
            PreconditionFailed: it has changed since the state in `if_match`.
        """
        async with self._database.transaction() as session:
            await self._hold(session, user_id, conversation_id, if_match)
            await conversations.delete(session, conversation_id)

    async def _hold(self, session: Session, user_id: UUID, conversation_id: UUID, if_match: str | None) -> None:
        found = await conversations.visible(session, user_id, conversation_id)
        if found is None:
            raise NotFound
        # The project first, as those do who add a question.
        await require_project(session, found.project_id, user_id, minimum=ProjectRole.EDITOR)
        if not await conversations.lock(session, user_id, conversation_id):
            raise NotFound
        require_current(if_match, etag_of_model(await _whole(session, user_id, conversation_id)), "conversation")


async def _begin(session: Session, project_id: UUID, user_id: UUID, dataset_ids: Sequence[UUID], question: str) -> UUID:
    if await conversations.count(session, user_id, project_id) >= MOST_CONVERSATIONS:
        detail = f"You may have {MOST_CONVERSATIONS} conversations in a project. Remove some."
        raise Conflict(detail, code="too_many_conversations")
    conversation_id = new_id()
    title = _short(" ".join(_CONTROL.sub(" ", question).split()), TITLE_CHARACTERS) or UNTITLED
    await conversations.insert(session, conversation_id, project_id, user_id, title, dataset_ids)
    return conversation_id


async def _whole(session: Session, user_id: UUID, conversation_id: UUID) -> ConversationModel:
    found = await conversations.visible(session, user_id, conversation_id)
    if found is None:
        raise NotFound
    turns = await conversations.turns(session, conversation_id, MOST_TURNS)
    return ConversationModel.of(found, turns)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
