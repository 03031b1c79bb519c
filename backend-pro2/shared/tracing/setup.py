"""Begins and ends tracing in a process; without OTLP_ENDPOINT the SDK is not even imported."""

import os
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from shared.config import Settings
from shared.config_rules import header_fields
from shared.logging import get_logger
from shared.version import VERSION

from .spans import use_origin

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

    from .recording import Recorder

log = get_logger(__name__)

# For one batch, all its tries included.
EXPORT_SECONDS = 5.0
PATH = "/v1/traces"
_EXPORTER = "opentelemetry.exporter.otlp.proto.http.trace_exporter"

_recorder: "Recorder | None" = None


def start_tracing(settings: Settings, service: str) -> None:
    """Have traces begin in this process, if there is a collector; once a process, whoever asks first."""
    global _recorder
    if not settings.otlp_endpoint or _recorder is not None:
        return
    from .batches import Batches, LastWords
    from .recording import Recorder
    from .sampling import Sampling

    secret = settings.secret_key.get_secret_value()
    sampling = Sampling(settings.trace_sample_ratio, secret, settings.trace_max_per_second)
    batches = Batches(_exporter(settings), LastWords(_EXPORTER))
    _recorder = Recorder(resource_of(settings, service), sampling, batches, VERSION)
    use_origin(_recorder)
    log.info("tracing_started", collector=urlsplit(settings.otlp_endpoint).hostname, ratio=settings.trace_sample_ratio)


def stop_tracing() -> None:
    """Send what waits, for two seconds at most; blocks meanwhile."""
    global _recorder
    recorder, _recorder = _recorder, None
    use_origin(None)
    if recorder is not None:
        recorder.close()


def resource_of(settings: Settings, service: str) -> dict[str, str]:
    """Who speaks, in the words of OpenTelemetry's conventions where they have one."""
    return {
        "service.name": service,
        "service.version": VERSION,
        "service.namespace": settings.project_id,
        "service.instance.id": f"{socket.gethostname()}:{os.getpid()}",
        # The second is what it was called before, and what many collectors still look for.
        "deployment.environment.name": settings.environment,
        "deployment.environment": settings.environment,
        "project": settings.project_id,
        "telemetry.sdk.name": "opentelemetry",
        "telemetry.sdk.language": "python",
    }


def url_of(endpoint: str) -> str:
    """Where traces go: as for OTEL_EXPORTER_OTLP_ENDPOINT, below the address of the collector."""
    base = endpoint.rstrip("/")
    return base if base.endswith(PATH) else base + PATH


def _exporter(settings: Settings) -> "SpanExporter":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    headers = header_fields(settings.otlp_headers.get_secret_value())
    return OTLPSpanExporter(endpoint=url_of(settings.otlp_endpoint), headers=headers, timeout=EXPORT_SECONDS)
