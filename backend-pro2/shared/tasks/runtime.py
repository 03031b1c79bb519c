"""The worker's event loop: slots that claim and run tasks, the reconciler, and periodic chores."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import asyncpg

from shared.config import Settings
from shared.errors import ServiceUnavailable
from shared.logging import get_logger

from .leases import Leases
from .records import Task
from .runner import Handlers, TaskRunner, aftermath_of
from .wakes import pause
from .worker_name import is_dead_sibling, worker_name

if TYPE_CHECKING:
    from shared.resources import Resources

log = get_logger(__name__)

RETRY_SECONDS = 1.0
DATABASE_AWAY = (ServiceUnavailable, asyncpg.PostgresError, asyncpg.InterfaceError)

Chore = Callable[["Resources"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class WorkerPlan:
    """What a worker does: for whom, how many tasks of which queues at once, by which handlers.

    `periodic` maps names to (seconds, chore).
    """

    service: str
    slots: Mapping[str, int]
    handlers: Handlers
    preload: tuple[str, ...] = ()
    periodic: Mapping[str, tuple[float, Chore]] = field(default_factory=dict)


class WorkerRuntime:
    """Belongs to one event loop. The bells only shorten waits: slots and reconciler also look by themselves."""

    def __init__(self, plan: WorkerPlan, resources: Resources) -> None:
        self.bell = asyncio.Event()
        self.reconcile_bell = asyncio.Event()
        self.sweep_bell = asyncio.Event()
        self._plan = plan
        self._resources = resources
        self._settings: Settings = resources.settings
        self._name = worker_name(plan.service)
        self._swept: dict[str, float] = {}
        self._leases = {queue: self._leases_of(queue) for queue in plan.slots}

    async def run(self) -> None:
        """Work until cancelled; then every running task is given back and its child is dead."""
        log.info("worker_started", worker=self._name, queues=dict(self._plan.slots))
        await self._resources.compute.open()
        await self._take_over()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._reconcile_for_ever())
            group.create_task(self._sweep_for_ever())
            for queue, slots in self._plan.slots.items():
                for _ in range(slots):
                    group.create_task(self._work_for_ever(self._leases[queue]))

    async def sweep(self) -> None:
        """Do the chores that are due; several workers may do the same one, so chores are harmless when repeated."""
        for name, (seconds, chore) in self._plan.periodic.items():
            if time.monotonic() - self._swept.get(name, -seconds) < seconds:
                continue
            self._swept[name] = time.monotonic()
            try:
                await chore(self._resources)
            except Exception:
                log.exception("chore_failed", chore=name)

    async def _sweep_for_ever(self) -> None:
        while True:
            await self.sweep_bell.wait()
            self.sweep_bell.clear()
            await self.sweep()

    def _leases_of(self, queue: str) -> Leases:
        return Leases(
            self._resources.database,
            self._resources.ledger.wakes,
            queue=queue,
            worker=self._name,
            lease_seconds=self._settings.task_lease_seconds,
            aftermath=aftermath_of(self._plan.handlers),
        )

    async def _work_for_ever(self, leases: Leases) -> None:
        runner = TaskRunner(self._resources, leases, self._resources.ledger.wakes, self._plan.handlers)
        while True:
            task = await self._claim(leases)
            if task is None:
                await pause(self.bell, self._settings.reconcile_seconds)
                continue
            try:
                await runner.run(task)
            except Exception:
                # The task keeps its lease and is taken up again when that runs out; the worker lives on.
                log.exception("task_end_failed", task_id=str(task.id))

    async def _claim(self, leases: Leases) -> Task | None:
        try:
            return await leases.claim()
        except DATABASE_AWAY as error:
            log.warning("claim_failed", error=type(error).__name__)
            await asyncio.sleep(RETRY_SECONDS)
            return None

    async def _reconcile_for_ever(self) -> None:
        while True:
            try:
                ended = sum([await leases.reconcile() for leases in self._leases.values()])
                if ended:
                    log.info("tasks_reconciled", count=ended)
            except DATABASE_AWAY as error:
                log.warning("reconcile_failed", error=type(error).__name__)
            except Exception:
                log.exception("aftermath_failed")
            await pause(self.reconcile_bell, self._settings.reconcile_seconds)
            self.bell.set()

    def _is_dead(self, name: str) -> bool:
        return is_dead_sibling(name, self._name)

    async def _take_over(self) -> None:
        while True:
            try:
                freed = sum([await leases.take_over(self._is_dead) for leases in self._leases.values()])
            except DATABASE_AWAY as error:
                log.warning("take_over_failed", error=type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS)
            else:
                log.info("worker_took_over", tasks=freed)
                return
