"""The doorbell: a Celery message that makes a worker look into the ledger. It may be lost or come twice."""

import asyncio
import contextlib
import math
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
PUBLISH_SECONDS = 1.0
QUIET_SECONDS = 2.0
LEAST_VISIBILITY_SECONDS = 3600
VISIBILITY_MARGIN_SECONDS = 600


def create_celery(settings: Settings, name: str) -> "Celery":
    """A Celery application that knows JSON only, keeps no results and gives up on a silent broker quickly.

    Messages are acknowledged after their work, and given to nobody else while a computation may still last.
    """
    # Celery takes 0.2 s to import: a service pays for it with its first task, not at its start.
    from celery import Celery

    app = Celery(name, broker=settings.redis_url.get_secret_value(), set_as_current=False)
    app.conf.update(
        task_serializer="json",
        result_serializer="json",
        event_serializer="json",
        accept_content=["json"],
        result_accept_content=["json"],
        task_acks_late=True,
        # A message that kills its worker must not come back for ever; the ledger counts attempts by itself.
        task_reject_on_worker_lost=False,
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        result_backend=None,
        broker_connection_timeout=settings.redis_timeout_seconds,
        broker_transport_options={
            "visibility_timeout": _visibility_seconds(settings),
            "socket_connect_timeout": settings.redis_timeout_seconds,
        },
        task_publish_retry_policy={"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0},
        worker_send_task_events=settings.flower_enabled,
        task_send_sent_event=settings.flower_enabled,
    )
    return app


def _visibility_seconds(settings: Settings) -> int:
    return max(LEAST_VISIBILITY_SECONDS, math.ceil(settings.task_timeout_seconds) + VISIBILITY_MARGIN_SECONDS)


class Doorbell:
    """Publishes from a thread of its own; a caller waits one second at most and never sees a failure."""

    def __init__(self, settings: Settings) -> None:
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="doorbell")
        self._publisher = _Publisher(settings)
        self._is_loaded = False
        self._quiet_until = 0.0

    async def ring(self, queue: str, task_id: UUID) -> None:
        """Ring at the workers of `queue`."""
        if time.monotonic() < self._quiet_until:
            return
        loop = asyncio.get_running_loop()
        if not self._is_loaded:
            # Outside the time limit: importing Celery is slow on a busy machine, but cannot hang.
            await loop.run_in_executor(self._threads, self._publisher.load)
            self._is_loaded = True
        try:
            async with asyncio.timeout(PUBLISH_SECONDS):
                await loop.run_in_executor(self._threads, self._publisher.publish, queue, str(task_id))
        except Exception as error:  # noqa: BLE001 - kombu raises whatever its transport does; the row is safe already
            # For a while nobody waits for a broker that does not answer.
            self._quiet_until = time.monotonic() + QUIET_SECONDS
            log.warning("doorbell_failed", queue=queue, task_id=str(task_id), error=type(error).__name__)

    def close(self) -> None:
        """Close the connection once the publication under way has ended or timed out."""
        with contextlib.suppress(RuntimeError):
            self._threads.submit(self._publisher.close)
        self._threads.shutdown(wait=True)


class _Publisher:
    """Lives in the doorbell's thread: one connection of its own, since kombu's pools belong to the whole process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._app: Any = None
        self._connection: Any = None

    def load(self) -> None:
        """Import Celery and the transport; connects to nothing."""
        app = create_celery(self._settings, "doorbell")
        # Only for publishing: a worker waits on its socket for messages, longer than this.
        app.conf.broker_transport_options["socket_timeout"] = self._settings.redis_timeout_seconds
        self._app = app
        self._connection = app.connection_for_write()
        self._connection.transport  # noqa: B018 - loads its modules

    def publish(self, queue: str, task_id: str) -> None:
        """Send one bell; the connection reconnects by itself."""
        self._app.send_task(RING, args=(task_id,), queue=queue, ignore_result=True, connection=self._connection)

    def close(self) -> None:
        """Close the connection."""
        if self._app is not None:
            self._connection.release()
            self._app.close()
