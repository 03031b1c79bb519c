"""The Celery worker: Celery carries the bell's messages, an event loop in a thread of its own does the work."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

import uvloop
from celery import Celery, signals
from kombu import Queue
from kombu.transport import TRANSPORT_ALIASES

from shared.config import Settings, get_settings
from shared.logging import OUTPUT, configure_logging, get_logger, own_identity, watch_loop
from shared.resources import build_resources
from shared.sentry import finish_reports, start_sentry
from shared.tracing.setup import start_tracing, stop_tracing

from .doorbell import RECONCILE, RING, SWEEP, create_celery
from .metrics_server import metrics_shown
from .queues import SERVICE_QUEUES
from .queues import slots as slots_of
from .run import Handler, TaskHandler
from .runtime import Chore, WorkerPlan, WorkerRuntime

log = get_logger(__name__)

# To hand tasks back, bury children and close connections, on top of what tasks may still take.
STOP_SECONDS = 15
SWEEP_SECONDS = 60.0
# Computing children that wait for a task: up to 30 MB each, and two tasks may come at once.
SPARES = 2
TRANSPORT = "shared.tasks.transport:Transport"
STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


class WorkerThread:
    """The event loop's thread. What it is told before it runs, or after it stopped, it forgets."""

    def __init__(self, plan: WorkerPlan, settings: Settings) -> None:
        self._plan = plan
        self._settings = settings
        self._thread = threading.Thread(target=self._main, name="tasks", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._runtime: WorkerRuntime | None = None
        self._stopping = threading.Event()

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def drain(self, *, at_once: bool) -> None:
        """Claim nothing more and let tasks go on for a while; asked again, or `at_once`, hand them back now.

        Safe in a handler of signals.
        """
        hurried = at_once or self._stopping.is_set()
        self._stopping.set()
        self._tell(WorkerRuntime.hurry if hurried else WorkerRuntime.drain)

    def stop(self) -> None:
        """Drain, then close everything; waits for it. Meanwhile a signal to stop means: at once."""
        if not self._thread.is_alive():
            return
        # Celery's own handlers are of no more use, and would stumble over what it has closed already.
        for number in STOPPING:
            signal.signal(number, lambda *_: self.drain(at_once=True))
        if not self._stopping.is_set():
            self.drain(at_once=False)
        self._thread.join(self._settings.worker_drain_seconds + STOP_SECONDS)

    def ring(self, queue: str) -> None:
        """Somebody submitted a task to `queue`."""
        self._tell(lambda runtime: runtime.ring(queue))

    def reconcile(self) -> None:
        """Look for tasks that nobody looks after."""
        self._tell(lambda runtime: runtime.reconcile_bell.set())

    def sweep(self) -> None:
        """Do the periodic chores that are due; one sweep at a time."""
        self._tell(lambda runtime: runtime.sweep_bell.set())

    def _tell(self, action: Callable[[WorkerRuntime], None]) -> None:
        if self._loop is not None and self._runtime is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(action, self._runtime)

    def _main(self) -> None:
        try:
            uvloop.run(self._work())
        except Exception:
            log.exception("worker_broke")
            finish_reports()
            OUTPUT.close()
            # Only a new process helps; one without its loop would swallow bells for ever.
            os._exit(1)

    async def _work(self) -> None:
        watch_loop(asyncio.get_running_loop())
        start_tracing(self._settings, _worker_of(self._plan.service))
        resources = build_resources(self._settings, self._plan.preload, SPARES)
        self._loop = asyncio.get_running_loop()
        self._runtime = WorkerRuntime(self._plan, resources)
        if self._stopping.is_set():
            self._runtime.hurry()
        try:
            name = _worker_of(self._plan.service)
            async with metrics_shown(name, self._settings, self._stopping.is_set):
                await self._runtime.run()
        finally:
            await resources.close()
            await asyncio.to_thread(stop_tracing)
            log.info("worker_stopped", queues=list(self._plan.slots))


def create_worker(
    service: str,
    handlers: Mapping[str, Handler | TaskHandler],
    preload: tuple[str, ...],
    periodic: Mapping[str, tuple[float, Chore]] | None = None,
    slots: Mapping[str, int] | None = None,
    frequent: Mapping[str, tuple[float, Chore]] | None = None,
) -> Celery:
    """The application of `celery -A <service>.app.worker worker`, and of `beat`, which rings at every queue.

    `handlers` by kind; `preload` names modules that computing children share; `periodic` maps a name to the seconds
    between two runs, at least a minute, and a chore that is given the worker's resources; `slots` replaces those of the
    service's queues; `frequent` is like `periodic`, with a pause of so many seconds, and needs no beat.
    """
    settings = get_settings()
    TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), TRANSPORT))
    plan = WorkerPlan(service, slots or slots_of(service, settings), handlers, preload, periodic or {}, frequent or {})
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
    @app.task(name=RING, bind=True)
    def ring(self: Any, task_id: str) -> None:
        # Whatever id rang, the most important task of the queue is next.
        log.debug("rung", task_id=task_id)
        thread.ring(self.request.delivery_info["routing_key"])

    @app.task(name=RECONCILE)
    def reconcile() -> None:
        thread.reconcile()

    @app.task(name=SWEEP)
    def sweep() -> None:
        thread.sweep()

    hooks: dict[Any, Callable[..., None]] = {
        # A worker complains and starts before it sets up logging; beat knows the second alone.
        signals.celeryd_init: lambda **_: _start_telling(settings, service),
        signals.setup_logging: lambda **_: _start_telling(settings, service),
        # Not worker_ready, which waits for the broker: tasks run without one.
        signals.worker_init: lambda **_: thread.start(),
        signals.worker_shutting_down: lambda how, **_: thread.drain(at_once=how == "Cold"),
    }
    for event, hook in hooks.items():
        event.connect(hook, weak=False)
    _stop_with_celery(app, thread)


def _start_telling(settings: Settings, service: str) -> None:
    # The same application is a worker or rings the bells, as the command says.
    name = "beat" if "beat" in sys.argv[1:] else _worker_of(service)
    if own_identity().get("service") != name:
        configure_logging(settings, name)
        start_sentry(settings, name)
        if name == "beat":
            log.info("beat_started")


def _worker_of(service: str) -> str:
    """The name of a service's worker in log lines, traces and metrics."""
    return f"{service.removesuffix('-service')}-worker"


def _stop_with_celery(app: Celery, thread: WorkerThread) -> None:
    celery_worker: Any = app.Worker

    def start(worker: Any) -> None:
        try:
            celery_worker.start(worker)
        finally:
            # Not on worker_shutdown, which Celery does not send after SIGQUIT.
            thread.stop()

    # Declared read-only, yet the documented place of an application's own class.
    vars(app)["Worker"] = type("Worker", (celery_worker,), {"start": start})
