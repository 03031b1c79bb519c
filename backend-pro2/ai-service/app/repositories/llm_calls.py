"""The table `llm_calls`: the egress ledger as its writer sees it."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from shared.database import Session

_INSERT = """
INSERT INTO llm_calls (id, project_id, user_id, task_id, run, purpose, policy, model, server, request, month,
                       booked_tokens, booked_cost)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""

# Once: whoever finds it settled already comes too late, so nothing is counted twice.
_SETTLE = """
UPDATE llm_calls
SET status = $2, response = $3, response_bytes = $4, http_status = $5, error = $6, tokens_in = $7, tokens_out = $8,
    tokens_cached = $9, cost = $10, is_estimated = $11, first_token_ms = $12, finished_at = now()
WHERE id = $1 AND status = 'sent'
RETURNING id
"""

_OPEN = """
SELECT id, project_id, user_id, model, month, booked_tokens, booked_cost, octet_length(request) AS request_bytes
FROM llm_calls
WHERE status = 'sent' AND {which}
ORDER BY id
LIMIT 1
FOR UPDATE SKIP LOCKED
"""
_OPEN_OF_TASK = _OPEN.format(which="task_id = $1 AND run < $2")
_OPEN_SINCE = _OPEN.format(which="created_at < now() - $1::interval")

_FORGET = """
DELETE FROM llm_calls WHERE id IN (
    SELECT id FROM llm_calls
    WHERE created_at < now() - $1::interval AND status <> 'sent'
    ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
"""


@dataclass(frozen=True, slots=True)
class NewCall:
    """A request that is about to leave."""

    id: UUID
    project_id: UUID
    user_id: UUID
    task_id: UUID
    run: int
    purpose: str
    policy: str
    model: str
    server: str
    request: bytes
    month: date
    booked_tokens: int
    booked_cost: Decimal


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a request ended, and what it cost."""

    status: str
    response: bytes = b""
    response_bytes: int = 0
    http_status: int | None = None
    error: str | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    cost: Decimal = Decimal(0)
    is_estimated: bool = False
    first_token_ms: int | None = None


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A request of which nobody has told the end."""

    id: UUID
    project_id: UUID
    user_id: UUID | None
    model: str
    month: date
    booked_tokens: int
    booked_cost: Decimal
    request_bytes: int


async def insert(session: Session, new: NewCall) -> None:
    """Note that it leaves."""
    of_task = (new.id, new.project_id, new.user_id, new.task_id, new.run, new.purpose, new.policy)
    of_request = (new.model, new.server, new.request, new.month, new.booked_tokens, new.booked_cost)
    await session.execute(_INSERT, *of_task, *of_request)


async def settle(session: Session, call_id: UUID, end: Settlement) -> bool:
    """Note how it ended; False if somebody has already."""
    answer = (end.status, end.response, end.response_bytes, end.http_status, end.error)
    spent = (end.tokens_in, end.tokens_out, end.tokens_cached, end.cost, end.is_estimated, end.first_token_ms)
    return await session.fetch_value(_SETTLE, call_id, *answer, *spent) is not None


async def open_of_former_runs(session: Session, task_id: UUID, run: int) -> OpenCall | None:
    """Lock something that an earlier run of the task sent and never settled."""
    return await session.fetch_one(OpenCall, _OPEN_OF_TASK, task_id, run)


async def open_for(session: Session, age: timedelta) -> OpenCall | None:
    """Lock something that was sent longer ago than `age`, and never settled."""
    return await session.fetch_one(OpenCall, _OPEN_SINCE, age)


async def forget(session: Session, age: timedelta, limit: int) -> int:
    """Remove up to `limit` settled entries older than `age`; how many there were."""
    return await session.execute(_FORGET, age, limit)
