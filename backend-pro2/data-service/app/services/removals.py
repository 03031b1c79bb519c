"""The task `project_removal`: what a removed project held goes, objects before the rows that tell of them.

Each step looks for what is left, so an attempt that was killed anywhere is continued by the next.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from uuid import UUID

from shared.database import Session
from shared.errors import ServiceUnavailable
from shared.tasks import TaskRun
from shared.tasks.removals import call_off, count_running, remove_others

from ..repositories import removals
from .freed import remove_keys

PAGE = 500
# A worker ends a run that was called off within two seconds; what takes longer is waited for again, in another turn.
PATIENCE_SECONDS = 20.0
LOOK_SECONDS = 0.25


async def remove_project(run: TaskRun) -> None:
    """Call off what runs in the project, then remove its objects, datasets and tasks.

    Raises:
        ServiceUnavailable: something still runs, or the object store is away; the task waits for another turn.
    """
    await run.progress(0, 0, "Waiting for running work to end")
    await _end_others(run)
    objects = await _remove_versions(run)
    objects += await _remove_objects(run, objects)
    await run.progress(objects, 0, "Removing datasets and tasks")
    datasets = await _page_by_page(run, removals.remove_datasets)
    for remove in (removals.remove_uploads, removals.remove_pipelines, removals.remove_models):
        await _page_by_page(run, remove)
    tasks = await _page_by_page(run, _remove_tasks(run.task.id))
    async with run.commit({"objects": objects, "datasets": datasets, "tasks": tasks}):
        pass


async def _end_others(run: TaskRun) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while await _call_off(run):
        if time.monotonic() > deadline:
            raise ServiceUnavailable("Work in the project has not ended yet.")
        await asyncio.sleep(LOOK_SECONDS)


async def _call_off(run: TaskRun) -> int:
    """Once more each time, since a worker that stops gives its task back to the queue; how many still run."""
    resources, project_id = run.resources, run.task.project_id
    async with resources.database.transaction() as session:
        called_off = await call_off(session, project_id)
        running = await count_running(session, project_id)
    for task_id in called_off:
        await resources.ledger.wakes.publish(task_id)
    return running


async def _remove_versions(run: TaskRun) -> int:
    """Versions with their objects, wherever those lie; the number of objects."""
    database, project_id = run.resources.database, run.task.project_id
    removed = 0
    while True:
        async with database.transaction(read_only=True) as session:
            page = await removals.some_versions(session, project_id, PAGE)
        if not page:
            return removed
        # A version that was rolled back to shares its content with another.
        keys = {key for version in page for key in version.keys}
        await remove_keys(database, run.resources.object_store, keys)
        async with database.transaction() as session:
            await removals.remove_versions(session, page)
        removed += len(keys)
        await run.progress(removed, 0, f"Removed {removed} files")


async def _remove_objects(run: TaskRun, before: int) -> int:
    """What else lies below the project's prefix: artifacts, and what uploads and runs left behind."""
    database, store, removed = run.resources.database, run.resources.object_store, 0
    page: list[str] = []
    async for entry in store.list(f"{run.task.project_id}/"):
        page.append(entry.key)
        if len(page) == PAGE:
            await remove_keys(database, store, page)
            removed += len(page)
            await run.progress(before + removed, 0, f"Removed {before + removed} files")
            page = []
    await remove_keys(database, store, page)
    return removed + len(page)


async def _page_by_page(run: TaskRun, remove: Callable[[Session, UUID, int], Awaitable[int]]) -> int:
    removed = 0
    while True:
        async with run.resources.database.transaction() as session:
            count = await remove(session, run.task.project_id, PAGE)
        removed += count
        if not count:
            return removed
        await run.flush()


def _remove_tasks(own_id: UUID) -> Callable[[Session, UUID, int], Awaitable[int]]:
    async def remove(session: Session, project_id: UUID, limit: int) -> int:
        return await remove_others(session, project_id, own_id, limit)

    return remove
