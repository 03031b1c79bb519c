"""Sends what the outbox of webhooks holds, apart from any request."""

import asyncio
import contextvars
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

import asyncpg

from shared.config import Settings
from shared.errors import ServiceUnavailable
from shared.logging import get_logger
from shared.metrics import webhooks as metrics
from shared.metrics.webhooks import Outcome

from ..clients.webhooks import Answer
from ..core.webhook_messages import body_of, headers_of, pause_after
from ..core.webhook_secrets import SecretBox, SecretUnreadable
from ..repositories import Repositories, UnitOfWork
from ..repositories.webhook_deliveries import AttemptRecord, DueDelivery
from ..repositories.webhooks import DisabledReason
from ..schemas.webhook_deliveries import TEST_EVENT

log = get_logger(__name__)

# Events are written by other processes; nobody wakes us for them.
POLL_SECONDS = 1.0
# Asked again in vain every second, the database's absence would fill the log.
TROUBLE_SECONDS = 5.0
MOST_AT_ONCE = 16
# One slow receiver must not hold up the others, nor a project with many of them other people's.
MOST_OF_ONE = 2
MOST_OF_PROJECT = 4
# More than any try takes beyond its answer, so that no other gateway sends the same meanwhile.
MARGIN = timedelta(seconds=30)
FAILURES_TO_SWITCH_OFF = 10
GONE = 410
GOODBYE_SECONDS = 5.0


class Transport(Protocol):
    """How a try is made."""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Make it."""


class WebhookSender:
    """Several tries at once a gateway; several gateways take different deliveries.

    Each arrives once or more often, and in no promised order: a try whose answer was lost is made again under the same
    message id.
    """

    def __init__(self, begin: UnitOfWork, transport: Transport, box: SecretBox, settings: Settings) -> None:
        self._begin = begin
        self._transport = transport
        self._box = box
        self._most_attempts = settings.webhook_attempts
        self._lease = timedelta(seconds=settings.webhook_timeout_seconds) + MARGIN
        self._woken = asyncio.Event()
        self._stopping = False
        self._running: asyncio.Task[None] | None = None
        self._sending: dict[asyncio.Task[None], DueDelivery] = {}

    def wake(self) -> None:
        """Tell that a transaction with a delivery has just committed."""
        self._woken.set()

    def start(self) -> None:
        """Begin."""
        # In a context of its own: it must not log the ids of whoever happened to start it.
        self._running = asyncio.create_task(self._run(), context=contextvars.Context())

    async def close(self) -> None:
        """Stop after the tries that are under way, if they do not take long; others are made again later."""
        self._stopping = True
        self.wake()
        running, self._running = self._running, None
        if running is not None:
            await asyncio.wait([running], timeout=GOODBYE_SECONDS)
        tasks = [task for task in (running, *self._sending) if task is not None]
        if self._sending:
            await asyncio.wait(list(self._sending), timeout=GOODBYE_SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def deliver_due(self) -> int:
        """Try all that is due; how many tries that were."""
        tries = 0
        while started := await self._fill():
            tries += started
            await asyncio.gather(*self._sending)
        return tries

    async def _run(self) -> None:
        while not self._stopping:
            self._woken.clear()
            pause = POLL_SECONDS
            try:
                await self._fill()
            except (ServiceUnavailable, asyncpg.PostgresError) as error:
                pause = TROUBLE_SECONDS
                log.info("webhooks_wait", error=type(error).__name__)
            except Exception:  # the edge of a background task: nobody above could do anything about it
                pause = TROUBLE_SECONDS
                log.exception("webhooks_failed")
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._woken.wait()

    async def _fill(self) -> int:
        """Begin tries until as many are under way as may; how many."""
        started = 0
        while not self._stopping and len(self._sending) < MOST_AT_ONCE:
            async with self._begin() as repositories:
                due = await repositories.webhook_deliveries.claim(self._lease, self._busy())
            if due is None:
                break
            task = asyncio.create_task(self._deliver(due))
            self._sending[task] = due
            task.add_done_callback(self._ended)
            started += 1
        return started

    def _busy(self) -> list[UUID]:
        """Webhooks and projects of which as many tries are under way as may."""
        of_each = Counter(due.webhook_id for due in self._sending.values())
        of_projects = Counter(due.project_id for due in self._sending.values())
        busy = [webhook_id for webhook_id, count in of_each.items() if count >= MOST_OF_ONE]
        return busy + [project_id for project_id, count in of_projects.items() if count >= MOST_OF_PROJECT]

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._sending.pop(task, None)
        self.wake()

    async def _deliver(self, due: DueDelivery) -> None:
        try:
            await self._try(due)
        except (ServiceUnavailable, asyncpg.PostgresError) as error:
            # What came of it is lost, so it is tried again once its lease has passed.
            log.warning("webhook_attempt_lost", delivery_id=str(due.id), error=type(error).__name__)
        except Exception:  # the edge of a background task: nobody above could do anything about it
            log.exception("webhook_attempt_failed", delivery_id=str(due.id))

    async def _try(self, due: DueDelivery) -> None:
        if due.attempts > self._most_of(due):
            # Only if each try took its process along.
            await self._record(due, Answer(None, 0, "No try of this delivery ever ended."), datetime.now(UTC))
            return
        at, body = datetime.now(UTC), body_of(due.payload)
        try:
            keys = self._box.open(due.webhook_id, due.secret)
        except SecretUnreadable:
            answer = Answer(None, 0, "Its secret cannot be read any more. Set another one.")
            await self._record(due, answer, at, "secret_unreadable")
            return
        answer = await self._transport.post(due.url, headers_of(str(due.message_id), at, body, keys), body)
        await self._record(due, answer, at, "gone" if answer.status == GONE else None)

    async def _record(self, due: DueDelivery, answer: Answer, at: datetime, end: DisabledReason | None = None) -> None:
        """Keep what came of a try, and decide what follows; `end` switches the webhook off."""
        error = answer.error
        tried = AttemptRecord(due.id, due.attempts, at, answer.status, answer.took_ms, error, answer.excerpt)
        async with self._begin() as repositories:
            outcome: Outcome = "failed"
            if answer.is_good:
                await repositories.webhooks.succeeded(due.webhook_id)
                await repositories.webhook_deliveries.delivered(due.id)
                outcome = "delivered"
            elif end is None and due.attempts < self._most_of(due):
                pause = pause_after(due.attempts, answer.retry_after)
                await repositories.webhook_deliveries.postpone(due.id, due.attempts, pause)
                outcome = "postponed"
            else:
                await self._give_up(repositories, due, end)
            await repositories.webhook_deliveries.note(tried)
        metrics.tried(outcome)
        about = {"status": answer.status, "took_ms": answer.took_ms, "attempt": due.attempts, "outcome": outcome}
        log.info("webhook_tried", delivery_id=str(due.id), webhook_id=str(due.webhook_id), **about)

    async def _give_up(self, repositories: Repositories, due: DueDelivery, end: DisabledReason | None) -> None:
        # The webhook before its deliveries, as everybody has it.
        if not await repositories.webhooks.hold(due.webhook_id):
            return
        if not await repositories.webhook_deliveries.failed(due.id, due.attempts):
            return
        if end is not None:
            await repositories.webhooks.switch_off(due.webhook_id, end)
        # A test says nothing about events that never arrived.
        elif due.event == TEST_EVENT or not await repositories.webhooks.gave_up(due.webhook_id, FAILURES_TO_SWITCH_OFF):
            return
        await repositories.webhook_deliveries.keep_back(due.webhook_id)
        log.warning("webhook_switched_off", webhook_id=str(due.webhook_id), reason=end or "too_many_failures")

    def _most_of(self, due: DueDelivery) -> int:
        return 1 if due.event == TEST_EVENT else self._most_attempts
