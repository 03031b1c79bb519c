"""Tasks where they run: how long each waited and ran, how its run ended; and the worker that runs them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge, Histogram

from . import REGISTRY, TASK_SECONDS
from .harmless import harmless

if TYPE_CHECKING:
    from shared.tasks.records import Task

TASKS_ENDED = Counter("tasks_ended_total", "Runs of tasks, by how they ended.", ("kind", "outcome"), registry=REGISTRY)
TASK_RUN = Histogram(
    "task_run_seconds", "How long a run of a task took.", ("kind",), buckets=TASK_SECONDS, registry=REGISTRY
)
TASK_WAIT = Histogram(
    "task_wait_seconds",
    "How long a task waited from its submission to its first run.",
    ("queue",),
    buckets=TASK_SECONDS,
    registry=REGISTRY,
)
TASKS_RUNNING = Gauge(
    "tasks_running", "Tasks that this worker runs.", ("queue",), multiprocess_mode="livesum", registry=REGISTRY
)
WORKER_SLOTS = Gauge(
    "worker_slots",
    "Tasks that this worker may run at once.",
    ("queue",),
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
WORKER_HEARTBEAT = Gauge(
    "worker_heartbeat_timestamp_seconds",
    "When the loop that runs this worker's tasks last gave a sign of life.",
    multiprocess_mode="livemax",
    registry=REGISTRY,
)


class Ending(StrEnum):
    """How a run ended, or a task that nobody runs."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    RETRIED = "retried"
    """It will run again: its process died, or something that it needs is away."""
    HANDED_BACK = "handed_back"
    """By a worker that stops; it will run again, as if it had not been claimed."""
    LOST = "lost"
    """Its worker fell silent, and another one has claimed it."""
    DEAD = "dead"
    """Each of its attempts ended with the death of its process."""


@harmless
def expect(kinds: Iterable[str], slots: Mapping[str, int]) -> None:
    """Show what a worker may count from its start on, as zeros, so that the first of each is seen as a change."""
    for kind in kinds:
        TASK_RUN.labels(kind)
        for ending in Ending:
            TASKS_ENDED.labels(kind, ending)
    for queue, number in slots.items():
        TASK_WAIT.labels(queue)
        TASKS_RUNNING.labels(queue)
        WORKER_SLOTS.labels(queue).set(number)


@harmless
def alive() -> None:
    """Give a sign of life."""
    WORKER_HEARTBEAT.set(time.time())


@harmless
def claimed(task: Task, *, was_lost: bool) -> None:
    """Count a claim that was committed; `was_lost`: another worker's run of the task ended so."""
    if was_lost:
        TASKS_ENDED.labels(task.kind, Ending.LOST).inc()
    # Both times are the database's; of later runs nobody knows since when they waited.
    if task.claims == 1 and task.started_at is not None:
        TASK_WAIT.labels(task.queue).observe(max((task.started_at - task.created_at).total_seconds(), 0.0))


@harmless
def ended(kind: str, ending: Ending) -> None:
    """Count an end that was committed."""
    TASKS_ENDED.labels(kind, ending).inc()


@contextmanager
def running(task: Task) -> Iterator[None]:
    """Count and time what runs within the block."""
    started = time.perf_counter()
    _begun(task.queue)
    try:
        yield
    finally:
        _left(task, time.perf_counter() - started)


@harmless
def _begun(queue: str) -> None:
    TASKS_RUNNING.labels(queue).inc()


@harmless
def _left(task: Task, seconds: float) -> None:
    TASKS_RUNNING.labels(task.queue).dec()
    TASK_RUN.labels(task.kind).observe(seconds)
