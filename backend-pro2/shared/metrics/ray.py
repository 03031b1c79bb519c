"""Work that may go to the Ray cluster: whether it was done there."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from prometheus_client import Counter

from . import REGISTRY
from .harmless import harmless

RAY_JOBS = Counter("ray_jobs_total", "Work that went to the Ray cluster.", ("outcome",), registry=REGISTRY)

UNAVAILABLE = "ray_unavailable"


class RayOutcome(StrEnum):
    """What came of work that was to be done on the cluster."""

    DONE = "done"
    UNAVAILABLE = "unavailable"
    """The cluster was away or lost the work; it was done here instead, or waits."""
    FAILED = "failed"
    """Work that insists on the cluster ended without an answer."""


_OUTCOMES = {outcome: RAY_JOBS.labels(outcome) for outcome in RayOutcome}


@harmless
def answered(answer: Mapping[str, Any]) -> None:
    """Count by what the answer of a child says about where it was computed."""
    if answer.get("executor") == "ray":
        _OUTCOMES[RayOutcome.DONE].inc()
    elif any(notice["code"] == UNAVAILABLE for notice in answer.get("warnings", ())):
        _OUTCOMES[RayOutcome.UNAVAILABLE].inc()


@harmless
def unanswered(code: str, executor: str) -> None:
    """Count work for `executor` that ended with the error `code`."""
    if code == UNAVAILABLE:
        _OUTCOMES[RayOutcome.UNAVAILABLE].inc()
    elif executor == "ray":
        _OUTCOMES[RayOutcome.FAILED].inc()
