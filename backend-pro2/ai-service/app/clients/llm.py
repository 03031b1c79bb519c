"""The LLM's server: one HTTP exchange at a time, bounded in time, idle time and size.

Whoever cancels an exchange closes its connection, so that the server stops to write.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from shared.config import Settings

from .llm_exchange import Before, Exchange, ExchangeFailed, Fault, OnText, Usage
from .llm_reading import AnswerReader

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = ["Exchange", "Fault", "LlmServer", "Usage"]

_SDK = f"{__package__}.llm_sdk"


class LlmServer:
    """The server that the settings name; connections are kept for a moment, and closed by `close`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: AsyncOpenAI | None = None
        self._sdk: Any = None
        self._opening = asyncio.Lock()

    async def exchange(
        self,
        body: Mapping[str, Any],
        *,
        on_text: OnText | None = None,
        before: Before | None = None,
        record: Exchange | None = None,
    ) -> Exchange:
        """Send `body` to `chat/completions`; what came of it, with `error` set unless the answer is whole.

        Args:
            on_text: given pieces of text as they come; the answer waits for it. It makes the request ask for a stream.
            before: given the exact bytes of the request before any of them leaves; what it raises ends the exchange.
            record: filled on the way, for those who must know how far it got when they are cancelled.
        """
        exchange = record or Exchange()
        reader = AnswerReader()
        client = await self._open()
        if on_text is not None:
            body = {**body, "stream": True, "stream_options": {"include_usage": True}}
        try:
            async with asyncio.timeout(self._settings.llm_timeout_seconds) as limit:
                async with self._sdk.answer(client, body, exchange, before) as pieces:
                    async for piece in pieces:
                        await _show(exchange, reader.feed(piece), on_text)
                await _show(exchange, reader.finish(), on_text)
        except ExchangeFailed as failure:
            exchange.failed(failure)
        except TimeoutError:
            if not limit.expired():
                raise
            exchange.failed(ExchangeFailed(Fault.TIMEOUT))
        finally:
            exchange.text, exchange.usage, exchange.finish_reason = reader.text, reader.usage, reader.finish_reason
        return exchange

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _open(self) -> AsyncOpenAI:
        async with self._opening:
            if self._client is None:
                # It takes most of a second, in which heartbeats must go on.
                self._sdk = await asyncio.to_thread(importlib.import_module, _SDK)
                self._client = self._sdk.open_client(self._settings)
            client: AsyncOpenAI = self._client
            return client


async def _show(exchange: Exchange, text: str, on_text: OnText | None) -> None:
    if text:
        exchange.said()
        if on_text is not None:
            await on_text(text)
