"""What is told of a task's end, and the end that a deadline makes of a run."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.database import Database
from shared.ids import new_id
from shared.resources import Resources
from shared.tasks import PROJECT_REMOVAL, TaskRun, TaskStatus
from shared.tasks.runtime import WorkerPlan, WorkerRuntime
from shared.testing.leasing import Workers, submit_new
from shared.testing.project import Workspace
from shared.testing.submission import QUEUE, until

pytestmark = pytest.mark.integration

_WEBHOOK = """
INSERT INTO webhooks (id, project_id, url, events, secret)
VALUES ($1, $2, 'https://example.org', '{task.succeeded,task.failed,task.cancelled}', '')
"""


async def test_webhooks_hear_of_every_end_of_their_project(
    resources: Resources, workspace: Workspace, database: Database
) -> None:
    make, other = Workers(resources), Workspace(*(new_id() for _ in range(5)))
    await other.write(database)
    async with database.transaction() as session:
        await session.execute(_WEBHOOK, new_id(), workspace.project_id)
    done = await submit_new(resources, workspace, version=2)
    await submit_new(resources, other, priority=4)
    for _ in range(2):
        await make.succeed(await make.claimed())
    cancelled = await submit_new(resources, workspace)
    dependent = await submit_new(resources, workspace, after=(cancelled.id,))
    overdue = await submit_new(resources, workspace, deadline=datetime.now(UTC))
    await submit_new(resources, workspace, kind=PROJECT_REMOVAL, deadline=datetime.now(UTC))
    await resources.ledger.cancel(cancelled.id, workspace.owner)
    await make().reconcile()
    async with database.transaction() as session:
        sql = "SELECT array_agg(payload ORDER BY created_at, payload -> 'data' ->> 'task_id') FROM webhook_deliveries"
        told: list[dict[str, Any]] = [payload["data"] for payload in await session.fetch_value(sql)]
    ends = {(row["task_id"], row["status"], (row["error"] or {}).get("code")) for row in told}
    assert (len(told), ends) == (
        4,
        {
            (str(done.id), "succeeded", None),
            (str(cancelled.id), "cancelled", None),
            (str(dependent.id), "failed", "dependency_failed"),
            (str(overdue.id), "failed", "deadline_exceeded"),
        },
    )
    first = next(row for row in told if row["task_id"] == str(done.id))
    assert (first["kind"], first["project_id"], first["version"]) == ("compute", str(workspace.project_id), 2)
    assert first["created_at"] <= first["finished_at"]


async def test_a_run_is_killed_when_its_deadline_passes(
    resources: Resources, workspace: Workspace, database: Database
) -> None:
    async def sleep(run: TaskRun) -> None:
        await run.compute("shared.testing.jobs:sleep", {"seconds": 60})

    task = await submit_new(resources, workspace)
    plan = WorkerPlan("test-service", {QUEUE: 1}, {"compute": sleep})
    working = asyncio.create_task(WorkerRuntime(plan, resources).run())
    try:
        await until(resources, task, TaskStatus.RUNNING)
        async with database.transaction() as session:
            sql = "UPDATE analysis_tasks SET deadline = clock_timestamp() + interval '0.3 s' WHERE id = $1"
            await session.execute(sql, task.id)
        failed = await until(resources, task, TaskStatus.FAILED, seconds=8)
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    assert (failed.error_code, failed.attempts) == ("deadline_exceeded", 1)
    assert failed.deadline is not None
    assert failed.finished_at is not None
    late = (failed.finished_at - failed.deadline).total_seconds()
    assert 0 <= late < 2.5
