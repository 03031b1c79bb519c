"""Computing children: how many there are, and why some of them had to die."""

from enum import StrEnum

from prometheus_client import Counter, Gauge

from . import REGISTRY
from .harmless import harmless

CHILDREN = Gauge(
    "compute_children",
    "Computing children of this process, those that wait for a job among them.",
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
CHILDREN_STARTED = Counter("compute_children_started_total", "Computing children that were begun.", registry=REGISTRY)
CHILD_DEATHS = Counter(
    "compute_child_deaths_total", "Computing children that ended without an answer.", ("reason",), registry=REGISTRY
)


class Death(StrEnum):
    """Why a child ended without the answer to its job."""

    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    CRASHED = "crashed"
    CANCELLED = "cancelled"
    """Nobody wants the answer any more."""
    ANSWER_TOO_LARGE = "answer_too_large"


_DEATHS = {reason.value: CHILD_DEATHS.labels(reason) for reason in Death}


@harmless
def begun() -> None:
    """Count a new child."""
    CHILDREN_STARTED.inc()
    CHILDREN.inc()


@harmless
def left() -> None:
    """Count a child less."""
    CHILDREN.dec()


@harmless
def died(reason: str) -> None:
    """Count a death; a function that fails with a code of its own is none."""
    if (death := _DEATHS.get(reason)) is not None:
        death.inc()
