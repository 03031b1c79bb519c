"""The egress ledger and the meter: each request is written and paid for before it leaves, and settled once it ended.

All in short transactions of their own, so that no connection is held while a model thinks.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from shared.database import ForeignKeyViolation, Session
from shared.errors import Forbidden
from shared.ids import new_id
from shared.logging import get_logger
from shared.quotas import LlmBooking, record_llm_tokens, require_llm_tokens
from shared.resources import Resources
from shared.tasks import Task, TaskFailed, TaskRun
from shared.tasks.runner import AWAY

from ..clients.llm_exchange import Exchange, Fault, Usage
from ..repositories import llm_calls
from ..repositories.llm_calls import NewCall, OpenCall, Settlement
from ..schemas.llm_policies import Level
from .llm_costs import Spent, cost_of, estimated_tokens, spent_by, spent_by_lost
from .llm_meter import LlmMeter
from .llm_policies import policy_of

log = get_logger(__name__)

SETTLE_ATTEMPTS = 10
SETTLE_PAUSE_SECONDS = 1.0
# On top of the longest request: its end may still be on the way to the ledger.
LOST_AFTER_SECONDS = 60.0
FORGET_AT_ONCE = 500
# How often the chores are due.
LOST_SECONDS = 60.0
EGRESS_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Order:
    """What a request is for; `policy` is what may leave by it, the project's present one if it is None."""

    run: TaskRun
    purpose: str
    model: str
    server: str
    max_tokens: int
    policy: Level | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A request in the ledger, with what was set aside for it."""

    id: UUID
    model: str
    booking: LlmBooking


class LlmLedger:
    """Writes `llm_calls` and `llm_usage`."""

    def __init__(self, resources: Resources) -> None:
        self._database = resources.database
        self._settings = resources.settings
        self._meter = LlmMeter(self._settings)

    async def book(self, order: Order, request: bytes) -> Call:
        """Commit that this request leaves now, with tokens and money for it set aside.

        Raises:
            TaskFailed: quota or budget do not suffice, or who asked has no account any more.
            NotFound: the project has gone.
        """
        user_id = order.run.task.created_by
        if user_id is None:
            raise _nobody()
        try:
            async with self._database.transaction() as session:
                return await self._write(session, order, user_id, request)
        except Forbidden as error:
            self._meter.refused()
            raise TaskFailed(error.code, error.detail) from error
        except ForeignKeyViolation as error:
            raise _nobody() from error

    async def settle(self, call: Call, exchange: Exchange) -> Spent:
        """Write how the request ended, and replace what was set aside by what was spent."""
        spent, took = spent_by(self._settings, call.model, exchange), time.perf_counter() - exchange.sent_at
        for attempt in range(SETTLE_ATTEMPTS):
            try:
                async with self._database.transaction() as session:
                    end = self._settlement(exchange, spent)
                    is_first = await self._end(session, call.id, call.booking, end, spent)
            except AWAY:
                log.warning("llm_settlement_delayed", call_id=str(call.id), attempt=attempt)
                await asyncio.sleep(SETTLE_PAUSE_SECONDS)
            else:
                if is_first:
                    self._meter.settled(call.model, exchange.error, spent)
                    self._meter.took(call.model, exchange, took)
                return spent
        # The next run of the task, or the chore, settles it as lost.
        log.error("llm_settlement_missed", call_id=str(call.id))
        return spent

    async def settle_former_runs(self, task: Task) -> None:
        """Settle as lost what earlier runs of the task sent and never settled."""
        if task.claims > 1:
            await self._lose(lambda session: llm_calls.open_of_former_runs(session, task.id, task.claims))

    async def settle_lost(self) -> int:
        """Settle what was sent longer ago than any request takes; how many there were."""
        age = timedelta(seconds=self._settings.llm_timeout_seconds + LOST_AFTER_SECONDS)
        return await self._lose(lambda session: llm_calls.open_for(session, age))

    async def forget(self) -> int:
        """Remove entries older than LLM_EGRESS_DAYS; how many there were."""
        if not self._settings.llm_egress_days:
            return 0
        age, removed = timedelta(days=self._settings.llm_egress_days), 0
        while True:
            async with self._database.transaction() as session:
                count = await llm_calls.forget(session, age, FORGET_AT_ONCE)
            removed += count
            if count < FORGET_AT_ONCE:
                return removed

    async def _write(self, session: Session, order: Order, user_id: UUID, request: bytes) -> Call:
        task = order.run.task
        expected = Usage(estimated_tokens(len(request)), order.max_tokens)
        tokens, cost = expected.tokens_in + expected.tokens_out, cost_of(self._settings, order.model, expected)
        # Read here, so that what the ledger says is what was in force when it left.
        policy = order.policy or await policy_of(session, self._settings, task.project_id)
        booking = await require_llm_tokens(session, self._settings, task.project_id, user_id, tokens, cost)
        call = Call(new_id(), order.model, booking)
        of_task = (call.id, task.project_id, user_id, task.id, task.claims, order.purpose, policy)
        of_request = (order.model, order.server, request, booking.month, tokens, cost)
        await llm_calls.insert(session, NewCall(*of_task, *of_request))
        return call

    async def _lose(self, find: Callable[[Session], Awaitable[OpenCall | None]]) -> int:
        """Settle what `find` finds, one at a time, so that nobody holds two months that another wants; how many."""
        number = 0
        while True:
            async with self._database.transaction() as session:
                call = await find(session)
                if call is None:
                    return number
                spent = spent_by_lost(self._settings, call.model, call.request_bytes, call.booked_tokens)
                end = _ended(Exchange(error=Fault.LOST), spent, b"")
                is_first = await self._end(session, call.id, _booking(call), end, spent)
            if is_first:
                self._meter.settled(call.model, Fault.LOST, spent)
            number += 1
            log.warning("llm_call_lost", call_id=str(call.id))

    async def _end(
        self, session: Session, call_id: UUID, booking: LlmBooking | None, end: Settlement, spent: Spent
    ) -> bool:
        """Whether nobody had settled it before."""
        if not await llm_calls.settle(session, call_id, end):
            return False
        if booking is None:
            return True
        usage = spent.usage
        await record_llm_tokens(
            session,
            booking,
            tokens_in=usage.tokens_in,
            tokens_out=usage.tokens_out,
            tokens_cached=usage.tokens_cached,
            cost=spent.cost,
        )
        return True

    def _settlement(self, exchange: Exchange, spent: Spent) -> Settlement:
        key = self._settings.openai_api_key.get_secret_value().encode()
        response = exchange.response
        # A server that repeats the key would hand it to the project's owner.
        return _ended(exchange, spent, response.replace(key, b"*" * len(key)) if key in response else response)


def _ended(exchange: Exchange, spent: Spent, response: bytes) -> Settlement:
    usage = spent.usage
    return Settlement(
        status=_status(exchange.error),
        response=response,
        response_bytes=exchange.response_bytes,
        http_status=exchange.http_status,
        error=exchange.error,
        tokens_in=usage.tokens_in,
        tokens_out=usage.tokens_out,
        tokens_cached=usage.tokens_cached,
        cost=spent.cost,
        is_estimated=spent.is_estimated,
        first_token_ms=exchange.first_token_ms,
    )


def _status(error: Fault | None) -> str:
    named = {None: "answered", Fault.UNREADABLE: "answered", Fault.REFUSED: "refused", Fault.LOST: "lost"}
    return named.get(error, "cut")


def _booking(call: OpenCall) -> LlmBooking | None:
    if call.user_id is None:
        return None
    return LlmBooking(call.project_id, call.user_id, call.month, call.booked_tokens, call.booked_cost)


def _nobody() -> TaskFailed:
    return TaskFailed("llm_refused", "Whoever asked has no account any more, so nothing is sent to the LLM for it.")


async def settle_lost_calls(resources: Resources) -> None:
    """A chore: requests whose worker died and whose task never ran again; harmless when several do it at once."""
    await LlmLedger(resources).settle_lost()


async def forget_old_calls(resources: Resources) -> None:
    """A chore: what the egress ledger need not keep any longer."""
    if removed := await LlmLedger(resources).forget():
        log.info("llm_calls_forgotten", count=removed)
