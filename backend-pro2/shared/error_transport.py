"""How reports travel, with each one's outcome counted; loaded only where errors are reported."""

from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import HttpTransport

from shared.metrics.logs import ERROR_REPORTS

# Decided before anything is sent.
_BEFORE = frozenset({"full_queue", "self_rate_limits"})


class CountingTransport(HttpTransport):
    """The SDK's own, with a bounded queue and a thread."""

    TIMEOUT = 10

    def __init__(self, options: dict[str, object]) -> None:
        super().__init__(options)
        self._is_lost = False

    def on_dropped_event(self, reason: str) -> None:
        """The SDK gives a report up."""
        ERROR_REPORTS.labels("dropped" if reason in _BEFORE else "failed").inc()
        # The only reason that is found in another thread than the one that sends.
        if reason != "full_queue":
            self._is_lost = True

    def _send_envelope(self, envelope: Envelope) -> None:
        self._is_lost = False
        super()._send_envelope(envelope)
        if not self._is_lost:
            ERROR_REPORTS.labels("sent").inc()
