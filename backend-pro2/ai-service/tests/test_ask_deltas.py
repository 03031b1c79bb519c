"""Pieces of a running answer: in order, of one run, for whoever comes at whatever time."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from shared.config import Settings
from shared.ids import new_id
from shared.redis_client import RedisClient

from ..app.services import ask_deltas
from ..app.services.ask_deltas import AskDeltas, Place, publish, publish_step

pytestmark = pytest.mark.integration


@pytest.fixture
async def deltas(redis: RedisClient) -> AsyncIterator[AskDeltas]:
    made = AskDeltas(redis)
    yield made
    await made.close()


async def test_who_comes_late_reads_from_the_start(redis: RedisClient, deltas: AskDeltas) -> None:
    task_id = new_id()
    await publish_step(redis, task_id, 1, "sql", {"sql": "SELECT 1"})
    for n, text in enumerate(("Forty", "-two", " apples."), start=2):
        await publish(redis, task_id, n, text)
    pieces, place = await deltas.read(task_id, Place())
    assert [(piece.n, piece.event) for piece in pieces] == [(1, "sql"), (2, "delta"), (3, "delta"), (4, "delta")]
    assert "".join(piece.data["text"] for piece in pieces[1:]) == "Forty-two apples."
    assert (await deltas.read(task_id, place)) == ([], place)
    assert await deltas.read(new_id(), Place()) == ([], Place())


async def test_pieces_are_told_as_they_come(redis: RedisClient, deltas: AskDeltas) -> None:
    task_id, other = new_id(), new_id()
    with deltas.subscribe(task_id) as changed, deltas.subscribe(other) as not_changed:
        await deltas.ready()
        changed.clear()
        not_changed.clear()
        await publish(redis, task_id, 1, "now")
        await asyncio.wait_for(changed.wait(), 30)
        pieces, _ = await deltas.read(task_id, Place())
        assert pieces[0].data == {"text": "now"}
        assert not not_changed.is_set()


async def test_another_run_begins_anew(redis: RedisClient, deltas: AskDeltas) -> None:
    task_id = new_id()
    for n in (1, 2, 3):
        await publish(redis, task_id, n, f"old {n}")
    _, place = await deltas.read(task_id, Place())
    for n in (1, 2, 3, 4):
        await publish(redis, task_id, n, f"new {n}")
    # What a run that was given up for dead still says is out of turn.
    await publish(redis, task_id, 4, "old 4")
    await publish(redis, task_id, 9, "old 9")
    pieces, place = await deltas.read(task_id, place)
    assert [(piece.n, piece.data["text"]) for piece in pieces] == [(n, f"new {n}") for n in (1, 2, 3, 4)]
    assert place.n == 4


async def test_a_piece_that_was_lost_ends_the_telling(redis: RedisClient, deltas: AskDeltas) -> None:
    task_id = new_id()
    await publish(redis, task_id, 1, "whole")
    await publish(redis, task_id, 3, "after a gap")
    pieces, _ = await deltas.read(task_id, Place())
    assert [piece.n for piece in pieces] == [1]


async def test_what_is_kept_is_bounded(redis: RedisClient, deltas: AskDeltas, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask_deltas, "MOST_PIECES", 2)
    task_id = new_id()
    large = {"name": "t1", "columns": ["a"], "rows": [["x" * 1000]] * 100}
    await publish_step(redis, task_id, 1, "table", large)
    for n in (2, 3):
        await publish(redis, task_id, n, "text")
    pieces, _ = await deltas.read(task_id, Place())
    assert pieces[0].data == {"name": "t1", "columns": ["a"], "is_cut": True}
    assert len(pieces) == 2
    left = await redis.eval("return redis.call('TTL', KEYS[1])", [f"ask:{task_id}"], [])
    assert 0 < left <= ask_deltas.KEPT_SECONDS


async def test_long_answers_are_read_in_parts(
    redis: RedisClient, deltas: AskDeltas, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ask_deltas, "PIECES_A_READ", 2)
    task_id, place, seen = new_id(), Place(), []
    for n in range(1, 6):
        await publish(redis, task_id, n, str(n))
    for _ in range(4):
        pieces, place = await deltas.read(task_id, place)
        seen.append([piece.n for piece in pieces])
    assert seen == [[1, 2], [3, 4], [5], []]


async def test_without_redis_nothing_is_told_and_nothing_fails(settings: Settings) -> None:
    away = RedisClient(settings.model_copy(update={"redis_url": type(settings.redis_url)("redis://127.0.0.1:1/0")}))
    reader = AskDeltas(away)
    await publish(away, new_id(), 1, "unheard")
    with reader.subscribe(new_id()) as changed:
        assert changed.is_set()
        assert await reader.read(new_id(), Place()) == ([], Place())
        await reader.ready()
    await reader.close()
    await away.close()
