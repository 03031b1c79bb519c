"""Short ways to submit and watch tasks."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from shared.resources import Resources
from shared.tasks import NewTask, Task, TaskStatus
from shared.testing.project import Workspace

QUEUE = "test"


async def submit(
    resources: Resources, workspace: Workspace, kind: str = "compute", priority: int = 5, **params: Any
) -> Task:
    """Submit a task of the workspace's owner and commit; nobody is rung."""
    new = NewTask(kind, QUEUE, workspace.project_id, workspace.owner, params, priority=priority, request_id="r-1")
    async with resources.database.transaction() as session:
        return await resources.ledger.submit(session, new)


async def until(resources: Resources, task: Task, status: TaskStatus, seconds: float = 60) -> Task:
    """The task once it has `status`; fails when that takes longer."""
    return await changed(resources, task, lambda now: now.status == status, seconds)


async def changed(resources: Resources, task: Task, condition: Callable[[Task], bool], seconds: float = 60) -> Task:
    """The task once `condition` holds for it; fails when that takes longer."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if task.created_by is None:
            break
        task = await resources.ledger.read(task.id, task.created_by)
        if condition(task):
            return task
        await asyncio.sleep(0.02)
    raise AssertionError(f"still {task.status} ({task.error_code}) after {seconds} s")
