"""What carries the tasks: queues, workers, and how long things take."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from shared.identity import Caller
from shared.resources import Resources
from shared.tasks import worker_registry
from shared.tasks.worker_registry import SILENT_SECONDS, RunningTask, Worker

from ..repositories import queues
from ..repositories.queues import KindStats
from ..schemas.queues import KindStatsModel, QueueModel, Queues, RunningModel, Spread, WorkerModel

HEARD_OF_SECONDS = 3600.0


class QueueWatch:
    """What a caller may learn of queues and workers: numbers of all, and of his own projects' tasks which they are."""

    def __init__(self, resources: Resources) -> None:
        self._database = resources.database

    async def loads(self, caller: Caller) -> Queues:
        """What waits and runs, by queue."""
        async with self._database.transaction(read_only=True) as session:
            mine = await queues.queue_loads(session, caller.id)
            everybodys = await queues.all_queue_loads(session) if caller.administers else None
        shown = QueueModel.model_validate
        return Queues(
            items=[shown(load) for load in mine],
            instance=None if everybodys is None else [shown(load) for load in everybodys],
        )

    async def workers(self, user_id: UUID) -> list[WorkerModel]:
        """The workers that were heard of within the last hour."""
        async with self._database.transaction(read_only=True) as session:
            found = await worker_registry.workers(session, seen_within_seconds=HEARD_OF_SECONDS)
            running = await worker_registry.running(session, user_id)
            others = await queues.others_running(session, user_id, [worker.name for worker in found])
        return [_shown(worker, running.get(worker.name, ()), others.get(worker.name, 0)) for worker in found]

    async def stats(self, user_id: UUID, hours: int, project_id: UUID | None) -> list[KindStatsModel]:
        """How many tasks ended how, and how long they waited and ran, by kind."""
        async with self._database.transaction(read_only=True) as session:
            return [_told(stats) for stats in await queues.stats(session, user_id, hours, project_id)]


def _shown(worker: Worker, running: Sequence[RunningTask], others: int) -> WorkerModel:
    is_silent = (datetime.now(UTC) - worker.seen_at).total_seconds() > SILENT_SECONDS
    return WorkerModel(
        id=worker.id,
        service=worker.service,
        queues=worker.queues,
        version=worker.version,
        is_draining=worker.is_draining,
        started_at=worker.started_at,
        seen_at=worker.seen_at,
        state="silent" if is_silent else "alive",
        running=[
            RunningModel(
                id=task.id, kind=task.kind, queue=task.queue, project_id=task.project_id, since=task.started_at
            )
            for task in running
        ],
        others=others,
    )


def _seen(task: RunningTask) -> RunningModel:
    return RunningModel(id=task.id, kind=task.kind, queue=task.queue, project_id=task.project_id, since=task.started_at)


def _told(stats: KindStats) -> KindStatsModel:
    return KindStatsModel(
        kind=stats.kind,
        queued=stats.queued,
        running=stats.running,
        succeeded=stats.succeeded,
        failed=stats.failed,
        cancelled=stats.cancelled,
        wait_seconds=_spread(stats.wait_seconds),
        run_seconds=_spread(stats.run_seconds),
    )


def _spread(values: list[float | None] | None) -> Spread | None:
    if values is None or values[0] is None or values[1] is None:
        return None
    return Spread(p50=values[0], p95=values[1])
