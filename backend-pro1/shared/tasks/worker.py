"""The Celery worker: Celery carries the bell's messages, an event loop in a thread of its own does the work."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Mapping
from typing import Any

from celery import Celery, signals
from kombu import Queue

from shared.config import Settings, get_settings
from shared.logging import configure_logging, get_logger
from shared.resources import build_resources

from .doorbell import RECONCILE, RING, SWEEP, create_celery
from .queues import SERVICE_QUEUES
from .queues import slots as slots_of
from .run import Handler, TaskHandler
from .runtime import Chore, WorkerPlan, WorkerRuntime

log = get_logger(__name__)

STOP_SECONDS = 20
SWEEP_SECONDS = 60.0


class WorkerThread:
    """The event loop's thread. What it is told before it runs, or after it stopped, it forgets."""

    def __init__(self, plan: WorkerPlan, settings: Settings) -> None:
        self._plan = plan
        self._settings = settings
        self._thread = threading.Thread(target=self._main, name="tasks", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._runtime: WorkerRuntime | None = None
        self._stopping = threading.Event()
        self._work_task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def stop(self) -> None:
        """Give running tasks back, kill their children, close everything; waits for it."""
        self._stopping.set()
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._obey)
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)

    def ring(self) -> None:
        """Somebody submitted a task."""
        self._tell(lambda runtime: runtime.bell.set())

    def reconcile(self) -> None:
        """Look for tasks that nobody looks after."""
        self._tell(lambda runtime: runtime.reconcile_bell.set())

    def sweep(self) -> None:
        """Do the periodic chores that are due; one sweep at a time."""
        self._tell(lambda runtime: runtime.sweep_bell.set())

    def _obey(self) -> None:
        if self._stopping.is_set() and self._work_task is not None:
            self._work_task.cancel()

    def _tell(self, action: Callable[[WorkerRuntime], None]) -> None:
        if self._loop is not None and self._runtime is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(action, self._runtime)

    def _main(self) -> None:
        try:
            asyncio.run(self._work())
        except Exception:
            log.exception("worker_broke")
            # Only a new process helps; one without its loop would swallow bells for ever.
            os._exit(1)

    async def _work(self) -> None:
        resources = build_resources(self._settings, self._plan.preload)
        self._loop = asyncio.get_running_loop()
        self._runtime = WorkerRuntime(self._plan, resources)
        work = self._work_task = asyncio.create_task(self._runtime.run())
        self._obey()
        try:
            await asyncio.wait({work})
            if not work.cancelled():
                work.result()
        finally:
            await resources.close()
            log.info("worker_stopped", queues=list(self._plan.slots))


def create_worker(
    service: str,
    handlers: Mapping[str, Handler | TaskHandler],
    preload: tuple[str, ...],
    periodic: Mapping[str, tuple[float, Chore]] | None = None,
    slots: Mapping[str, int] | None = None,
) -> Celery:
    """The application of `celery -A <service>.app.worker worker`, and of `beat`, which rings at every queue.

    `handlers` by kind; `preload` names modules that computing children share; `periodic` maps a name to the seconds
    between two runs, at least a minute, and a chore that is given the worker's resources; `slots` replaces those of the
    service's queues.
    """
    settings = get_settings()
    plan = WorkerPlan(service, slots or slots_of(service, settings), handlers, preload, periodic or {})
    app = create_celery(settings, service)
    app.conf.update(
        _worker_options(settings, list(plan.slots)), beat_schedule=_schedule(settings), beat_scheduler=_SCHEDULER
    )
    _connect(app, WorkerThread(plan, settings), settings, service)
    return app


# The default one keeps its state in a file of the working directory; ours needs no memory.
_SCHEDULER = "celery.beat:Scheduler"


def _worker_options(settings: Settings, queues: list[str]) -> dict[str, Any]:
    return {
        "task_queues": [Queue(name) for name in queues],
        "task_default_queue": queues[0],
        "worker_pool": "threads",
        "worker_concurrency": settings.worker_concurrency,
        "worker_prefetch_multiplier": 1,
        "worker_send_task_events": False,
        "worker_hijack_root_logger": False,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
    }


def _schedule(settings: Settings) -> dict[str, dict[str, Any]]:
    intervals = {RECONCILE: settings.reconcile_seconds, SWEEP: SWEEP_SECONDS}
    return {
        f"{task}:{queue}": {
            "task": task,
            "schedule": seconds,
            # Bells that nobody hears must not pile up.
            "options": {"queue": queue, "expires": seconds, "ignore_result": True},
        }
        for task, seconds in intervals.items()
        for queue in (queues[0].value for queues in SERVICE_QUEUES.values())
    }


def _connect(app: Celery, thread: WorkerThread, settings: Settings, service: str) -> None:
    @app.task(name=RING)
    def ring(task_id: str) -> None:
        # Whatever id rang, the most important task of the queue is next.
        log.debug("rung", task_id=task_id)
        thread.ring()

    @app.task(name=RECONCILE)
    def reconcile() -> None:
        thread.reconcile()

    @app.task(name=SWEEP)
    def sweep() -> None:
        thread.sweep()

    hooks: dict[Any, Callable[[], None]] = {
        signals.setup_logging: lambda: configure_logging(settings, service),
        # Not worker_ready, which waits for the broker: tasks run without one.
        signals.worker_init: thread.start,
        signals.worker_shutdown: thread.stop,
    }
    for signal, hook in hooks.items():
        signal.connect(_receiver(hook), weak=False)


def _receiver(hook: Callable[[], None]) -> Callable[..., None]:
    def receive(**_: object) -> None:
        hook()

    return receive
