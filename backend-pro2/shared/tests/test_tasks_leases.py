"""Leases, fencing, and the ends that the reconciler writes, on a real PostgreSQL."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from shared.resources import Resources
from shared.tasks import StaleAttempt, TaskError
from shared.tasks.leases import Beat
from shared.testing.leasing import Workers, lapse
from shared.testing.project import Workspace
from shared.testing.submission import submit

pytestmark = pytest.mark.integration


@pytest.fixture
def make(resources: Resources) -> Workers:
    return Workers(resources)


class TestClaim:
    async def test_the_most_important_then_the_oldest(
        self, resources: Resources, workspace: Workspace, make: Workers
    ) -> None:
        late = await submit(resources, workspace)
        last = await submit(resources, workspace, priority=1)
        first = await submit(resources, workspace, priority=9)
        later = await submit(resources, workspace)
        order = [(await make.claimed(make())).id for _ in range(4)]
        assert order == [first.id, late.id, later.id, last.id]
        assert await make().claim() is None

    async def test_one_task_has_one_winner(self, resources: Resources, workspace: Workspace, make: Workers) -> None:
        tasks = [await submit(resources, workspace) for _ in range(5)]
        claims = await asyncio.gather(*(make(f"w{n}").claim() for n in range(12)))
        won = [task.id for task in claims if task is not None]
        # A loser may skip a row that another has locked; none may get a row twice.
        assert len(won) == len(set(won))
        while (task := await make().claim()) is not None:
            won.append(task.id)
        assert sorted(won) == sorted(task.id for task in tasks)

    async def test_other_queues_and_unknown_kinds_stay(
        self, resources: Resources, workspace: Workspace, make: Workers
    ) -> None:
        await submit(resources, workspace, "from-a-newer-version")
        assert await make().claim() is None
        await submit(resources, workspace)
        assert await make(queue="other").claim() is None

    async def test_an_expired_lease_is_taken_over_and_counted(
        self, resources: Resources, workspace: Workspace, make: Workers
    ) -> None:
        await submit(resources, workspace)
        first = await make.claimed(make("w1"))
        assert await make("w2").claim() is None
        await lapse(resources, first)
        second = await make.claimed(make("w2"))
        assert (first.attempts, second.attempts, second.worker) == (1, 2, "w2")


class TestFencing:
    async def test_a_late_finish_is_refused_and_its_rows_are_rolled_back(
        self, resources: Resources, workspace: Workspace, make: Workers
    ) -> None:
        await submit(resources, workspace)
        first = await make.claimed(make("w1"))
        await lapse(resources, first)
        second = await make.claimed(make("w1"))
        with pytest.raises(StaleAttempt):
            async with resources.database.transaction() as session:
                await session.execute("UPDATE projects SET name = 'late' WHERE id = $1", workspace.project_id)
                await make("w1").succeed(session, first, None)
        async with resources.database.transaction() as session:
            assert await session.fetch_value("SELECT name FROM projects") == "Test"
            await make("w1").succeed(session, second, {"n": 1})
        done = await resources.ledger.read(second.id, workspace.owner)
        assert (done.status, done.attempts, done.lease_until) == ("succeeded", 2, None)

    async def test_a_stale_attempt_can_write_nothing(
        self, resources: Resources, workspace: Workspace, make: Workers
    ) -> None:
        await submit(resources, workspace)
        # The same worker, in another of its slots: only the number of the claim tells the two runs apart.
        first, leases = await make.claimed(), make()
        await lapse(resources, first)
        second = await make.claimed()
        assert await leases.heartbeat(first) is Beat.LOST
        writes: list[Callable[[], Awaitable[object]]] = [
            lambda: leases.progress(first, 1, 2, ""),
            lambda: leases.log(first, "late"),
            lambda: leases.fail(first, TaskError("x", "y")),
            lambda: leases.cancel(first),
        ]
        for write in writes:
            with pytest.raises(StaleAttempt):
                await write()
        await leases.release(first, counted=True)
        assert await resources.ledger.read(first.id, workspace.owner) == second

    async def test_an_expired_but_untaken_lease_may_still_finish(
        self, resources: Resources, workspace: Workspace, make: Workers
    ) -> None:
        await submit(resources, workspace)
        task = await make.claimed(make())
        await lapse(resources, task)
        assert await make().heartbeat(task) is Beat.HELD
        assert await make("w2").claim() is None


class TestHeartbeat:
    async def test_it_extends_the_lease_and_tells_of_cancellation(
        self, resources: Resources, workspace: Workspace, make: Workers
    ) -> None:
        task = await submit(resources, workspace)
        held = await make.claimed(make(lease_seconds=1))
        assert await make(lease_seconds=100).heartbeat(held) is Beat.HELD
        extended = await resources.ledger.read(task.id, workspace.owner)
        assert extended.lease_until is not None
        assert held.lease_until is not None
        assert (extended.lease_until - held.lease_until).total_seconds() > 90
        await resources.ledger.cancel(task.id, workspace.owner)
        assert await make().heartbeat(held) is Beat.CANCEL


class TestRelease:
    async def test_uncounted_as_if_it_had_not_been(
        self, resources: Resources, workspace: Workspace, make: Workers
    ) -> None:
        task = await submit(resources, workspace)
        await make().release(await make.claimed(make()), counted=False)
        back = await resources.ledger.read(task.id, workspace.owner)
        assert (back.status, back.attempts, back.worker, back.lease_until) == ("queued", 0, None, None)

    async def test_the_third_death_is_poison(self, resources: Resources, workspace: Workspace, make: Workers) -> None:
        task = await submit(resources, workspace)
        for _ in range(3):
            assert make.aftermaths.tasks == []
            await make().retry_or_bury(await make.claimed(make()))
        buried = await resources.ledger.read(task.id, workspace.owner)
        assert (buried.status, buried.error_code, buried.attempts) == ("failed", "poison", 3)
        assert [end.id for end in make.aftermaths.tasks] == [task.id]

    async def test_leases_of_dead_workers_are_let_go(
        self, resources: Resources, workspace: Workspace, make: Workers
    ) -> None:
        for _ in range(2):
            await submit(resources, workspace)
        dead, alive = await make.claimed(make("dead")), await make.claimed(make("alive"))
        assert await make("new").take_over(lambda name: name == "dead") == 1
        assert (await make.claimed(make("new"))).id == dead.id
        assert await make("alive").heartbeat(alive) is Beat.HELD


class TestReconcile:
    async def test_deaths_without_a_word_become_poison(
        self, resources: Resources, workspace: Workspace, make: Workers
    ) -> None:
        task = await submit(resources, workspace)
        for attempt in (1, 2, 3):
            assert await make().reconcile() == 0
            held = await make.claimed(make())
            assert (held.attempts, await make().reconcile()) == (attempt, 0)
            await lapse(resources, held)
        assert await make().claim() is None
        assert await make(queue="other").reconcile() == 0
        assert await make().reconcile() == 1
        buried = await resources.ledger.read(task.id, workspace.owner)
        assert (buried.status, buried.error_code) == ("failed", "poison")
        assert [(end.id, end.status) for end in make.aftermaths.tasks] == [(task.id, "failed")]

    async def test_a_dead_run_that_should_stop_is_cancelled(
        self, resources: Resources, workspace: Workspace, make: Workers
    ) -> None:
        task = await submit(resources, workspace)
        held = await make.claimed(make())
        await resources.ledger.cancel(task.id, workspace.owner)
        await lapse(resources, held)
        assert await make().claim() is None
        assert await make().reconcile() == 1
        assert (await resources.ledger.read(task.id, workspace.owner)).status == "cancelled"
        assert [end.status for end in make.aftermaths.tasks] == ["cancelled"]

    async def test_what_was_cancelled_in_the_queue_is_settled_once(
        self, resources: Resources, workspace: Workspace, make: Workers
    ) -> None:
        task = await submit(resources, workspace)
        await resources.ledger.cancel(task.id, workspace.owner)
        assert sum(await asyncio.gather(*(make(f"w{n}").reconcile() for n in range(4)))) == 1
        assert [end.id for end in make.aftermaths.tasks] == [task.id]
        assert await make().reconcile() == 0

    async def test_a_broken_aftermath_is_tried_again_and_keeps_nobody_waiting(
        self, resources: Resources, workspace: Workspace, make: Workers
    ) -> None:
        failed, lost, called_off = [await submit(resources, workspace) for _ in range(3)]
        runs = [await make.claimed(), await make.claimed()]
        await resources.ledger.cancel(called_off.id, workspace.owner)
        await resources.ledger.cancel(lost.id, workspace.owner)
        await lapse(resources, runs[1])
        make.aftermaths.is_broken = True
        await make().fail(runs[0], TaskError("bad", "Bad."))
        assert await make().reconcile() == 1
        ends = [await resources.ledger.read(task.id, workspace.owner) for task in (failed, lost, called_off)]
        assert [end.status for end in ends] == ["failed", "cancelled", "cancelled"]
        make.aftermaths.is_broken = False
        assert await make().reconcile() == 3
        assert {end.id for end in make.aftermaths.tasks} == {failed.id, lost.id, called_off.id}
