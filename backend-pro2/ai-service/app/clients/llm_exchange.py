"""One HTTP exchange with the LLM, as it went: what left, what came back, and how it ended."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum

OnText = Callable[[str], Awaitable[None]]
Before = Callable[[bytes], Awaitable[None]]


class Fault(StrEnum):
    """Why there is no whole answer."""

    UNREACHABLE = "unreachable"
    """No connection, so nothing left."""
    BROKEN = "broken"
    """The connection or the answer broke off."""
    TIMEOUT = "timeout"
    """Not whole within LLM_TIMEOUT_SECONDS."""
    IDLE = "idle"
    """It began, and then nothing came for LLM_IDLE_SECONDS."""
    TOO_LARGE = "too_large"
    """Longer than LLM_MAX_ANSWER_BYTES."""
    REFUSED = "refused"
    """The server answered with an HTTP status that is no success."""
    UNREADABLE = "unreadable"
    """What came is no chat completion."""
    CANCELLED = "cancelled"
    """Whoever asked does not want it any more."""
    LOST = "lost"
    """Its worker died, so nobody knows."""


class ExchangeFailed(Exception):
    """The exchange ended early; `fault` says why and `detail` what the server said about it."""

    def __init__(self, fault: Fault, detail: str = "", retry_after: float | None = None) -> None:
        super().__init__(fault)
        self.fault = fault
        self.detail = detail
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the server counted them; `tokens_cached` are among `tokens_in`."""

    tokens_in: int
    tokens_out: int
    tokens_cached: int = 0


@dataclass(slots=True)
class Exchange:
    """What left and what came. It is filled while it goes on, so that one cut short tells how far it got."""

    request: bytes = b""
    http_status: int | None = None
    text: str = ""
    usage: Usage | None = None
    finish_reason: str | None = None
    first_token_ms: int | None = None
    error: Fault | None = None
    detail: str = ""
    retry_after: float | None = None
    response_bytes: int = 0
    pieces: list[bytes] = field(default_factory=list)
    sent_at: float = 0.0

    @property
    def response(self) -> bytes:
        """The body as received, byte for byte."""
        return b"".join(self.pieces)

    def sending(self, request: bytes) -> None:
        """The request leaves now."""
        self.request = request
        self.sent_at = time.perf_counter()

    def received(self, piece: bytes, most: int) -> None:
        """Keep a piece of the body, but no more than `most` bytes altogether.

        Raises:
            ExchangeFailed: that was too much.
        """
        room = most - self.response_bytes
        self.response_bytes += len(piece)
        self.pieces.append(piece[:room] if room < len(piece) else piece)
        if room < len(piece):
            raise ExchangeFailed(Fault.TOO_LARGE)

    def said(self) -> None:
        """Note when the first text was there."""
        if self.first_token_ms is None:
            self.first_token_ms = round((time.perf_counter() - self.sent_at) * 1000)

    def failed(self, failure: ExchangeFailed) -> None:
        """End so."""
        self.error, self.detail, self.retry_after = failure.fault, failure.detail, failure.retry_after
