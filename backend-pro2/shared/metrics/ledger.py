"""Tasks as the ledger has them, told by the service whose queues they are in; read when somebody scrapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client.core import Metric

from shared.tasks import TaskStatus, figures
from shared.tasks.figures import Standing
from shared.tasks.queues import SERVICE_QUEUES

from .families import gauge_family
from .kept import Kept

if TYPE_CHECKING:
    from shared.resources import Resources

# The least between two readings.
LEDGER_SECONDS = 5.0

TASKS = gauge_family("tasks", "Tasks that have not ended, and those that ended in the last hour.", ("queue", "status"))
DEPTH = gauge_family("task_queue_depth", "Queued tasks that could run now.", ("queue",))
OLDEST = gauge_family(
    "task_oldest_queued_seconds", "How long the task has waited that could have run for longest.", ("queue",)
)
DEAD_LETTERS = gauge_family(
    "task_dead_letters", "Tasks given up in the last day, as each attempt ended with its process's death.", ("queue",)
)
ALIVE = gauge_family("workers_alive", "Worker processes that gave a sign of life in the last 30 seconds.", ("service",))
READ_AT = gauge_family("ledger_read_timestamp_seconds", "When these figures were read from the ledger.")


@dataclass(frozen=True, slots=True)
class _Figures:
    standings: Sequence[Standing]
    workers: int


class LedgerFigures:
    """The figures of one service's queues. While the database is away the last ones are told, and how old they are."""

    def __init__(self, service: str, resources: Resources) -> None:
        self._service = service
        self._queues = [queue.value for queue in SERVICE_QUEUES[service]]
        self._database = resources.database
        self._kept = Kept("ledger", self._read)
        resources.closers.append(self._kept.close)

    async def families(self) -> Sequence[Metric]:
        """All of them; none before they could be read for the first time."""
        await self._kept.refresh()
        if self._kept.figures is None:
            return ()
        standings = self._kept.figures.standings
        return [
            TASKS.of(self._counts(standings)),
            DEPTH.of(self._by_queue({(one.queue,): one.ready for one in standings if one.ready})),
            OLDEST.of(self._by_queue({(one.queue,): one.oldest_seconds for one in standings if one.oldest_seconds})),
            DEAD_LETTERS.of(self._by_queue({(one.queue,): one.dead for one in standings if one.dead})),
            ALIVE.of({(self._service,): self._kept.figures.workers}),
            READ_AT.of(self._kept.read_at),
        ]

    async def _read(self) -> _Figures:
        async with self._database.transaction(read_only=True) as session:
            standings = await figures.standings(session, self._queues)
            return _Figures(standings, await figures.workers_alive(session, self._service))

    def _counts(self, standings: Sequence[Standing]) -> Mapping[tuple[str, ...], float]:
        counts: dict[tuple[str, ...], float] = {
            (queue, status.value): 0 for queue in self._queues for status in TaskStatus
        }
        return counts | {(one.queue, one.status): one.number for one in standings}

    def _by_queue(self, found: Mapping[tuple[str, ...], float]) -> Mapping[tuple[str, ...], float]:
        return {(queue,): 0 for queue in self._queues} | dict(found)
