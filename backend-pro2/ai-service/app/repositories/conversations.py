"""Conversations and their turns: each is its asker's alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.database import Session

_SHOWN = """
SELECT c.id, c.project_id, c.title, c.dataset_ids, c.created_at, c.updated_at,
       (SELECT count(*) FROM conversation_turns t WHERE t.conversation_id = c.id) AS turns_total
FROM conversations c
JOIN project_members m ON m.project_id = c.project_id AND m.user_id = c.created_by
WHERE c.created_by = $1
"""

_ONE = f"{_SHOWN} AND c.id = $2"

_PAGE = f"""
{_SHOWN} AND ($2::uuid IS NULL OR c.project_id = $2) AND ($3::uuid IS NULL OR c.id < $3)
ORDER BY c.id DESC
LIMIT $4
"""

_LOCK = """
SELECT true FROM conversations WHERE created_by = $1 AND id = $2 AND ($3::uuid IS NULL OR project_id = $3) FOR UPDATE
"""

# Until the transaction ends, so that two who count come in turn.
_LOCK_COUNT = "SELECT pg_advisory_xact_lock(hashtextextended('conversations ' || $1::text || $2::text, 0))::text"

_COUNT = "SELECT count(*) FROM conversations WHERE created_by = $1 AND project_id = $2"

_INSERT = """
INSERT INTO conversations (id, project_id, created_by, title, dataset_ids) VALUES ($1, $2, $3, $4, $5)
"""

_CONTINUE = "UPDATE conversations SET dataset_ids = $2, updated_at = clock_timestamp() WHERE id = $1"

_RENAME = "UPDATE conversations SET title = $2, updated_at = clock_timestamp() WHERE id = $1"

_TURN_COUNT = "SELECT count(*) FROM conversation_turns WHERE conversation_id = $1"

_ADD_TURN = "INSERT INTO conversation_turns (id, conversation_id, task_id, question) VALUES ($1, $2, $3, $4)"

_KEEP_TURN = "UPDATE conversation_turns SET answer = $2, retold = $3, sql = $4 WHERE task_id = $1"

_TURNS = """
SELECT id, task_id, question, answer, sql, rating, comment, created_at
FROM conversation_turns
WHERE conversation_id = $1
ORDER BY id
LIMIT $2
"""

_HISTORY = """
SELECT t.question, t.answer, t.retold
FROM conversation_turns t
JOIN conversations c ON c.id = t.conversation_id AND c.created_by = $2
WHERE t.conversation_id = $1 AND t.answer IS NOT NULL
ORDER BY t.id DESC
LIMIT $3
"""

_TURN_OF_TASK = """
SELECT t.id, c.project_id, t.question, t.answer, t.sql, c.dataset_ids
FROM conversation_turns t
JOIN conversations c ON c.id = t.conversation_id AND c.created_by = $1
JOIN project_members m ON m.project_id = c.project_id AND m.user_id = $1
WHERE t.task_id = $2
"""

_RATE = "UPDATE conversation_turns SET rating = $2, comment = $3 WHERE id = $1"


@dataclass(frozen=True, slots=True)
class Conversation:
    """Questions that belong together; `dataset_ids` are those of the latest."""

    id: UUID
    project_id: UUID
    title: str
    dataset_ids: Sequence[UUID]
    turns_total: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Turn:
    """A question, and its answer once there is one; `task_id` is None once the task was removed."""

    id: UUID
    task_id: UUID | None
    question: str
    answer: str | None
    sql: Sequence[str]
    rating: int | None
    comment: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ToldTurn:
    """An answered question, as it may be told again: in full, or without its figures."""

    question: str
    answer: str
    retold: str | None


@dataclass(frozen=True, slots=True)
class RatedTurn:
    """The turn of a task, with what accepting its query needs."""

    id: UUID
    project_id: UUID
    question: str
    answer: str | None
    sql: Sequence[str]
    dataset_ids: Sequence[UUID]


async def visible(session: Session, user_id: UUID, conversation_id: UUID) -> Conversation | None:
    """The user's conversation, while the user is a member of its project."""
    return await session.fetch_one(Conversation, _ONE, user_id, conversation_id)


async def page(
    session: Session, user_id: UUID, project_id: UUID | None, *, before: UUID | None, limit: int
) -> list[Conversation]:
    """The user's conversations, newest first, older than `before`."""
    return await session.fetch_all(Conversation, _PAGE, user_id, project_id, before, limit)


async def lock(session: Session, user_id: UUID, conversation_id: UUID, project_id: UUID | None = None) -> bool:
    """Keep others from it; False if the user has no such one, or none in this project."""
    return bool(await session.fetch_value(_LOCK, user_id, conversation_id, project_id))


async def count(session: Session, user_id: UUID, project_id: UUID) -> int:
    """How many the user has in the project; until the transaction ends, nobody else counts them."""
    await session.execute(_LOCK_COUNT, str(user_id), str(project_id))
    found: int = await session.fetch_value(_COUNT, user_id, project_id)
    return found


async def insert(
    session: Session, conversation_id: UUID, project_id: UUID, user_id: UUID, title: str, dataset_ids: Sequence[UUID]
) -> None:
    """Begin a conversation."""
    await session.execute(_INSERT, conversation_id, project_id, user_id, title, list(dataset_ids))


async def go_on(session: Session, conversation_id: UUID, dataset_ids: Sequence[UUID]) -> None:
    """Another question comes, about these datasets; the caller has locked it."""
    await session.execute(_CONTINUE, conversation_id, list(dataset_ids))


async def rename(session: Session, conversation_id: UUID, title: str) -> None:
    """Give it another title; the caller has locked it."""
    await session.execute(_RENAME, conversation_id, title)


async def delete(session: Session, conversation_id: UUID) -> None:
    """Remove it with its turns; their tasks stay."""
    await session.execute("DELETE FROM conversations WHERE id = $1", conversation_id)


async def count_turns(session: Session, conversation_id: UUID) -> int:
    """How many questions were asked in it."""
    found: int = await session.fetch_value(_TURN_COUNT, conversation_id)
    return found


async def add_turn(session: Session, turn_id: UUID, conversation_id: UUID, task_id: UUID, question: str) -> None:
    """Note a question, whose answer will come."""
    await session.execute(_ADD_TURN, turn_id, conversation_id, task_id, question)


async def keep_turn(session: Session, task_id: UUID, answer: str, retold: str, sql: Sequence[str]) -> bool:
    """Note the answer of a task; False if its conversation was removed."""
    return await session.execute(_KEEP_TURN, task_id, answer, retold, list(sql)) > 0


async def turns(session: Session, conversation_id: UUID, limit: int) -> list[Turn]:
    """Its first turns, oldest first."""
    return await session.fetch_all(Turn, _TURNS, conversation_id, limit)


async def history(session: Session, conversation_id: UUID, user_id: UUID, limit: int) -> list[ToldTurn]:
    """The user's last answered questions, the newest first."""
    return await session.fetch_all(ToldTurn, _HISTORY, conversation_id, user_id, limit)


async def turn_of(session: Session, user_id: UUID, task_id: UUID) -> RatedTurn | None:
    """The turn of the user's task."""
    return await session.fetch_one(RatedTurn, _TURN_OF_TASK, user_id, task_id)


async def rate(session: Session, turn_id: UUID, rating: int, comment: str | None) -> None:
    """Keep what the asker thinks of the answer."""
    await session.execute(_RATE, turn_id, rating, comment)
