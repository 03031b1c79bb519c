"""The ledger as services use it, on real servers."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from shared.database import Database
from shared.errors import Conflict, Forbidden, NotFound
from shared.ids import new_id
from shared.redis_client import RedisClient
from shared.resources import Resources
from shared.tasks import NewTask, Task, TaskEvent, TaskFilter, TaskStatus, follow
from shared.tasks.wakes import TaskWakes
from shared.testing.project import Workspace
from shared.testing.submission import QUEUE, submit

pytestmark = pytest.mark.integration


async def finish(database: Database, task: Task, status: str) -> None:
    async with database.transaction() as session:
        await session.execute(
            "UPDATE analysis_tasks SET status = $2, finished_at = now() WHERE id = $1", task.id, status
        )


async def start(database: Database, task: Task) -> None:
    async with database.transaction() as session:
        sql = "UPDATE analysis_tasks SET status = 'running', attempts = 1, lease_until = now() + '1 min' WHERE id = $1"
        await session.execute(sql, task.id)


class TestSubmit:
    async def test_a_task_is_queued_with_its_first_event(self, resources: Resources, workspace: Workspace) -> None:
        task = await submit(resources, workspace, function="echo")
        assert (task.status, task.attempts, task.max_attempts) == ("queued", 0, 3)
        assert task.params == {"function": "echo"}
        stream = resources.ledger.events(task.id, workspace.owner, 0)
        first = await anext(stream)
        assert (first.sequence, first.event, first.data["status"]) == (1, "state", "queued")

    async def test_it_shares_the_fate_of_the_callers_transaction(
        self, resources: Resources, workspace: Workspace
    ) -> None:
        new = NewTask("compute", "test", workspace.project_id, workspace.owner, id=new_id())
        with pytest.raises(ZeroDivisionError):
            async with resources.database.transaction() as session:
                await resources.ledger.submit(session, new)
                raise ZeroDivisionError
        assert await resources.ledger.list(workspace.owner) == []


class TestRead:
    async def test_members_see_it_and_nobody_else(self, resources: Resources, workspace: Workspace) -> None:
        task = await submit(resources, workspace)
        assert (await resources.ledger.read(task.id, workspace.viewer)).id == task.id
        for task_id, user in ((task.id, workspace.stranger), (new_id(), workspace.owner)):
            with pytest.raises(NotFound):
                await resources.ledger.read(task_id, user)

    async def test_lists_are_scoped_filtered_and_paged(self, resources: Resources, workspace: Workspace) -> None:
        ledger = resources.ledger
        tasks = [await submit(resources, workspace, kind) for kind in ("note", "compute", "note")]
        newest_first = [task.id for task in reversed(tasks)]
        assert [task.id for task in await ledger.list(workspace.viewer)] == newest_first
        assert [task.id for task in await ledger.list(workspace.viewer, limit=2)] == newest_first[:2]
        assert [task.id for task in await ledger.list(workspace.viewer, before=newest_first[1])] == newest_first[2:]
        assert len(await ledger.list(workspace.viewer, kind="note")) == 2
        assert len(await ledger.list(workspace.viewer, status=TaskStatus.RUNNING)) == 0
        assert len(await ledger.list(workspace.viewer, project_id=workspace.project_id)) == 3
        assert await ledger.list(workspace.viewer, project_id=new_id()) == []
        now, hour = datetime.now(UTC), timedelta(hours=1)
        kept: list[TaskFilter] = [
            {"queue": QUEUE},
            {"created_by": workspace.owner},
            {"since": now - hour, "until": now + hour},
        ]
        dropped: list[TaskFilter] = [
            {"queue": "other"},
            {"created_by": workspace.viewer},
            {"since": now + hour},
            {"until": now - hour},
            {"since": datetime.max.replace(tzinfo=UTC)},
            {"until": datetime.min.replace(tzinfo=UTC)},
            {"error_code": "poison"},
            {"schedule_id": new_id()},
            {"dataset_id": new_id()},
        ]
        for wanted in kept:
            assert [task.id for task in await ledger.list(workspace.viewer, **wanted)] == newest_first, wanted
        for wanted in dropped:
            assert await ledger.list(workspace.viewer, **wanted) == [], wanted
        assert await ledger.list(workspace.stranger) == []


class TestCancel:
    async def test_a_queued_task_ends_at_once(self, resources: Resources, workspace: Workspace) -> None:
        task = await submit(resources, workspace)
        cancelled = await resources.ledger.cancel(task.id, workspace.editor)
        assert (cancelled.status, cancelled.finished_at is not None) == ("cancelled", True)
        again = await resources.ledger.cancel(task.id, workspace.editor)
        assert again.status == "cancelled"

    async def test_a_running_task_is_asked_to_stop(self, resources: Resources, workspace: Workspace) -> None:
        task = await submit(resources, workspace)
        await start(resources.database, task)
        asked = await resources.ledger.cancel(task.id, workspace.owner)
        assert (asked.status, asked.cancel_requested) == ("running", True)

    async def test_who_may_not(self, resources: Resources, workspace: Workspace) -> None:
        task = await submit(resources, workspace)
        with pytest.raises(NotFound):
            await resources.ledger.cancel(task.id, workspace.stranger)
        with pytest.raises(Forbidden):
            await resources.ledger.cancel(task.id, workspace.viewer)

    @pytest.mark.parametrize("status", ["succeeded", "failed"])
    async def test_a_finished_task_cannot_be_cancelled(
        self, resources: Resources, workspace: Workspace, status: str
    ) -> None:
        task = await submit(resources, workspace)
        await finish(resources.database, task, status)
        with pytest.raises(Conflict) as refusal:
            await resources.ledger.cancel(task.id, workspace.owner)
        assert refusal.value.code == "already_finished"


class TestWait:
    async def test_it_returns_what_is_there_when_time_is_up(self, resources: Resources, workspace: Workspace) -> None:
        task = await submit(resources, workspace)
        started = time.monotonic()
        assert (await resources.ledger.wait(task.id, workspace.owner, 0.3)).status == "queued"
        assert 0.25 < time.monotonic() - started < 20

    async def test_it_is_woken_by_the_end(
        self, resources: Resources, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(follow, "POLL_SECONDS", 60.0)
        task = await submit(resources, workspace)
        waiting = asyncio.create_task(resources.ledger.wait(task.id, workspace.owner, 30))
        await asyncio.sleep(0.3)
        await resources.ledger.cancel(task.id, workspace.owner)
        assert (await asyncio.wait_for(waiting, 20)).status == "cancelled"

    async def test_it_sees_the_end_also_without_a_wake(self, resources: Resources, workspace: Workspace) -> None:
        task = await submit(resources, workspace)
        waiting = asyncio.create_task(resources.ledger.wait(task.id, workspace.owner, 30))
        await asyncio.sleep(0.1)
        await finish(resources.database, task, "failed")
        assert (await asyncio.wait_for(waiting, 30)).status == "failed"


class TestEvents:
    async def follow(self, resources: Resources, task_id: UUID, user: UUID, after: int = 0) -> list[TaskEvent]:
        async with asyncio.timeout(30):
            return [event async for event in resources.ledger.events(task_id, user, after)]

    async def test_they_end_with_the_final_state_and_resume(self, resources: Resources, workspace: Workspace) -> None:
        task = await submit(resources, workspace)
        following = asyncio.create_task(self.follow(resources, task.id, workspace.viewer))
        await asyncio.sleep(0.1)
        await resources.ledger.cancel(task.id, workspace.owner)
        events = await following
        assert [(event.sequence, event.data["status"]) for event in events] == [(1, "queued"), (2, "cancelled")]
        assert await self.follow(resources, task.id, workspace.viewer, 1) == events[1:]
        assert await self.follow(resources, task.id, workspace.viewer, 2) == []

    async def test_who_is_no_member_hears_nothing(self, resources: Resources, workspace: Workspace) -> None:
        task = await submit(resources, workspace)
        assert await self.follow(resources, task.id, workspace.stranger) == []

    async def test_a_lost_membership_ends_the_stream(self, resources: Resources, workspace: Workspace) -> None:
        task = await submit(resources, workspace)
        following = asyncio.create_task(self.follow(resources, task.id, workspace.viewer))
        await asyncio.sleep(0.1)
        async with resources.database.transaction() as session:
            await session.execute("DELETE FROM project_members WHERE user_id = $1", workspace.viewer)
        assert len(await following) == 1


@pytest.mark.parametrize("turns", range(15))
async def test_the_subscription_ends_however_far_it_has_come(redis: RedisClient, turns: int) -> None:
    wakes = TaskWakes(redis)
    with wakes.watching(new_id(), lambda: None):
        for _ in range(turns):
            await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await wakes.close()
