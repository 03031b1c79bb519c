"""The table `webhooks`. Whoever changes a webhook and its deliveries takes the webhook first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from shared.database import Session

DisabledReason = Literal["gone", "too_many_failures", "secret_unreadable"]

_COLUMNS = """
id, project_id, url, events, description, is_active, disabled_reason, failures, created_by, created_at, updated_at
"""

_INSERT = f"""
INSERT INTO webhooks (id, project_id, url, events, secret, description, created_by)
VALUES ($1, $2, $3, $4, $5, $6, $7)
RETURNING {_COLUMNS}
"""  # noqa: S608 - a constant

_PAGE = f"""
SELECT {_COLUMNS} FROM webhooks
WHERE project_id = $1 AND id < coalesce($2, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
ORDER BY id DESC
LIMIT $3
"""  # noqa: S608 - a constant

_FIND = f"SELECT {_COLUMNS} FROM webhooks WHERE project_id = $1 AND id = $2"  # noqa: S608 - a constant

# Switched on, or sent elsewhere, it begins anew.
_UPDATE = """
UPDATE webhooks
SET url = $2, events = $3, description = $4, is_active = $5, updated_at = clock_timestamp(),
    disabled_reason = CASE WHEN NOT is_active AND NOT $5 THEN disabled_reason END,
    failures = CASE WHEN url <> $2 OR NOT is_active AND $5 THEN 0 ELSE failures END
WHERE id = $1
"""

_GAVE_UP = """
UPDATE webhooks
SET failures = failures + 1, updated_at = clock_timestamp(),
    is_active = is_active AND failures + 1 < $2,
    disabled_reason = CASE WHEN is_active AND failures + 1 >= $2 THEN 'too_many_failures' ELSE disabled_reason END
WHERE id = $1
RETURNING NOT is_active
"""

_SWITCH_OFF = """
UPDATE webhooks SET is_active = false, disabled_reason = $2, updated_at = clock_timestamp()
WHERE id = $1 AND is_active
"""


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """A webhook to be; `secret` is sealed."""

    id: UUID
    project_id: UUID
    url: str
    events: Sequence[str]
    secret: bytes
    description: str
    created_by: UUID


@dataclass(frozen=True, slots=True)
class WebhookRecord:
    """A webhook without its secret."""

    id: UUID
    project_id: UUID
    url: str
    events: list[str]
    description: str
    is_active: bool
    disabled_reason: DisabledReason | None
    failures: int
    created_by: UUID | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """What a webhook signs with, as it is kept."""

    id: UUID
    secret: bytes


class Webhooks:
    """Where the events of projects are sent to."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def insert(self, new: NewWebhook) -> WebhookRecord:
        """A new webhook; the caller holds the project, so that two who count come in turn."""
        values = (new.id, new.project_id, new.url, list(new.events), new.secret, new.description, new.created_by)
        made = await self._session.fetch_one(WebhookRecord, _INSERT, *values)
        assert made is not None  # noqa: S101 - an INSERT either returns its row or raises
        return made

    async def count(self, project_id: UUID) -> int:
        """How many the project has."""
        count: int = await self._session.fetch_value("SELECT count(*) FROM webhooks WHERE project_id = $1", project_id)
        return count

    async def page_of(self, project_id: UUID, limit: int, before: UUID | None) -> list[WebhookRecord]:
        """Up to `limit` webhooks, newest first, older than `before`."""
        return await self._session.fetch_all(WebhookRecord, _PAGE, project_id, before, limit)

    async def find(self, project_id: UUID, webhook_id: UUID) -> WebhookRecord | None:
        """One of the project's."""
        return await self._session.fetch_one(WebhookRecord, _FIND, project_id, webhook_id)

    async def lock(self, project_id: UUID, webhook_id: UUID) -> WebhookRecord | None:
        """The same, held until the transaction ends; tasks that end meanwhile need not wait for it."""
        statement = f"{_FIND} FOR NO KEY UPDATE"
        return await self._session.fetch_one(WebhookRecord, statement, project_id, webhook_id)

    async def update(
        self, webhook_id: UUID, *, url: str, events: Sequence[str], description: str, is_active: bool
    ) -> None:
        """Change it."""
        await self._session.execute(_UPDATE, webhook_id, url, list(events), description, is_active)

    async def delete(self, webhook_id: UUID) -> None:
        """Remove it with its deliveries."""
        await self._session.execute("DELETE FROM webhooks WHERE id = $1", webhook_id)

    async def sealed(self, webhook_id: UUID) -> bytes:
        """The sealed secret of one that is there."""
        found: bytes = await self._session.fetch_value("SELECT secret FROM webhooks WHERE id = $1", webhook_id)
        return found

    async def set_secret(self, webhook_id: UUID, sealed: bytes) -> None:
        """Sign with another secret from now on."""
        await self._session.execute(
            "UPDATE webhooks SET secret = $2, updated_at = clock_timestamp() WHERE id = $1", webhook_id, sealed
        )

    async def stale(self, mark: bytes, after: UUID, limit: int) -> list[SealedSecret]:
        """Up to `limit` secrets with ids beyond `after` that are not under the key of this mark, held."""
        return await self._session.fetch_all(
            SealedSecret,
            """
            SELECT id, secret FROM webhooks WHERE substring(secret FROM 1 FOR length($1::bytea)) <> $1 AND id > $2
            ORDER BY id LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED
            """,
            mark,
            after,
            limit,
        )

    async def reseal(self, webhook_id: UUID, sealed: bytes) -> None:
        """The same secret under another key, which is no change that anybody sees."""
        await self._session.execute("UPDATE webhooks SET secret = $2 WHERE id = $1", webhook_id, sealed)

    async def hold(self, webhook_id: UUID) -> bool:
        """Take it before its deliveries; False if it has gone."""
        return bool(
            await self._session.fetch_value("SELECT true FROM webhooks WHERE id = $1 FOR NO KEY UPDATE", webhook_id)
        )

    async def succeeded(self, webhook_id: UUID) -> None:
        """A delivery arrived."""
        await self._session.execute("UPDATE webhooks SET failures = 0 WHERE id = $1 AND failures > 0", webhook_id)

    async def gave_up(self, webhook_id: UUID, most: int) -> bool:
        """Count a delivery that never arrived, and switch off at the `most`th in a row; whether it is off now."""
        return bool(await self._session.fetch_value(_GAVE_UP, webhook_id, most))

    async def switch_off(self, webhook_id: UUID, reason: DisabledReason) -> None:
        """Send it nothing any more, unless somebody did that before."""
        await self._session.execute(_SWITCH_OFF, webhook_id, reason)
