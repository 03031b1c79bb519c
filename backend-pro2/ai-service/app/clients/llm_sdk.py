"""The openai SDK, with a transport that keeps what passes. Imported at first use, since it is large."""

from __future__ import annotations

import asyncio
import email.utils
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai

from shared.config import Settings

from .llm_exchange import Before, Exchange, ExchangeFailed, Fault
from .llm_reading import error_text

OPENAI = "https://api.openai.com/v1"
CONNECT_SECONDS = 10.0
# Below this a pooled connection is used again; servers and what stands before them commonly keep one for longer.
KEEP_ALIVE_SECONDS = 4.0
_PLAIN = frozenset({"", "identity"})

_CALL: ContextVar[tuple[Exchange, Before | None]] = ContextVar("llm_call")


def base_url(settings: Settings) -> str:
    """Where the server is; an address without a path is completed to the usual one."""
    given = settings.openai_base_url.rstrip("/") or OPENAI
    return given if urlsplit(given).path else f"{given}/v1"


class _Transport(httpx2.AsyncHTTPTransport):
    """Tells of each request before it leaves, and keeps the answer byte for byte as it comes."""

    def __init__(self, settings: Settings) -> None:
        most = settings.llm_concurrency
        limits = httpx2.Limits(max_connections=most, keepalive_expiry=KEEP_ALIVE_SECONDS)
        super().__init__(limits=limits)
        self._settings = settings

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """One request, of which there is one a call: nothing is followed, and nothing tried again, below us."""
        exchange, before = _CALL.get()
        if before is not None:
            await before(request.content)
        exchange.sending(request.content)
        response = await super().handle_async_request(request)
        exchange.http_status = response.status_code
        body = _Body(response.stream, exchange, self._settings)
        if response.headers.get("content-encoding", "").strip().lower() not in _PLAIN:
            # Not asked for, and a small one may unpack to any size.
            await body.aclose()
            raise ExchangeFailed(Fault.UNREADABLE, "The answer is compressed, which was not asked for.")
        headers = response.headers.copy()
        # A character set that is none would trip whoever reads an error.
        headers.pop("content-type", None)
        return httpx2.Response(response.status_code, headers=headers, stream=body, extensions=response.extensions)


class _Body(httpx2.AsyncByteStream):
    """A body on its way: kept, bounded in size, and given up when nothing comes."""

    def __init__(self, stream: Any, exchange: Exchange, settings: Settings) -> None:
        self._stream = stream
        self._exchange = exchange
        self._settings = settings

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = aiter(self._stream)
        while True:
            # How long the first bytes may take is bounded by the whole: a model may think before it speaks.
            seconds = self._settings.llm_idle_seconds if self._exchange.response_bytes else None
            try:
                async with asyncio.timeout(seconds) as limit:
                    piece = await anext(pieces)
            except StopAsyncIteration:
                return
            except TimeoutError:
                if limit.expired():
                    raise ExchangeFailed(Fault.IDLE) from None
                raise
            self._exchange.received(piece, self._settings.llm_max_answer_bytes)
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


def open_client(settings: Settings) -> openai.AsyncOpenAI:
    """A client that makes one request a call: no retries, no redirects, no proxies of the environment."""
    timeout = httpx2.Timeout(None, connect=CONNECT_SECONDS)
    http = httpx2.AsyncClient(
        transport=_Transport(settings),
        timeout=timeout,
        trust_env=False,
        follow_redirects=False,
        headers={"Accept-Encoding": "identity"},
    )
    return openai.AsyncOpenAI(
        api_key=settings.openai_api_key.get_secret_value(),
        base_url=base_url(settings),
        timeout=timeout,
        max_retries=0,
        http_client=http,
    )


@asynccontextmanager
async def answer(
    client: openai.AsyncOpenAI, body: Mapping[str, Any], exchange: Exchange, before: Before | None
) -> AsyncIterator[AsyncIterator[bytes]]:
    """Send the request; the body of its answer, piece by piece. The connection is closed if it is left early.

    Raises:
        ExchangeFailed: no success, or not to its end.
    """
    token = _CALL.set((exchange, before))
    try:
        async with client.chat.completions.with_streaming_response.create(**body) as response:
            yield response.iter_bytes()
    except openai.APIStatusError as error:
        raise _refusal(error) from error
    except openai.APIConnectionError as error:
        raise ExchangeFailed(_connection_fault(error.__cause__), type(error.__cause__).__name__) from error
    except httpx2.RequestError as error:
        raise ExchangeFailed(Fault.BROKEN, type(error).__name__) from error
    except ssl.SSLError as error:
        # The HTTP library lets these pass as they are.
        raise ExchangeFailed(Fault.BROKEN, type(error).__name__) from error
    finally:
        _CALL.reset(token)


def _connection_fault(cause: BaseException | None) -> Fault:
    never = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)
    return Fault.UNREACHABLE if isinstance(cause, never) else Fault.BROKEN


def _refusal(error: openai.APIStatusError) -> ExchangeFailed:
    return ExchangeFailed(
        Fault.REFUSED, error_text(error.body or error.response.text), _seconds(error.response.headers)
    )


def _seconds(headers: Mapping[str, str]) -> float | None:
    """What Retry-After says, in whichever of its two forms."""
    value = headers.get("retry-after", "").strip()
    if value.replace(".", "", 1).isdecimal():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
