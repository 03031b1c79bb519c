"""What a request spends its time with: each place that waits for somebody adds its seconds."""

from contextvars import ContextVar

from prometheus_client import Counter

from shared.metrics import REGISTRY

ADMISSION, DATABASE, REDIS, UPSTREAM, OBJECT_STORE = "admission", "database", "redis", "upstream", "object_store"
OTHER = "other"
NAMES = (ADMISSION, DATABASE, REDIS, UPSTREAM, OBJECT_STORE, OTHER)

SECONDS = Counter(
    "http_request_part_seconds_total",
    "Seconds that slow requests spent with each part.",
    ("part",),
    registry=REGISTRY,
)
_SECONDS = {name: SECONDS.labels(name) for name in NAMES}

# Of the request that is being answered here; None outside of one.
SPENT: ContextVar[dict[str, float] | None] = ContextVar("spent", default=None)


def spend(part: str, seconds: float) -> None:
    """Add what the present request, if there is one, has waited for `part`."""
    spent = SPENT.get()
    if spent is not None:
        spent[part] = spent.get(part, 0.0) + seconds


def waited() -> float:
    """Seconds that the present request has spent with any part so far."""
    spent = SPENT.get()
    return 0.0 if spent is None else sum(spent.values())


def count_parts(spent: dict[str, float], seconds: float) -> dict[str, float]:
    """Count the parts of a slow request that took so many seconds; those that it had, for its line in the log.

    Parts that ran side by side may add up to more than the whole; then there is no `other`.
    """
    parts = {**spent, OTHER: max(0.0, seconds - sum(spent.values()))}
    for name, value in parts.items():
        _SECONDS[name].inc(value)
    return {name: round(value, 3) for name, value in parts.items()}
