"""The worker's event loop: slots that claim and run tasks, the reconciler, and periodic chores."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import asyncpg

from shared.config import Settings
from shared.errors import ServiceUnavailable
from shared.ids import new_id
from shared.logging import get_logger
from shared.metrics import tasks as metrics
from shared.removed_objects import BackupUnderWay
from shared.version import VERSION

from . import worker_registry
from .bell import Bell
from .leases import Leases
from .records import Task
from .registration import Registration
from .runner import Handlers, TaskRunner, aftermath_of
from .wakes import pause
from .worker_name import is_dead_sibling, worker_name
from .worker_registry import Entry

if TYPE_CHECKING:
    from shared.resources import Resources

log = get_logger(__name__)

RETRY_SECONDS = 1.0
PURGE_SECONDS = 3600.0
FAREWELL_SECONDS = 3.0
DATABASE_AWAY = (ServiceUnavailable, asyncpg.PostgresError, asyncpg.InterfaceError)

Chore = Callable[["Resources"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class WorkerPlan:
    """What a worker does: for whom, how many tasks of which queues at once, by which handlers.

    `periodic` maps names to (seconds, chore); beat rings for these. Each of `frequent` has a loop of its own.
    """

    service: str
    slots: Mapping[str, int]
    handlers: Handlers
    preload: tuple[str, ...] = ()
    periodic: Mapping[str, tuple[float, Chore]] = field(default_factory=dict)
    frequent: Mapping[str, tuple[float, Chore]] = field(default_factory=dict)


class WorkerRuntime:
    """Belongs to one event loop. The bells only shorten waits: slots and reconciler also look by themselves."""

    def __init__(self, plan: WorkerPlan, resources: Resources) -> None:
        self.reconcile_bell = asyncio.Event()
        self.sweep_bell = asyncio.Event()
        self._plan = plan
        self._resources = resources
        self._settings: Settings = resources.settings
        self._name = worker_name(plan.service)
        self._bells = {queue: Bell(slots) for queue, slots in plan.slots.items()}
        self._draining = asyncio.Event()
        self._hurried = asyncio.Event()
        self._registration = Registration(
            resources.database,
            Entry(self._name, new_id(), plan.service, dict(plan.slots), VERSION),
            self._settings.worker_alive_file,
        )
        self._due: dict[str, float] = {}
        self._leases = {queue: self._leases_of(queue) for queue in plan.slots}

    async def run(self) -> None:
        """Work until drained or cancelled; then every running task is given back and its child is dead."""
        log.info("worker_started", worker=self._name, queues=dict(self._plan.slots))
        metrics.expect(self._plan.handlers, self._plan.slots)
        await self._resources.compute.open()
        await _first(self._take_over(), self._draining.wait())
        await self._work()

    def ring(self, queue: str) -> None:
        """There may be a task in `queue`: one of its idle slots looks."""
        if bell := self._bells.get(queue):
            bell.ring()

    def drain(self) -> None:
        """Claim nothing more, and end with the last running task; what takes too long is handed back."""
        if not self._draining.is_set():
            log.info("worker_draining", worker=self._name, seconds=self._settings.worker_drain_seconds)
        self._draining.set()
        self._registration.drain()
        for bell in self._bells.values():
            bell.ring_all()

    def hurry(self) -> None:
        """Hand everything back now."""
        self._hurried.set()
        self.drain()

    async def sweep(self) -> None:
        """Do the chores that are due; several workers may do the same one, so chores are harmless when repeated."""
        for name, (seconds, chore) in self._plan.periodic.items():
            if self._is_due(name, seconds):
                try:
                    await chore(self._resources)
                except BackupUnderWay:
                    log.info("chore_waits_for_backup", chore=name)
                    del self._due[name]
                except Exception:
                    log.exception("chore_failed", chore=name)

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as group:
            slots = [
                group.create_task(self._work_for_ever(queue))
                for queue, number in self._plan.slots.items()
                for _ in range(number)
            ]
            registered = group.create_task(self._registration.keep())
            loops = (self._reconcile_for_ever(), self._sweep_for_ever())
            often = (self._repeat_for_ever(name, *chore) for name, chore in self._plan.frequent.items())
            others = [group.create_task(loop) for loop in (*loops, *often)]
            await _first(asyncio.wait(slots), self._time_is_up())
            for task in (*slots, *others):
                task.cancel()
            self._registration.stop()
            await asyncio.wait({registered}, timeout=FAREWELL_SECONDS)
            registered.cancel()

    async def _time_is_up(self) -> None:
        await self._draining.wait()
        await pause(self._hurried, self._settings.worker_drain_seconds)

    async def _sweep_for_ever(self) -> None:
        while True:
            await self.sweep_bell.wait()
            self.sweep_bell.clear()
            await self.sweep()

    async def _repeat_for_ever(self, name: str, seconds: float, chore: Chore) -> None:
        while True:
            try:
                await chore(self._resources)
            except DATABASE_AWAY as error:
                log.warning("chore_delayed", chore=name, error=type(error).__name__)
            except Exception:
                log.exception("chore_failed", chore=name)
            await asyncio.sleep(seconds)

    def _leases_of(self, queue: str) -> Leases:
        return Leases(
            self._resources.database,
            self._resources.ledger.wakes.of_runs(),
            queue=queue,
            worker=self._name,
            lease_seconds=self._settings.task_lease_seconds,
            aftermath=aftermath_of(self._plan.handlers),
            running_tasks=self._settings.quota_running_tasks,
            ring=self._ring_for,
        )

    async def _ring_for(self, task: Task) -> None:
        self.ring(task.queue)
        # Another worker may have a free slot, or the queue may be another service's.
        await self._resources.ledger.ring(task)

    async def _work_for_ever(self, queue: str) -> None:
        bell, leases, runner = self._bells[queue], self._leases[queue], self._runner(queue)
        while not self._draining.is_set():
            bell.answer()
            task = await self._claim(leases, runner)
            if task is None:
                await bell.wait(self._settings.reconcile_seconds)
                continue
            try:
                await runner.run(task)
            except Exception:
                # The task keeps its lease and is taken up again when that runs out; the worker lives on.
                log.exception("task_end_failed", task_id=str(task.id))

    def _runner(self, queue: str) -> TaskRunner:
        def ring_later(seconds: float) -> None:
            asyncio.get_running_loop().call_later(seconds, self.ring, queue)

        wakes = self._resources.ledger.wakes
        return TaskRunner(self._resources, self._leases[queue], wakes, self._plan.handlers, on_delay=ring_later)

    async def _claim(self, leases: Leases, runner: TaskRunner) -> Task | None:
        claiming = asyncio.create_task(leases.claim())
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            # Cut short it might have claimed a task that then nobody runs until its lease ends.
            with contextlib.suppress(*DATABASE_AWAY):
                if task := await claiming:
                    await runner.give_back(task)
            raise
        except DATABASE_AWAY as error:
            log.warning("claim_failed", error=type(error).__name__)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RETRY_SECONDS):
                    await self._draining.wait()
            return None

    async def _reconcile_for_ever(self) -> None:
        while True:
            try:
                await self._reconcile()
            except DATABASE_AWAY as error:
                log.warning("reconcile_failed", error=type(error).__name__)
            except Exception:
                log.exception("aftermath_failed")
            await pause(self.reconcile_bell, self._settings.reconcile_seconds)

    async def _reconcile(self) -> None:
        ended = sum([await leases.reconcile() for leases in self._leases.values()])
        if ended:
            log.info("tasks_reconciled", count=ended)
        if self._is_due("", PURGE_SECONDS):
            async with self._resources.database.transaction() as session:
                await worker_registry.purge(session)

    def _is_due(self, name: str, seconds: float) -> bool:
        if time.monotonic() - self._due.get(name, -seconds) < seconds:
            return False
        self._due[name] = time.monotonic()
        return True

    def _is_dead(self, name: str) -> bool:
        return is_dead_sibling(name, self._name)

    async def _take_over(self) -> None:
        while True:
            try:
                freed = await self._free()
            except DATABASE_AWAY as error:
                log.warning("take_over_failed", error=type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS)
            else:
                log.info("worker_took_over", tasks=freed)
                return

    async def _free(self) -> int:
        freed = sum([await leases.take_over(self._is_dead) for leases in self._leases.values()])
        async with self._resources.database.transaction() as session:
            known = await worker_registry.names(session, self._plan.service)
            await worker_registry.remove(session, *filter(self._is_dead, known))
        return freed


async def _first(*these: Coroutine[Any, Any, object]) -> None:
    """Return with the first that ends; the others are cancelled."""
    tasks = [asyncio.create_task(it) for it in these]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
