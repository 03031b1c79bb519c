"""What the end of a task does to others, in the transaction that writes it."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from shared.database import Session
from shared.webhook_outbox import WebhookEvent, announce

from . import dependencies
from .ends import EndedTask
from .records import Task, TaskStatus
from .wakes import Publisher

_EVENTS = {
    TaskStatus.SUCCEEDED: WebhookEvent.TASK_SUCCEEDED,
    TaskStatus.FAILED: WebhookEvent.TASK_FAILED,
    TaskStatus.CANCELLED: WebhookEvent.TASK_CANCELLED,
}

Ring = Callable[[Task], Awaitable[None]]


async def follow_up(session: Session, ended: EndedTask) -> list[Task]:
    """Free or fail those that waited for the task, and note what webhooks are to be told; the tasks that it touched."""
    await _announce(session, ended)
    if not ended.has_dependents:
        return []
    if ended.status == TaskStatus.SUCCEEDED:
        return await dependencies.free(session, ended.id)
    return await _fail_waiting(session, ended)


async def spread(touched: list[Task], wakes: Publisher, ring: Ring | None) -> None:
    """After the commit: wake those who follow the touched tasks, and the workers of those that may run now."""
    for task in touched:
        await wakes.publish(task.id)
        if ring is not None and not task.is_finished:
            await ring(task)


async def _fail_waiting(session: Session, ended: EndedTask) -> list[Task]:
    touched: list[Task] = []
    level = [ended]
    while level:
        failed = await dependencies.fail_waiting(session, [task.id for task in level])
        for task in failed:
            await _announce(session, task)
        touched += failed
        level = [task for task in failed if task.has_dependents]
    return touched


async def _announce(session: Session, task: EndedTask) -> None:
    if not task.has_webhooks:
        return
    # Without the detail, which may quote the user's data.
    error = None if task.error_code is None else {"code": task.error_code}
    data = {
        "task_id": task.id,
        "kind": task.kind,
        "status": task.status,
        "project_id": task.project_id,
        "dataset_id": task.dataset_id,
        "version": task.version,
        "error": error,
        "created_at": _time(task.created_at),
        "finished_at": _time(task.finished_at),
    }
    await announce(session, task.project_id, _EVENTS[TaskStatus(task.status)], data)


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")
