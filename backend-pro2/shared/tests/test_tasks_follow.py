"""Following tasks: many share few reads, and nobody misses an event or hears it twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any
from uuid import UUID

import pytest

from shared.database import Database
from shared.errors import NotFound
from shared.ids import new_id
from shared.redis_client import RedisClient
from shared.resources import Resources
from shared.tasks import Task, TaskEvent, follow
from shared.tasks.follow import Follow, TooManyStreams
from shared.tasks.wakes import TaskWakes
from shared.testing.patience import eventually
from shared.testing.project import Workspace
from shared.testing.submission import submit

pytestmark = pytest.mark.integration

_APPEND = """
INSERT INTO task_events (task_id, sequence, event, data)
SELECT $1, coalesce(max(sequence), 0) + n, 'log', '{"message": "x"}'
FROM task_events, generate_series(1, $2) n
WHERE task_id = $1
GROUP BY n
"""


class Counting(Database):
    """Counts the transactions that are begun."""

    begun = 0

    def transaction(self, *, read_only: bool = False) -> Any:
        self.begun += 1
        return super().transaction(read_only=read_only)


@pytest.fixture
async def counting(resources: Resources) -> AsyncIterator[Counting]:
    database = Counting(resources.settings)
    yield database
    await database.close()


@pytest.fixture
async def followed(counting: Counting, redis: RedisClient) -> AsyncIterator[Follow]:
    wakes = TaskWakes(redis)
    made = Follow(counting, wakes)
    yield made
    await made.close()
    await wakes.close()


async def append(resources: Resources, task_id: UUID, count: int = 1, *, ring: bool = True) -> None:
    """So many lines of the task's log."""
    async with resources.database.transaction() as session:
        await session.execute("SELECT 1 FROM analysis_tasks WHERE id = $1 FOR UPDATE", task_id)
        await session.execute(_APPEND, task_id, count)
    if ring:
        await resources.ledger.wakes.publish(task_id)


async def collect(made: Follow, task: Task, user_id: UUID, after: int = 0) -> list[int]:
    async with asyncio.timeout(20):
        return [event.sequence async for event in made.events(task.id, user_id, after)]


async def reached(made: Follow, count: int) -> None:
    """Return once so many have read what came before, and sit."""
    await eventually(lambda: sum(len(entry.seats) for entry in made._followed.values()) == count)


async def test_many_who_follow_share_the_reads(
    resources: Resources, workspace: Workspace, followed: Follow, counting: Counting
) -> None:
    tasks = [await submit(resources, workspace) for _ in range(3)]
    followers = [asyncio.create_task(collect(followed, tasks[n % 3], workspace.viewer)) for n in range(60)]
    await reached(followed, 60)
    before = counting.begun
    for _ in range(5):
        for task in tasks:
            await append(resources, task.id)
    for task in tasks:
        await resources.ledger.cancel(task.id, workspace.owner)
    assert await asyncio.gather(*followers) == [list(range(1, 8))] * 60
    # One look for each of the eighteen rings at most, and the polls; alone they would have read 360 times.
    assert counting.begun - before <= 40


async def test_who_begins_anywhere_hears_the_rest_in_order(
    resources: Resources, workspace: Workspace, followed: Follow
) -> None:
    task = await submit(resources, workspace)
    await append(resources, task.id, 450)
    places = (0, 1, 300, 450, 451)
    followers = [asyncio.create_task(collect(followed, task, workspace.viewer, place)) for place in places]
    await reached(followed, len(places))
    # More at once than is kept, so that some must read again.
    await append(resources, task.id, 2 * follow.EVENTS_KEPT)
    await append(resources, task.id)
    await resources.ledger.cancel(task.id, workspace.owner)
    last = 451 + 2 * follow.EVENTS_KEPT + 2
    assert await asyncio.gather(*followers) == [list(range(place + 1, last + 1)) for place in places]


async def test_a_slow_reader_holds_nothing_and_misses_nothing(
    resources: Resources, workspace: Workspace, followed: Follow
) -> None:
    task = await submit(resources, workspace)
    async with aclosing(followed.events(task.id, workspace.viewer, 0)) as slow, asyncio.timeout(20):
        heard = [(await anext(slow)).sequence]
        pending = asyncio.create_task(_next(slow))
        await reached(followed, 1)
        await append(resources, task.id)
        heard.append((await pending).sequence)
        (entry,) = followed._followed.values()
        await append(resources, task.id, 3 * follow.EVENTS_KEPT)
        await eventually(lambda: entry.known == 2 + 3 * follow.EVENTS_KEPT)
        assert len(entry.recent) == follow.EVENTS_KEPT
        await resources.ledger.cancel(task.id, workspace.owner)
        heard += [event.sequence async for event in slow]
    assert heard == list(range(1, 4 + 3 * follow.EVENTS_KEPT))


async def test_without_a_ring_a_look_comes_soon(resources: Resources, workspace: Workspace, followed: Follow) -> None:
    task = await submit(resources, workspace)
    following = asyncio.create_task(collect(followed, task, workspace.viewer))
    await reached(followed, 1)
    await append(resources, task.id, ring=False)
    async with resources.database.transaction() as session:
        sql = "UPDATE analysis_tasks SET status = 'failed', finished_at = now() WHERE id = $1"
        await session.execute(sql, task.id)
    assert await following == [1, 2]


async def test_a_retried_task_is_followed_past_its_old_end(
    resources: Resources, workspace: Workspace, followed: Follow
) -> None:
    task = await submit(resources, workspace)
    async with aclosing(followed.events(task.id, workspace.owner, 1)) as slow:
        pending = asyncio.create_task(_next(slow))
        await reached(followed, 1)
        await resources.ledger.cancel(task.id, workspace.owner)
        assert (await pending).sequence == 2
        # Somebody reads so slowly that the process still knows of the old end.
        assert [entry.ended_at for entry in followed._followed.values()] == [2]
        async with resources.database.transaction() as session:
            sql = "UPDATE analysis_tasks SET status = 'queued', finished_at = NULL WHERE id = $1"
            await session.execute(sql, task.id)
        await append(resources, task.id, ring=False)
        following = asyncio.create_task(collect(followed, task, workspace.viewer, 2))
        await reached(followed, 2)
        await resources.ledger.cancel(task.id, workspace.owner)
        assert await following == [3, 4]


async def test_a_lost_membership_ends_streams_and_waits(
    resources: Resources, workspace: Workspace, followed: Follow
) -> None:
    task = await submit(resources, workspace)
    leaving = asyncio.create_task(collect(followed, task, workspace.viewer))
    waiting = asyncio.create_task(followed.end(task.id, workspace.viewer))
    staying = asyncio.create_task(collect(followed, task, workspace.editor))
    await reached(followed, 3)
    async with resources.database.transaction() as session:
        await session.execute("DELETE FROM project_members WHERE user_id = $1", workspace.viewer)
    await append(resources, task.id)
    async with asyncio.timeout(30):
        assert await leaving == [1]
        await waiting
    assert not staying.done()
    await resources.ledger.cancel(task.id, workspace.owner)
    assert await staying == [1, 2, 3]


async def test_silence_is_broken_by_beats(
    resources: Resources, workspace: Workspace, followed: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "SILENCE_SECONDS", 0.05)
    task = await submit(resources, workspace)
    async with aclosing(followed.beats(task.id, workspace.viewer, 0)) as beats, asyncio.timeout(30):
        assert (await anext(beats)) is not None
        assert [await anext(beats) for _ in range(2)] == [None, None]


async def test_nothing_is_looked_at_once_nobody_follows(
    resources: Resources, workspace: Workspace, followed: Follow
) -> None:
    task = await submit(resources, workspace)
    following = asyncio.create_task(collect(followed, task, workspace.viewer))
    await reached(followed, 1)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    assert followed._followed == {}
    assert followed._looking is not None
    async with asyncio.timeout(follow.POLL_SECONDS + 2):
        await followed._looking


async def test_who_asks_for_what_is_yet_to_come_keeps_nothing_from_others(
    resources: Resources, workspace: Workspace, followed: Follow
) -> None:
    task = await submit(resources, workspace)
    begin = await followed.admit(task.id, workspace.viewer, 2**31 - 1)
    ahead = asyncio.create_task(collect(followed, task, workspace.viewer, begin))
    await reached(followed, 1)
    usual = asyncio.create_task(collect(followed, task, workspace.owner))
    await reached(followed, 2)
    await append(resources, task.id)
    await resources.ledger.cancel(task.id, workspace.owner)
    assert list(await asyncio.gather(ahead, usual)) == [[2, 3], [1, 2, 3]]


async def test_admission(
    resources: Resources, workspace: Workspace, followed: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = await submit(resources, workspace)
    await followed.admit(task.id, workspace.viewer)
    for task_id, user_id in ((task.id, workspace.stranger), (new_id(), workspace.viewer)):
        with pytest.raises(NotFound):
            await followed.admit(task_id, user_id)
    monkeypatch.setattr(follow, "STREAMS_OF_ONE", 1)
    following = asyncio.create_task(collect(followed, task, workspace.viewer))
    await reached(followed, 1)
    for refused in (followed.admit(task.id, workspace.viewer), followed.end(task.id, workspace.viewer)):
        with pytest.raises(TooManyStreams):
            await refused
    await followed.admit(task.id, workspace.owner)
    monkeypatch.setattr(follow, "STREAMS", 1)
    with pytest.raises(TooManyStreams):
        await followed.admit(task.id, workspace.owner)
    await resources.ledger.cancel(task.id, workspace.owner)
    await following
    await followed.admit(task.id, workspace.viewer)


async def _next(stream: AsyncIterator[TaskEvent]) -> TaskEvent:
    return await anext(stream)
