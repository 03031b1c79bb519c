"""Tasks that wait for others."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from shared.database import Database
from shared.errors import Conflict, NotFound
from shared.ids import new_id
from shared.resources import Resources
from shared.tasks import NewTask, Task, TaskError
from shared.testing.leasing import Workers, submit_new
from shared.testing.project import Workspace
from shared.testing.submission import QUEUE

pytestmark = pytest.mark.integration

T = TypeVar("T")


async def read(resources: Resources, workspace: Workspace, task: Task) -> Task:
    return await resources.ledger.read(task.id, workspace.owner)


async def test_it_runs_once_all_have_succeeded(resources: Resources, workspace: Workspace) -> None:
    make = Workers(resources)
    first, second = [await submit_new(resources, workspace) for _ in range(2)]
    last = await submit_new(resources, workspace, after=(first.id, second.id, first.id), priority=9)
    assert last.waiting_for == 2
    claimed = [await make.claimed(), await make.claimed()]
    assert ([task.id for task in claimed], await make().claim()) == ([first.id, second.id], None)
    await make.succeed(claimed[0])
    assert (make.rung, await make().claim()) == ([], None)
    await make.succeed(claimed[1])
    assert make.rung == [last.id]
    assert (await make.claimed()).id == last.id
    # What has succeeded already is not waited for.
    assert (await submit_new(resources, workspace, after=(first.id,))).waiting_for == 0


async def test_an_end_without_success_is_theirs_too(resources: Resources, workspace: Workspace) -> None:
    make = Workers(resources)

    async def fail(_: Task) -> None:
        await make().fail(await make.claimed(), TaskError("bad_file", "It is empty."))

    async def stop(_: Task) -> None:
        await make().cancel(await make.claimed())

    async def call_off(root: Task) -> None:
        await resources.ledger.cancel(root.id, workspace.owner)

    for end, word in ((fail, "failed"), (stop, "was cancelled"), (call_off, "was cancelled")):
        root = await submit_new(resources, workspace)
        child = await submit_new(resources, workspace, after=(root.id,), queue="of-another-service")
        grandchild = await submit_new(resources, workspace, after=(child.id, root.id))
        await end(root)
        ended = [await read(resources, workspace, task) for task in (child, grandchild)]
        assert [(task.status, task.error_code) for task in ended] == [("failed", "dependency_failed")] * 2
        assert (ended[0].error_detail or "").endswith(f"after the task {root.id} (compute), which {word}.")
        events = [event async for event in resources.ledger.events(child.id, workspace.owner, 0)]
        assert [event.data["status"] for event in events] == ["queued", "failed"]
        # What their kind does after that is left to the workers of their own queues.
        make.aftermaths.tasks.clear()
        assert await make().reconcile() == (2 if end is call_off else 1)
        assert await make(queue="of-another-service").reconcile() == 1
        assert {task.id for task in make.aftermaths.tasks} >= {child.id, grandchild.id}
        with pytest.raises(Conflict) as refused:
            await submit_new(resources, workspace, after=(root.id,))
        assert refused.value.code == "dependency_failed"
        # Their rows do not hang on the one that failed.
        async with resources.database.transaction() as session:
            assert await resources.ledger.remove(session, root.id)
        assert (await read(resources, workspace, child)).status == "failed"


async def test_only_tasks_of_the_same_project(resources: Resources, workspace: Workspace, database: Database) -> None:
    other = Workspace(*(new_id() for _ in range(5)))
    await other.write(database)
    foreign = await submit_new(resources, other)
    for task_id in (foreign.id, new_id()):
        with pytest.raises(NotFound):
            await submit_new(resources, workspace, after=(task_id,))


async def test_one_that_ends_while_it_is_being_waited_for(
    resources: Resources, workspace: Workspace, database: Database
) -> None:
    make = Workers(resources)
    for status in ("succeeded", "failed"):
        await submit_new(resources, workspace)
        root = await make.claimed()
        async with database.transaction() as session:
            child = await resources.ledger.submit(session, waiting_for(workspace, root))
            end = make.succeed(root) if status == "succeeded" else make().fail(root, TaskError("bad", "Bad."))
            ending = await given_time(end)
        await ending
        now = await read(resources, workspace, child)
        assert (now.status, now.waiting_for) == (("queued", 0) if status == "succeeded" else ("failed", 1))


async def test_one_that_is_ending_when_somebody_comes_to_wait(
    resources: Resources, workspace: Workspace, database: Database
) -> None:
    make = Workers(resources)
    await submit_new(resources, workspace)
    root = await make.claimed()
    async with database.transaction() as session:
        await make().lock(session, root)
        await make().succeed(session, root, None)
        coming = await given_time(submit_new(resources, workspace, after=(root.id,)))
    assert (await coming).waiting_for == 0


async def test_it_can_be_claimed_while_somebody_comes_to_wait(
    resources: Resources, workspace: Workspace, database: Database
) -> None:
    root = await submit_new(resources, workspace)
    async with database.transaction() as session:
        await resources.ledger.submit(session, waiting_for(workspace, root))
        assert (await Workers(resources).claimed()).id == root.id


async def test_one_whose_middle_is_being_waited_for_when_the_root_fails(
    resources: Resources, workspace: Workspace, database: Database
) -> None:
    root = await submit_new(resources, workspace)
    middle = await submit_new(resources, workspace, after=(root.id,))
    async with database.transaction() as session:
        leaf = await resources.ledger.submit(session, waiting_for(workspace, middle))
        ending = await given_time(resources.ledger.cancel(root.id, workspace.owner))
    await ending
    assert (await read(resources, workspace, leaf)).error_code == "dependency_failed"


def waiting_for(workspace: Workspace, other: Task) -> NewTask:
    return NewTask("compute", QUEUE, workspace.project_id, workspace.owner, after=(other.id,))


async def given_time(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """The work, begun and with time to overlook what is not committed yet, if it does not wait for that."""
    task = asyncio.create_task(work)
    await asyncio.wait({task}, timeout=0.3)
    return task
