"""Whether what was looked for in a cache was there."""

from prometheus_client import Counter

from . import REGISTRY
from .harmless import harmless

CACHE_REQUESTS = Counter(
    "cache_requests_total", "Looks into caches, by what they found.", ("cache", "outcome"), registry=REGISTRY
)


class CacheCounter:
    """Counts the looks into one cache."""

    def __init__(self, name: str) -> None:
        self._hits = CACHE_REQUESTS.labels(name, "hit")
        self._misses = CACHE_REQUESTS.labels(name, "miss")

    @harmless
    def hit(self) -> None:
        """It was there."""
        self._hits.inc()

    @harmless
    def miss(self) -> None:
        """It was not."""
        self._misses.inc()


SESSIONS = CacheCounter("session")
CONTENTS = CacheCounter("content")
ANSWERS = CacheCounter("query_result")
PLANS = CacheCounter("query_plan")
LLM_ANSWERS = CacheCounter("llm")
