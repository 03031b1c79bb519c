"""Celery by itself, for comparison: `celery -A shared.testing.bare_worker worker` runs tasks that do nothing."""

import sys

from celery import signals
from kombu import Queue

from shared.config import get_settings
from shared.tasks.doorbell import create_celery

QUEUE = "bare"
TASK = "bare.nothing"

settings = get_settings()
app = create_celery(settings, "bare")
app.conf.update(
    task_queues=[Queue(QUEUE)],
    task_default_queue=QUEUE,
    worker_pool="threads",
    worker_concurrency=settings.worker_concurrency,
    worker_prefetch_multiplier=1,
)


@signals.worker_ready.connect(weak=False)
def say_ready(**_: object) -> None:
    """Celery's own line is below the level at which it logs no single task."""
    sys.stderr.write("bare worker is ready.\n")


@app.task(name=TASK)
def nothing(number: int) -> None:
    """Does nothing."""
