"""Work for a worker that benchmarks watch: `python -m shared.testing.task_load` takes a command a line.

`latency N`, `burst N`, `ledger N` and `bare N` are answered by one line of JSON each.
"""

import asyncio
import sys
import time
from typing import Any
from uuid import UUID

import orjson
import structlog

from shared.config import get_settings
from shared.ids import new_id
from shared.resources import Resources, build_resources
from shared.tasks import NewTask, Task
from shared.tasks.doorbell import create_celery
from shared.testing import bare_worker
from shared.testing.project import Workspace
from shared.testing.submission import QUEUE

POLL_SECONDS = 0.05
BATCH = 100

_UNFINISHED = "SELECT count(*) FROM analysis_tasks WHERE queue = $1 AND finished_at IS NULL"
_LATENCIES = """
SELECT array_agg((extract(epoch FROM started_at - created_at) * 1000)::float8) FROM analysis_tasks WHERE id = ANY($1)
"""
_SPAN = """
SELECT extract(epoch FROM max(finished_at) - min(started_at))::float8 FROM analysis_tasks WHERE id = ANY($1)
"""
_LEFT = "return redis.call('LLEN', KEYS[1]) + redis.call('HLEN', 'unacked')"


class Load:
    """Submits tasks that do nothing, of one project."""

    def __init__(self, resources: Resources, workspace: Workspace) -> None:
        self._resources = resources
        self._workspace = workspace
        self._celery = create_celery(resources.settings, "load")

    async def latency(self, count: int) -> dict[str, Any]:
        """Milliseconds from the submitting transaction's begin to the claim, of one task after the other."""
        ids = []
        for _ in range(count):
            [task] = await self._submit(1)
            await self._resources.ledger.ring(task)
            ids.append(task.id)
            await self._until_done()
        return {"ms": await self._value(_LATENCIES, ids)}

    async def burst(self, count: int) -> dict[str, Any]:
        """Seconds from the first claim to the last end of tasks that were all there at once."""
        ids: list[UUID] = []
        first: Task | None = None
        for _ in range(0, count, BATCH):
            tasks = await self._submit(BATCH)
            first = first or tasks[0]
            ids += [task.id for task in tasks]
        if first is not None:
            await self._resources.ledger.ring(first)
        await self._until_done()
        return {"count": len(ids), "seconds": await self._value(_SPAN, ids)}

    async def ledger(self, count: int) -> dict[str, Any]:
        """Processor time of submitting and ringing, task by task."""
        began = time.process_time()
        for _ in range(count):
            [task] = await self._submit(1)
            await self._resources.ledger.ring(task)
        used = time.process_time() - began
        await self._until_done()
        return {"cpu": used}

    async def bare(self, count: int) -> dict[str, Any]:
        """The same of as many messages to a Celery that knows no ledger."""
        began = time.process_time()
        for number in range(count):
            self._celery.send_task(bare_worker.TASK, args=(number,), queue=bare_worker.QUEUE, ignore_result=True)
        used = time.process_time() - began
        while await self._resources.redis.eval(_LEFT, [bare_worker.QUEUE], []):  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(POLL_SECONDS)
        return {"cpu": used}

    async def _submit(self, count: int) -> list[Task]:
        new = NewTask("nothing", QUEUE, self._workspace.project_id, self._workspace.owner)
        async with self._resources.database.transaction() as session:
            return [await self._resources.ledger.submit(session, new) for _ in range(count)]

    async def _until_done(self) -> None:
        while await self._value(_UNFINISHED, QUEUE):  # noqa: ASYNC110 - to be told would cost what is measured
            await asyncio.sleep(POLL_SECONDS)

    async def _value(self, sql: str, argument: object) -> Any:
        async with self._resources.database.transaction(read_only=True) as session:
            return await session.fetch_value(sql, argument)


async def main() -> None:
    """Obey until the input ends."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    resources = build_resources(get_settings())
    workspace = Workspace(new_id(), new_id(), new_id(), new_id(), new_id())
    await workspace.write(resources.database)
    load = Load(resources, workspace)
    commands = {"latency": load.latency, "burst": load.burst, "ledger": load.ledger, "bare": load.bare}
    while line := await asyncio.to_thread(sys.stdin.readline):
        name, count = line.split()
        answer = await commands[name](int(count))
        sys.stdout.write(orjson.dumps(answer).decode() + "\n")
        sys.stdout.flush()
    await resources.close()


if __name__ == "__main__":
    asyncio.run(main())
