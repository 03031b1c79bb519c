"""The pool of connections to PostgreSQL, and its statements."""

import time
from collections.abc import Iterator
from types import TracebackType
from typing import Protocol

import asyncpg
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from shared.metrics import QUICK_SECONDS, REGISTRY
from shared.metrics.parts import DATABASE, spend

WAITING = Gauge("db_pool_waiting", "Who waits for a connection now.", registry=REGISTRY, multiprocess_mode="livesum")
ACQUIRE = Histogram(
    "db_pool_acquire_seconds", "Seconds until a connection was had.", registry=REGISTRY, buckets=QUICK_SECONDS
)
STATEMENT = Histogram(
    "db_statement_seconds", "Seconds from a statement to its answer.", registry=REGISTRY, buckets=QUICK_SECONDS
)
ERRORS = Counter("db_errors_total", "What went wrong with the database.", ("kind",), registry=REGISTRY)
_ERRORS = {kind: ERRORS.labels(kind) for kind in ("away", "timeout", "conflict", "other")}

_TIMEOUTS = (TimeoutError, asyncpg.QueryCanceledError, asyncpg.LockNotAvailableError)
_CONFLICTS = (
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
)
_AWAY = (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.InternalClientError)
_SHUT = (asyncpg.OperatorInterventionError, asyncpg.TooManyConnectionsError)


class Pool(Protocol):
    """What is asked of a pool."""

    def get_size(self) -> int:
        """Connections that are open."""

    def get_idle_size(self) -> int:
        """Those of them that nobody uses."""

    def get_max_size(self) -> int:
        """Connections that may be open."""


class PoolFigures(Collector):
    """Counted when somebody asks: the pools know it anyway."""

    def __init__(self) -> None:
        # Until they are closed: the driver's pools cannot be referred to weakly.
        self.pools: set[Pool] = set()

    def collect(self) -> Iterator[Metric]:
        """The families as they are now."""
        pools = list(self.pools)
        idle = sum(pool.get_idle_size() for pool in pools)
        connections = GaugeMetricFamily("db_pool_connections", "Connections of the pool.", labels=("state",))
        connections.add_metric(("used",), sum(pool.get_size() for pool in pools) - idle)
        connections.add_metric(("idle",), idle)
        largest = sum(pool.get_max_size() for pool in pools)
        yield connections
        yield GaugeMetricFamily("db_pool_max_connections", "Connections that the pool may open.", largest)


POOLS = PoolFigures()
REGISTRY.register(POOLS)


def error_kind(error: BaseException) -> str:
    """One of the four kinds; the cause of an error of ours says more than the error."""
    found = error.__cause__ or error
    # Before what is away: of the system's errors the one that tells of a time that is over is a timeout.
    for kind, classes in (("timeout", _TIMEOUTS), ("conflict", _CONFLICTS), ("away", (*_AWAY, *_SHUT))):
        if isinstance(found, classes):
            return kind
    return "other"


class _Timed:
    __slots__ = ("_histogram", "_started")

    def __init__(self, histogram: Histogram) -> None:
        self._histogram = histogram

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        seconds = time.perf_counter() - self._started
        self._histogram.observe(seconds)
        spend(DATABASE, seconds)
        if isinstance(error, Exception):
            _ERRORS[error_kind(error)].inc()


class _Acquiring(_Timed):
    __slots__ = ()

    def __enter__(self) -> None:
        WAITING.inc()
        super().__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        WAITING.dec()
        super().__exit__(kind, error, trace)


def statement() -> _Timed:
    """A block that sends a statement and has its answer."""
    return _Timed(STATEMENT)


def acquiring() -> _Acquiring:
    """A block that gets a connection."""
    return _Acquiring(ACQUIRE)
