"""Requests to the object store, and the bytes of objects."""

from prometheus_client import Counter, Histogram

from shared.metrics import REGISTRY, REQUEST_SECONDS
from shared.metrics.parts import OBJECT_STORE, spend

# The calls of `ObjectStore`, and the methods of those that carry bytes.
OPERATIONS = (
    *("get", "put", "post", "delete"),
    *("bucket_exists", "make_bucket", "remove_bucket", "ping", "stat", "remove", "list"),
)
# `absent` is an answer like any other: what was asked for is not there.
OUTCOMES = ("ok", "absent", "refused", "unavailable", "cancelled")
REQUESTS = Counter(
    "object_store_requests_total", "Requests to the object store.", ("operation", "outcome"), registry=REGISTRY
)
SECONDS = Histogram(
    "object_store_request_seconds",
    "Seconds from a request to the end of its answer.",
    ("operation",),
    registry=REGISTRY,
    buckets=REQUEST_SECONDS,
)
BYTES = Counter(
    "object_store_bytes_total", "Bytes of objects: in, stored; out, read.", ("direction",), registry=REGISTRY
)
IN, OUT = BYTES.labels("in"), BYTES.labels("out")


def request(operation: str, outcome: str, seconds: float) -> None:
    """Count one request; an operation that is not among those known is `other`."""
    name = operation if operation in OPERATIONS else "other"
    REQUESTS.labels(name, outcome).inc()
    SECONDS.labels(name).observe(seconds)
    spend(OBJECT_STORE, seconds)
