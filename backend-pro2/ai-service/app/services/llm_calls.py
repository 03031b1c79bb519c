"""Asking the LLM: from messages to text, within budgets, with everything that leaves in the ledger."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID
from weakref import WeakKeyDictionary

from shared.config import Settings
from shared.database import Database
from shared.errors import ServiceUnavailable
from shared.logging import get_logger
from shared.resources import Resources
from shared.tasks import TaskFailed, TaskRun, TryLater
from shared.tracing import CLIENT, span

from ..clients.llm import Exchange, Fault, LlmServer
from ..clients.llm_exchange import OnText
from ..schemas.llm_policies import Level
from .llm_breaker import LlmBreaker
from .llm_cache import LlmCache, Remembered
from .llm_costs import Spent
from .llm_ledger import Call, LlmLedger, Order

log = get_logger(__name__)

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 8.0
OPENAI = "https://api.openai.com/v1"
AWAY = "The LLM is away for the moment; the task goes on by itself when it answers again."
# HTTP statuses after which the same request may well succeed.
_PASSING = frozenset({408, 409, 425, 429})


class LlmNotConfigured(ServiceUnavailable):
    """This instance has no LLM; everything else works."""

    code = "llm_not_configured"
    headers = {"Retry-After": "3600"}  # noqa: RUF012 - a read-only Mapping by its declared type

    def __init__(self) -> None:
        super().__init__("No LLM is configured; the operator sets OPENAI_API_KEY.")


def require_llm(settings: Settings) -> None:
    """To be asked first by every use case that needs the LLM.

    Raises:
        LlmNotConfigured: there is no key for one.
    """
    if not settings.openai_api_key.get_secret_value():
        raise LlmNotConfigured


@dataclass(frozen=True, slots=True)
class Completion:
    """What the model said. A `cached` one cost nothing and left nothing; its `call_id` is that of the first time."""

    text: str
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    cost: Decimal
    cached: bool
    call_id: UUID
    finish_reason: str | None = None


@dataclass(frozen=True, slots=True)
class _Ended:
    call: Call
    exchange: Exchange
    spent: Spent


class LlmCalls:
    """One for each process: its bound of requests under way and its circuit breaker are the process's."""

    def __init__(self, resources: Resources) -> None:
        self._settings = resources.settings
        self._server = LlmServer(resources.settings)
        self._ledger = LlmLedger(resources)
        self._cache = LlmCache(resources)
        self._breaker = LlmBreaker()
        self._under_way = asyncio.Semaphore(resources.settings.llm_concurrency)

    async def complete(
        self,
        run: TaskRun,
        purpose: str,
        messages: Sequence[Mapping[str, str]],
        *,
        max_tokens: int = 1024,
        on_text: OnText | None = None,
        policy: Level | None = None,
        fresh: bool = False,
    ) -> Completion:
        """Ask, on behalf of the task's creator.

        Args:
            purpose: what for, in the ledger: "plan", "repair", "answer", …
            messages: members `role` and `content`.
            on_text: given the text in pieces as it comes; the model is held up while it is awaited.
            policy: what the messages were made under; without it the ledger notes the project's present one.
            fresh: ask also if the same request was answered lately.

        Raises:
            TaskFailed: `llm_not_configured`, `llm_unavailable`, `llm_refused`, `llm_answer_too_large`, `llm_timeout`,
                `llm_budget_exceeded`, `quota_exceeded`.
            TryLater: the LLM is away, and the task has not waited for LLM_WAIT_SECONDS yet.
        """
        try:
            require_llm(self._settings)
        except LlmNotConfigured as error:
            raise TaskFailed(error.code, error.detail) from error
        await self._ledger.settle_former_runs(run.task)
        body = self._body(messages, max_tokens)
        key = self._cache.key(run.task.project_id, self._address, body)
        # Whoever has a task done once more wants other answers than those that it failed with.
        is_once_more = run.task.max_attempts > self._settings.task_max_attempts
        if not (fresh or is_once_more) and (known := await self._cache.find(key)) is not None:
            return await _remembered(known, on_text)
        order = Order(run, purpose, self._settings.openai_model, self._address, max_tokens, policy)
        ended = await self._ask(order, body, on_text)
        exchange, usage = ended.exchange, ended.spent.usage
        await self._cache.keep(key, Remembered(exchange.text, exchange.finish_reason, str(ended.call.id)))
        tokens = (usage.tokens_in, usage.tokens_out, usage.tokens_cached)
        return Completion(exchange.text, *tokens, ended.spent.cost, False, ended.call.id, exchange.finish_reason)

    async def close(self) -> None:
        """Close the connections to the server."""
        await self._server.close()

    @property
    def _address(self) -> str:
        return self._settings.openai_base_url or OPENAI

    def _body(self, messages: Sequence[Mapping[str, str]], max_tokens: int) -> dict[str, Any]:
        settings = self._settings
        body: dict[str, Any] = {
            "model": settings.openai_model,
            "messages": [{"role": message["role"], "content": message["content"]} for message in messages],
            settings.llm_tokens_parameter: max_tokens,
        }
        if settings.llm_temperature is not None:
            body["temperature"] = settings.llm_temperature
        return body

    async def _ask(self, order: Order, body: Mapping[str, Any], on_text: OnText | None) -> _Ended:
        attempt = 0
        while True:
            if wait := self._breaker.wait():
                raise self._no_answer(order.run, AWAY, wait)
            attempt += 1
            async with self._under_way:
                ended = await self._once(order, body, on_text)
            exchange = ended.exchange
            if exchange.error is None:
                self._breaker.succeeded()
                return ended
            log.warning("llm_call_failed", error=exchange.error, status=exchange.http_status, attempt=attempt)
            self._judge(exchange)
            if attempt >= self._settings.llm_attempts or not self._may_repeat(exchange, on_text):
                raise self._no_answer(order.run, _away(exchange), exchange.retry_after)
            await asyncio.sleep(_pause(attempt, exchange.retry_after))

    def _may_repeat(self, exchange: Exchange, on_text: OnText | None) -> bool:
        # What was shown already cannot be taken back, so an answer that broke off is not begun anew here.
        is_shown = on_text is not None and bool(exchange.text)
        return not is_shown and (exchange.retry_after or 0) <= self._settings.llm_retry_after_seconds

    async def _once(self, order: Order, body: Mapping[str, Any], on_text: OnText | None) -> _Ended:
        with span(f"chat {order.model}", _told(order), kind=CLIENT) as asked:
            ended = await self._exchange(order, body, on_text)
            asked.set("gen_ai.usage.input_tokens", ended.spent.usage.tokens_in)
            asked.set("gen_ai.usage.output_tokens", ended.spent.usage.tokens_out)
            if ended.exchange.error is not None:
                asked.fail(ended.exchange.error)
        return ended

    async def _exchange(self, order: Order, body: Mapping[str, Any], on_text: OnText | None) -> _Ended:
        exchange, calls = Exchange(), list[Call]()

        async def before(request: bytes) -> None:
            calls.append(await self._ledger.book(order, request))

        try:
            await self._server.exchange(body, on_text=on_text, before=before, record=exchange)
        except BaseException:
            exchange.error = Fault.CANCELLED
            raise
        finally:
            # Whoever is cancelled leaves at once, but what was sent is settled all the same.
            settled = [await asyncio.shield(self._ledger.settle(call, exchange)) for call in calls]
        return _Ended(calls[0], exchange, settled[0])

    def _judge(self, exchange: Exchange) -> None:
        """Tell the breaker, and end what another request would not mend."""
        fault, status = exchange.error, exchange.http_status or 0
        if fault is Fault.REFUSED and status < 500:
            self._breaker.succeeded()
            if status not in _PASSING:
                raise self._refusal(exchange)
            return
        if fault is Fault.TOO_LARGE:
            self._breaker.succeeded()
            most = self._settings.llm_max_answer_bytes
            raise TaskFailed("llm_answer_too_large", f"The LLM's answer is longer than {most} bytes; it was cut off.")
        self._breaker.failed()
        if fault in (Fault.TIMEOUT, Fault.IDLE):
            raise TaskFailed("llm_timeout", _slow(self._settings.llm_timeout_seconds, exchange))

    def _refusal(self, exchange: Exchange) -> TaskFailed:
        status = exchange.http_status
        if status in (401, 403):
            # Servers like to repeat parts of the key here.
            return TaskFailed("llm_refused", f"The LLM's server does not accept OPENAI_API_KEY (HTTP {status}).")
        detail = exchange.detail.replace(self._settings.openai_api_key.get_secret_value(), "…")
        return TaskFailed("llm_refused", f"The LLM's server refused the request (HTTP {status}): {detail}")

    def _no_answer(self, run: TaskRun, reason: str, wait: float | None) -> TryLater | TaskFailed:
        begun = run.task.started_at or datetime.now(UTC)
        left = self._settings.llm_wait_seconds - (datetime.now(UTC) - begun).total_seconds()
        return TryLater(AWAY, wait) if left > (wait or 0) else TaskFailed("llm_unavailable", reason)


# By what the process holds: a process has one of these, tests have several.
_CALLS: WeakKeyDictionary[Database, LlmCalls] = WeakKeyDictionary()


def llm_calls_of(resources: Resources) -> LlmCalls:
    """The process's own, closed with its resources."""
    calls = _CALLS.get(resources.database)
    if calls is None:
        calls = _CALLS[resources.database] = LlmCalls(resources)
        resources.closers.append(calls.close)
    return calls


async def _remembered(known: Remembered, on_text: OnText | None) -> Completion:
    if on_text is not None and known.text:
        await on_text(known.text)
    return Completion(known.text, 0, 0, 0, Decimal(0), True, UUID(known.call_id), known.finish_reason)


def _told(order: Order) -> dict[str, str | int]:
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": order.model,
        "gen_ai.request.max_tokens": order.max_tokens,
        "server.address": urlsplit(order.server).hostname or "",
        "llm.purpose": order.purpose,
    }


def _pause(attempt: int, retry_after: float | None) -> float:
    """Twice as long each time, or what the server asks for; never quite the same, so that many do not come at once."""
    pause = max(min(FIRST_PAUSE_SECONDS * 2.0 ** (attempt - 1), LONGEST_PAUSE_SECONDS), retry_after or 0.0)
    return pause * random.uniform(1.0, 1.25)  # noqa: S311 - no secret


def _away(exchange: Exchange) -> str:
    if exchange.http_status == 429:
        return "The LLM's server takes no more requests for the moment (HTTP 429); retry the task later."
    said = f" (HTTP {exchange.http_status})" if exchange.http_status else f" ({exchange.error})"
    return f"The LLM's server gave no usable answer{said}; retry the task later."


def _slow(seconds: float, exchange: Exchange) -> str:
    if exchange.error is Fault.IDLE:
        return "The LLM's server began an answer and then fell silent."
    return f"The LLM's server did not answer within {seconds:g} s."
