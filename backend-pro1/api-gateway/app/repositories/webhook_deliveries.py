"""The tables `webhook_deliveries` and `webhook_attempts`: an outbox, and what came of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from shared.database import Session

DeliveryStatus = Literal["pending", "delivered", "failed"]

# Those of a webhook that is off wait at the end of time.
_SHOWN = """
SELECT id, webhook_id, event, payload, status, attempts, replay_of, created_at, finished_at,
       CASE WHEN status = 'pending' AND isfinite(due_at) THEN due_at END AS due_at
FROM webhook_deliveries
"""

_PAGE = f"""
{_SHOWN}
WHERE webhook_id = $1 AND id < coalesce($2, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
  AND ($3::text IS NULL OR status = $3) AND ($4::text IS NULL OR event = $4)
ORDER BY id DESC
LIMIT $5
"""

_CLAIM = """
UPDATE webhook_deliveries d SET attempts = d.attempts + 1, due_at = now() + $1::interval
FROM webhooks w
WHERE w.id = d.webhook_id AND d.id = (
    SELECT waiting.id FROM webhook_deliveries waiting
    JOIN webhooks listening ON listening.id = waiting.webhook_id AND listening.is_active
    JOIN projects p ON p.id = listening.project_id AND p.deleted_at IS NULL
    WHERE waiting.status = 'pending' AND waiting.due_at <= now() AND waiting.webhook_id <> ALL($2::uuid[])
      AND listening.project_id <> ALL($2::uuid[])
    ORDER BY waiting.due_at LIMIT 1 FOR UPDATE OF waiting SKIP LOCKED
)
RETURNING d.id, d.webhook_id, w.project_id, d.event, d.payload, d.attempts, d.replay_of, w.url, w.secret
"""

# A message outlives its replays, which have its id.
_FORGET = """
DELETE FROM webhook_deliveries WHERE id IN (
    SELECT d.id FROM webhook_deliveries d
    WHERE d.created_at < now() - $1::interval
      AND NOT EXISTS (SELECT FROM webhook_deliveries r WHERE r.replay_of = d.id)
    ORDER BY d.created_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
"""


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A message to be sent; the first one of its kind unless `replay_of` names that."""

    id: UUID
    webhook_id: UUID
    event: str
    payload: Mapping[str, Any]
    replay_of: UUID | None = None


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """A message and how far it got; `attempts` counts a try under way."""

    id: UUID
    webhook_id: UUID
    event: str
    payload: dict[str, Any]
    status: DeliveryStatus
    attempts: int
    replay_of: UUID | None
    created_at: datetime
    finished_at: datetime | None
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """A try that has ended."""

    delivery_id: UUID
    attempt: int
    at: datetime
    status_code: int | None
    took_ms: int
    error: str | None
    response: str | None


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A message that this process has taken on; `attempts` counts the present try, `secret` is sealed."""

    id: UUID
    webhook_id: UUID
    project_id: UUID
    event: str
    payload: dict[str, Any]
    attempts: int
    replay_of: UUID | None
    url: str
    secret: bytes

    @property
    def message_id(self) -> UUID:
        """By which a receiver knows the message, whatever the try."""
        return self.replay_of or self.id


class WebhookDeliveries:
    """Messages on their way."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def insert(self, new: NewDelivery) -> None:
        """Have a message sent once this transaction commits; wake the sender then."""
        await self._session.execute(
            "INSERT INTO webhook_deliveries (id, webhook_id, event, payload, replay_of) VALUES ($1, $2, $3, $4, $5)",
            new.id,
            new.webhook_id,
            new.event,
            new.payload,
            new.replay_of,
        )

    async def page_of(
        self, webhook_id: UUID, status: str | None, event: str | None, limit: int, before: UUID | None
    ) -> list[DeliveryRecord]:
        """Up to `limit` deliveries, newest first, older than `before`."""
        return await self._session.fetch_all(DeliveryRecord, _PAGE, webhook_id, before, status, event, limit)

    async def find(self, webhook_id: UUID, delivery_id: UUID) -> DeliveryRecord | None:
        """One of the webhook's."""
        statement = f"{_SHOWN} WHERE webhook_id = $1 AND id = $2"
        return await self._session.fetch_one(DeliveryRecord, statement, webhook_id, delivery_id)

    async def attempts_of(self, delivery_ids: Sequence[UUID]) -> list[AttemptRecord]:
        """The tries of some deliveries that have ended, in their order."""
        return await self._session.fetch_all(
            AttemptRecord,
            """
            SELECT delivery_id, attempt, at, status_code, took_ms, error, response
            FROM webhook_attempts WHERE delivery_id = ANY($1::uuid[]) ORDER BY delivery_id, attempt
            """,
            list(delivery_ids),
        )

    async def count_pending(self, webhook_id: UUID, most: int) -> int:
        """How many of the webhook's wait, counted up to `most`."""
        count: int = await self._session.fetch_value(
            """
            SELECT count(*) FROM (
                SELECT FROM webhook_deliveries WHERE webhook_id = $1 AND status = 'pending' LIMIT $2
            ) AS waiting
            """,
            webhook_id,
            most,
        )
        return count

    async def claim(self, lease: timedelta, busy: Collection[UUID]) -> DueDelivery | None:
        """Take on what is due for longest, not of `busy` webhooks and projects; unheard of, it is due after `lease`."""
        return await self._session.fetch_one(DueDelivery, _CLAIM, lease, list(busy))

    async def note(self, tried: AttemptRecord) -> None:
        """Keep what came of a try, unless its delivery has gone."""
        await self._session.execute(
            """
            INSERT INTO webhook_attempts (delivery_id, attempt, at, status_code, took_ms, error, response)
            SELECT id, $2, $3, $4, $5, $6, $7 FROM webhook_deliveries WHERE id = $1
            ON CONFLICT DO NOTHING
            """,
            tried.delivery_id,
            tried.attempt,
            tried.at,
            tried.status_code,
            tried.took_ms,
            tried.error,
            tried.response,
        )

    async def delivered(self, delivery_id: UUID) -> bool:
        """It has arrived, whichever try it was; False if that was known, or it has gone."""
        return bool(
            await self._session.execute(
                """
                UPDATE webhook_deliveries SET status = 'delivered', finished_at = now()
                WHERE id = $1 AND status = 'pending'
                """,
                delivery_id,
            )
        )

    async def failed(self, delivery_id: UUID, attempt: int) -> bool:
        """It will not be tried again; False if somebody else has taken it on since that try."""
        return bool(
            await self._session.execute(
                """
                UPDATE webhook_deliveries SET status = 'failed', finished_at = now()
                WHERE id = $1 AND status = 'pending' AND attempts = $2
                """,
                delivery_id,
                attempt,
            )
        )

    async def postpone(self, delivery_id: UUID, attempt: int, pause: timedelta) -> None:
        """Try again after `pause`, unless somebody else has taken it on since that try."""
        await self._session.execute(
            """
            UPDATE webhook_deliveries SET due_at = clock_timestamp() + $3::interval
            WHERE id = $1 AND status = 'pending' AND attempts = $2
            """,
            delivery_id,
            attempt,
            pause,
        )

    async def keep_back(self, webhook_id: UUID) -> None:
        """Let those of a webhook that was switched off wait."""
        await self._session.execute(
            "UPDATE webhook_deliveries SET due_at = 'infinity' WHERE webhook_id = $1 AND status = 'pending'", webhook_id
        )

    async def let_go(self, webhook_id: UUID) -> None:
        """Let those of a webhook that was switched on again be sent."""
        await self._session.execute(
            """
            UPDATE webhook_deliveries SET due_at = now()
            WHERE webhook_id = $1 AND status = 'pending' AND due_at = 'infinity'
            """,
            webhook_id,
        )

    async def forget_old(self, age: timedelta, limit: int) -> int:
        """Remove up to `limit` deliveries that are older, whatever came of them; how many."""
        return await self._session.execute(_FORGET, age, limit)
