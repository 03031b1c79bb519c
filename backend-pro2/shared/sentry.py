"""Error reports to Sentry: each logged error with the ids of what it happened to; nobody waits until one is sent.

The SDK instruments nothing, since a report is made here, of what may leave (shared/error_events.py).
"""

import atexit
import logging
import time
from typing import TYPE_CHECKING

from shared.config import Settings
from shared.error_events import event_of, strip_event
from shared.logs.handler import error_of
from shared.metrics.logs import ERROR_REPORTS
from shared.version import VERSION

if TYPE_CHECKING:
    import sentry_sdk

# Reports that wait for an endpoint which is away or slow; what comes on top is dropped.
QUEUE_SIZE = 100
# Making one costs the work that failed half a millisecond.
MOST_A_SECOND = 10
FAREWELL_SECONDS = 2.0
# Their own troubles would be reported for ever.
_OWN = ("sentry_sdk", "urllib3")


class _Reports:
    """The one handler of this process, if errors are reported at all."""

    handler: "ErrorReports | None" = None


def start_sentry(settings: Settings, service: str) -> None:
    """Report errors if SENTRY_DSN is set; the SDK is not even loaded otherwise."""
    dsn = settings.sentry_dsn.get_secret_value()
    if not dsn:
        return
    import sentry_sdk

    from shared.error_transport import CountingTransport

    client = sentry_sdk.Client(
        dsn=dsn,
        release=VERSION,
        environment=settings.environment.value,
        # Of the host it says nothing.
        server_name=f"{settings.project_id}-{service}",
        default_integrations=False,
        auto_enabling_integrations=False,
        include_local_variables=False,
        include_source_context=False,
        send_client_reports=False,
        auto_session_tracking=False,
        max_breadcrumbs=0,
        transport=CountingTransport,
        transport_queue_size=QUEUE_SIZE,
        before_send=strip_event,
    )
    _Reports.handler = ErrorReports(client, {"service": service, "project": settings.project_id})
    logging.getLogger().addHandler(_Reports.handler)
    atexit.register(finish_reports)


def finish_reports() -> None:
    """Send what waits, for two seconds at most; the process is about to end."""
    if _Reports.handler is not None:
        _Reports.handler.finish()


class ErrorReports(logging.Handler):
    """Reports what is logged as an error, each exception once whoever logs it."""

    def __init__(self, client: "sentry_sdk.Client", tags: dict[str, str]) -> None:
        super().__init__(logging.ERROR)
        self._client = client
        self._tags = tags
        self._second = 0
        self._made = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Report it; whatever goes wrong with that, work goes on."""
        if record.name.startswith(_OWN) or _is_known(error_of(record)):
            return
        if not self._may():
            ERROR_REPORTS.labels("dropped").inc()
            return
        try:
            self._client.capture_event(event_of(record, self._tags))
        except Exception:  # noqa: BLE001 - what cannot be reported is in the log all the same
            ERROR_REPORTS.labels("failed").inc()

    def finish(self) -> None:
        """Wait a moment for those that are on their way."""
        self._client.flush(FAREWELL_SECONDS)

    def _may(self) -> bool:
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._made = second, 0
        self._made += 1
        return self._made <= MOST_A_SECOND


def _is_known(error: BaseException | None) -> bool:
    """Whether it, or what it came from, was reported before; from now on it was."""
    known = False
    while error is not None and not known:
        known = getattr(error, "is_reported", False)
        error.is_reported = True  # type: ignore[attr-defined]
        error = error.__cause__ or error.__context__
    return known
