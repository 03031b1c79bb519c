"""What became of the spans of this process."""

from prometheus_client import Counter

from shared.metrics import REGISTRY

EXPORTED = Counter("trace_spans_exported_total", "Spans that the collector took.", registry=REGISTRY)
DROPPED = Counter("trace_spans_dropped_total", "Spans that were lost, by the reason.", ("reason",), registry=REGISTRY)
QUEUE_FULL, EXPORT_FAILED, TRACE_LIMIT, SHUTDOWN = (
    DROPPED.labels(reason) for reason in ("queue_full", "export_failed", "trace_limit", "shutdown")
)
