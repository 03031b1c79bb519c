"""Spans on their way to the collector: bounded in number, sent by a thread of its own, and never waited for."""

import logging
import threading
import time
from collections import deque

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from shared.logging import get_logger
from shared.metrics.traces import EXPORT_FAILED, EXPORTED, QUEUE_FULL, SHUTDOWN

log = get_logger(__name__)

# A few megabytes at most. A batch is small, since making its message holds the interpreter for some milliseconds.
MOST_WAITING = 4096
BATCH_SPANS = 128
PAUSE_SECONDS = 1.0
FLUSH_SECONDS = 2.0
TELL_SECONDS = 60.0


class LastWords(logging.Handler):
    """Keeps what the exporter says last, which is why it failed; by itself it would say so every second."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._lines: deque[str] = deque(maxlen=2)
        self._logger = logging.getLogger(name)
        self._logger.propagate = False
        self._logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Take one line."""
        self._lines.append(record.getMessage()[:300])

    @property
    def text(self) -> str:
        """Its last two lines: the second tells what came of it, the first often why."""
        return " ".join(self._lines)

    def forget(self) -> None:
        """Let the library speak for itself again."""
        self._logger.removeHandler(self)
        self._logger.propagate = True


class Batches(SpanProcessor):
    """Own code instead of the SDK's batch processor: that one waits 30 s at the end, starts its thread again in every
    fork, and tells nobody what it has dropped."""

    def __init__(self, exporter: SpanExporter, words: LastWords | None = None) -> None:
        self._exporter = exporter
        self._words = words
        self._waiting: deque[ReadableSpan] = deque()
        self._wake = threading.Event()
        self._is_closing = False
        self._is_closed = False
        self._told_at = -TELL_SECONDS
        self._thread = threading.Thread(target=self._work, name="traces", daemon=True)
        self._thread.start()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Nothing to do yet."""

    def on_end(self, span: ReadableSpan) -> None:
        """Take a span that is over; it is dropped where too many wait."""
        if self._is_closing:
            SHUTDOWN.inc()
        elif len(self._waiting) >= MOST_WAITING:
            QUEUE_FULL.inc()
        else:
            self._waiting.append(span)
            if len(self._waiting) >= BATCH_SPANS:
                self._wake.set()

    def shutdown(self) -> None:
        """Send what waits, for two seconds at most."""
        if self._is_closing:
            return
        self._is_closing = True
        self._wake.set()
        self._thread.join(FLUSH_SECONDS)
        self._is_closed = True
        SHUTDOWN.inc(len(self._waiting))
        # Cuts short the pause before another try; whatever the thread still does ends with the process.
        self._exporter.shutdown()
        if self._words is not None:
            self._words.forget()

    def force_flush(self, timeout_millis: int = 30000) -> bool:  # noqa: ARG002 - the SDK's
        """Not offered: nobody may wait for a collector."""
        return not self._waiting

    def _work(self) -> None:
        while not self._is_closing:
            self._wake.wait(PAUSE_SECONDS)
            self._wake.clear()
            self._send_all()
        self._send_all()

    def _send_all(self) -> None:
        while self._waiting and not self._is_closed:
            self._send([self._waiting.popleft() for _ in range(min(BATCH_SPANS, len(self._waiting)))])

    def _send(self, batch: list[ReadableSpan]) -> None:
        try:
            is_taken = self._exporter.export(batch) is SpanExportResult.SUCCESS
            reason = "" if is_taken or self._words is None else self._words.text
        except Exception as error:  # noqa: BLE001 - the edge of the thread, which must live on
            is_taken, reason = False, type(error).__name__
        if is_taken:
            EXPORTED.inc(len(batch))
            return
        EXPORT_FAILED.inc(len(batch))
        if time.monotonic() - self._told_at >= TELL_SECONDS:
            self._told_at = time.monotonic()
            log.warning("trace_export_failed", spans=len(batch), reason=reason)
