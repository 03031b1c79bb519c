"""Queues are classes of work; each has slots of its own in the workers of one service."""

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.config import Settings


class Queue(StrEnum):
    """What kind of work a task is: who runs it, and beside what."""

    INGEST = "ingest"
    """Datasets: reading files, pipelines, long queries."""
    ANALYSIS = "analysis"
    """Statistics and clustering, mostly of seconds."""
    TRAIN = "train"
    """Long computations: searches for models, distributed jobs."""
    LLM = "llm"
    """Waiting for a language model."""
    MAINTENANCE = "maintenance"
    """Removals and garbage."""


# By service; beat rings at the first of each for what is no task.
SERVICE_QUEUES = {
    "data-service": (Queue.INGEST, Queue.MAINTENANCE),
    "ai-service": (Queue.ANALYSIS, Queue.TRAIN, Queue.LLM),
}


def slots(service: str, settings: "Settings") -> dict[str, int]:
    """How many tasks of each queue one worker process of `service` runs at once."""
    return {
        queue.value: _slots_of(queue, settings)
        for queue in SERVICE_QUEUES[service]
        if not settings.worker_queues or queue in settings.worker_queues
    }


def _slots_of(queue: Queue, settings: "Settings") -> int:
    if queue in (Queue.TRAIN, Queue.MAINTENANCE):
        return 1
    # Who waits for an LLM needs no processor.
    return settings.llm_concurrency if queue is Queue.LLM else settings.worker_concurrency
