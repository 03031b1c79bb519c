"""Deliveries of webhooks: looked at, asked for as a test, and sent once more."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID

from shared.errors import NotFound
from shared.idempotency import keep_answer
from shared.ids import new_id
from shared.logging import get_logger
from shared.membership import ProjectRole, require_project
from shared.pagination import decode_cursor, page_of
from shared.schemas import Page

from ..core.exceptions import TooManyDeliveries, WebhookInactive
from ..repositories import Repositories, UnitOfWork
from ..repositories.webhook_deliveries import AttemptRecord, DeliveryRecord, NewDelivery
from ..schemas.webhook_deliveries import TEST_EVENT, Delivery, DeliverySelection, WebhookAttempt
from .projects import require_role, seen

log = get_logger(__name__)

# Asked for by people; events are not bounded by it.
MAXIMUM_PENDING = 100
LOOK_SECONDS = 0.2


class WebhookDeliveryService:
    """Use cases of /projects/{id}/webhooks/{id}/deliveries, for editors: receivers' answers are no viewer's business.

    Raises (all methods):
        NotFound: the project, the webhook in it, or the delivery is absent or not the user's to see.
        Forbidden: the user is a viewer.
    """

    def __init__(self, begin: UnitOfWork, wake_sender: Callable[[], None]) -> None:
        self._begin = begin
        self._wake_sender = wake_sender

    async def list(
        self,
        user_id: UUID,
        project_id: UUID,
        webhook_id: UUID,
        chosen: DeliverySelection,
        limit: int,
        cursor: str | None,
    ) -> Page[Delivery]:
        """One page, newest first, each with its tries."""
        before = decode_cursor(cursor)
        async with self._begin(read_only=True) as repositories:
            await _look(repositories, user_id, project_id, webhook_id)
            deliveries = repositories.webhook_deliveries
            rows = await deliveries.page_of(webhook_id, chosen.status, chosen.event, limit + 1, before)
            tries = await deliveries.attempts_of([row.id for row in rows])
        return page_of(rows, limit, lambda row: _body(row, tries), lambda row: row.id)

    async def read(self, user_id: UUID, project_id: UUID, webhook_id: UUID, delivery_id: UUID) -> Delivery:
        """One delivery with its tries."""
        async with self._begin(read_only=True) as repositories:
            await _look(repositories, user_id, project_id, webhook_id)
            return await _delivery(repositories, webhook_id, delivery_id)

    async def test(self, user_id: UUID, project_id: UUID, webhook_id: UUID, wait: float = 0) -> Delivery:
        """Send an event that is none, the way that all go, but once; as it stands after `wait` seconds at most.

        Raises:
            ProjectArchived. WebhookInactive: switch it on first. TooManyDeliveries: a hundred wait already.
        """
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        data = {"project_id": str(project_id), "webhook_id": str(webhook_id)}
        payload = {"type": TEST_EVENT, "timestamp": now, "data": data}
        async with self._begin() as repositories:
            await _may_send(repositories, user_id, project_id, webhook_id)
            made = await _send(repositories, NewDelivery(new_id(), webhook_id, TEST_EVENT, payload))
        return await self._outcome(made, wait)

    async def replay(
        self, user_id: UUID, project_id: UUID, webhook_id: UUID, delivery_id: UUID, wait: float = 0
    ) -> Delivery:
        """Send a message once more: same id, same body, to where the webhook leads now. Raises like `test`."""
        async with self._begin() as repositories:
            await _may_send(repositories, user_id, project_id, webhook_id)
            first = await repositories.webhook_deliveries.find(webhook_id, delivery_id)
            if first is None:
                raise NotFound
            message_id = first.replay_of or first.id
            made = await _send(repositories, NewDelivery(new_id(), webhook_id, first.event, first.payload, message_id))
        return await self._outcome(made, wait)

    async def _outcome(self, made: Delivery, wait: float) -> Delivery:
        self._wake_sender()
        log.info("webhook_delivery_asked_for", delivery_id=str(made.id), event_type=made.event)
        deadline = time.monotonic() + wait
        while not made.attempts and made.status == "pending" and time.monotonic() < deadline:
            # Another gateway may be the one that sends it.
            await asyncio.sleep(LOOK_SECONDS)
            async with self._begin(read_only=True) as repositories:
                made = await _delivery(repositories, made.webhook_id, made.id)
        return made


async def _look(repositories: Repositories, user_id: UUID, project_id: UUID, webhook_id: UUID) -> None:
    project = seen(await repositories.projects.seen_by(user_id, project_id))
    if await repositories.webhooks.find(project_id, webhook_id) is None:
        raise NotFound
    require_role(project, ProjectRole.EDITOR)


async def _may_send(repositories: Repositories, user_id: UUID, project_id: UUID, webhook_id: UUID) -> None:
    await require_project(repositories.session, project_id, user_id, minimum=ProjectRole.EDITOR)
    # Held, so that two who count come in turn.
    webhook = await repositories.webhooks.lock(project_id, webhook_id)
    if webhook is None:
        raise NotFound
    if not webhook.is_active:
        raise WebhookInactive
    if await repositories.webhook_deliveries.count_pending(webhook_id, MAXIMUM_PENDING) >= MAXIMUM_PENDING:
        raise TooManyDeliveries(f"{MAXIMUM_PENDING} deliveries of this webhook wait; try again when some have arrived.")


async def _send(repositories: Repositories, new: NewDelivery) -> Delivery:
    await repositories.webhook_deliveries.insert(new)
    made = await _delivery(repositories, new.webhook_id, new.id)
    await keep_answer(repositories.session, made)
    return made


async def _delivery(repositories: Repositories, webhook_id: UUID, delivery_id: UUID) -> Delivery:
    row = await repositories.webhook_deliveries.find(webhook_id, delivery_id)
    if row is None:
        raise NotFound
    return _body(row, await repositories.webhook_deliveries.attempts_of([delivery_id]))


def _body(row: DeliveryRecord, tries: Sequence[AttemptRecord]) -> Delivery:
    return Delivery(
        id=row.id,
        webhook_id=row.webhook_id,
        message_id=row.replay_of or row.id,
        event=row.event,
        payload=row.payload,
        status=row.status,
        attempt_count=row.attempts,
        attempts=[WebhookAttempt.model_validate(one) for one in tries if one.delivery_id == row.id],
        next_attempt_at=row.due_at,
        replay_of=row.replay_of,
        created_at=row.created_at,
        finished_at=row.finished_at,
    )
