"""The doorbell: a Celery message that makes a worker look into the ledger. It may be lost or come twice."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from uuid import UUID

from shared.config import Settings
from shared.logging import get_logger

if TYPE_CHECKING:
    from celery import Celery

log = get_logger(__name__)

RING = "tasks.ring"
RECONCILE = "tasks.reconcile"
SWEEP = "tasks.sweep"
QUEUES = ("data", "ai")
PUBLISH_SECONDS = 1.0
QUIET_SECONDS = 2.0
VISIBILITY_SECONDS = 3600


def create_celery(settings: Settings, name: str) -> "Celery":
    """A Celery application that knows JSON only, keeps no results and gives up on a silent broker quickly."""
    # Celery takes 0.2 s to import: a service pays for it with its first task, not at its start.
    from celery import Celery

    app = Celery(name, broker=settings.redis_url.get_secret_value(), set_as_current=False)
    app.conf.update(
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        result_backend=None,
        broker_connection_timeout=settings.redis_timeout_seconds,
        broker_transport_options={
            "visibility_timeout": VISIBILITY_SECONDS,
            "socket_connect_timeout": settings.redis_timeout_seconds,
        },
        task_publish_retry_policy={"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0},
    )
    return app


class Doorbell:
    """Publishes from a thread of its own; a caller waits one second at most and never sees a failure."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="doorbell")
        self._app: Celery | None = None
        self._quiet_until = 0.0

    async def ring(self, queue: str, task_id: UUID) -> None:
        """Ring at the workers of `queue`."""
        if time.monotonic() < self._quiet_until:
            return
        loop = asyncio.get_running_loop()
        # Outside the time limit: the first bell imports Celery, which is slow on a busy machine but cannot hang.
        app = self._app or await loop.run_in_executor(self._threads, self._load)
        try:
            async with asyncio.timeout(PUBLISH_SECONDS):
                await loop.run_in_executor(self._threads, _publish, app, queue, str(task_id))
        except Exception as error:  # noqa: BLE001 - kombu raises whatever its transport does; the row is safe already
            # For a while nobody waits for a broker that does not answer.
            self._quiet_until = time.monotonic() + QUIET_SECONDS
            log.warning("doorbell_failed", queue=queue, task_id=str(task_id), error=type(error).__name__)

    def close(self) -> None:
        """Close the connection; a publication that hangs is left to its timeout."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._app is not None:
            _close(self._app)

    def _load(self) -> "Celery":
        if self._app is None:
            self._app = _publisher(self._settings)
            # Loads the transport's modules; connects to nothing.
            self._app.connection_for_write().transport  # noqa: B018
        return self._app


def _close(app: Any) -> None:
    # Celery's own close forgets its pools without closing what is in them.
    for pool in (app.amqp.producer_pool, app.pool):
        pool.force_close_all()
    app.close()


def _publish(app: Any, queue: str, task_id: str) -> None:
    app.send_task(RING, args=(task_id,), queue=queue, ignore_result=True)


def _publisher(settings: Settings) -> "Celery":
    app = create_celery(settings, "doorbell")
    # Only for publishing: a worker waits on its socket for messages, longer than this.
    app.conf.broker_transport_options["socket_timeout"] = settings.redis_timeout_seconds
    app.conf.broker_pool_limit = 1
    return app
