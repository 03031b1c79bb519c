"""Streams of questions: in order, merged for slow readers, from the start for late ones, and to their end."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any
from uuid import UUID

import pytest

from shared.errors import NotFound
from shared.ids import new_id
from shared.resources import Resources
from shared.tasks import Task, TaskEvent, TaskFailed, TaskRun
from shared.tasks.leases import Leases
from shared.tasks.runner import Handlers, TaskRunner, aftermath_of
from shared.testing.project import Workspace

from ..app.services.ask_deltas import AskDeltas, Piece, publish, publish_step
from ..app.services.ask_streams import AskStreams, merged
from .ask_bench import AskBench

pytestmark = pytest.mark.integration

SECONDS = 60
Beats = AsyncGenerator[TaskEvent | None, None]


async def read_answer(user_id: UUID, task_id: UUID) -> dict[str, Any]:
    none: dict[str, Any] = {name: [] for name in ("sql", "tables", "charts", "claims", "warnings")}
    usage = {"tokens_in": 1, "tokens_out": 1, "cost": 0}
    told = {"task_id": task_id, "conversation_id": None, "answer": f"Told to {user_id}.", "usage": usage}
    return {**none, **told}


@pytest.fixture
async def deltas(resources: Resources) -> AsyncIterator[AskDeltas]:
    made = AskDeltas(resources.redis)
    yield made
    await made.close()


@pytest.fixture
def streams(resources: Resources, deltas: AskDeltas) -> AskStreams:
    return AskStreams(resources, deltas, read_answer)


@pytest.fixture
async def task(resources: Resources, workspace: Workspace) -> Task:
    _, task = await AskBench(resources, workspace).ask(workspace.editor, "How many?", [new_id()])
    return task


async def work(resources: Resources, handler: Any) -> None:
    """What a worker does with the next question."""
    handlers: Handlers = {"ask": handler}
    wakes = resources.ledger.wakes
    leases = Leases(
        resources.database, wakes, queue="llm", worker="w", lease_seconds=60, aftermath=aftermath_of(handlers)
    )
    claimed = await leases.claim()
    assert claimed is not None
    await TaskRunner(resources, leases, wakes, handlers).run(claimed)


async def next_of(beats: Beats, *names: str) -> TaskEvent:
    """The next event with one of the names, or any."""
    async with asyncio.timeout(SECONDS):
        async for beat in beats:
            if beat is not None and (not names or beat.event in names):
                return beat
    raise AssertionError(f"the stream ended before {names}")


async def rest_of(beats: Beats) -> list[TaskEvent]:
    async with asyncio.timeout(SECONDS):
        return [beat async for beat in beats if beat is not None]


def test_texts_that_follow_each_other_become_one() -> None:
    pieces = [
        Piece(3, "delta", {"text": "a"}),
        Piece(4, "delta", {"text": "b"}),
        Piece(5, "sql", {"sql": "SELECT 1"}),
        Piece(6, "sql", {"sql": "SELECT 2"}),
        Piece(7, "delta", {"text": "c"}),
    ]
    assert list(merged(pieces)) == [
        ("delta", {"from": 3, "n": 4, "text": "ab"}),
        ("sql", {"n": 5, "sql": "SELECT 1"}),
        ("sql", {"n": 6, "sql": "SELECT 2"}),
        ("delta", {"from": 7, "n": 7, "text": "c"}),
    ]


async def test_from_question_to_answer(resources: Resources, streams: AskStreams, task: Task) -> None:
    assert task.created_by is not None
    told, user_id = asyncio.Event(), task.created_by

    async def answer(run: TaskRun) -> None:
        await publish_step(resources.redis, run.task.id, 1, "sql", {"sql": "SELECT 1"})
        await publish(resources.redis, run.task.id, 2, "Forty")
        await told.wait()
        await publish(resources.redis, run.task.id, 3, "-two")
        async with run.commit({"answer": "Forty-two"}):
            """Nothing to write."""

    async with aclosing(await streams.open(user_id, task.id)) as beats:
        first = await next_of(beats)
        assert (first.event, first.data["status"]) == ("state", "queued")
        working = asyncio.create_task(work(resources, answer))
        seen = [await next_of(beats, "sql", "delta") for _ in range(2)]
        assert [(event.event, event.data["n"]) for event in seen] == [("sql", 1), ("delta", 2)]
        told.set()
        rest = await rest_of(beats)
        await working
    assert "".join(event.data["text"] for event in rest if event.event == "delta") == "-two"
    assert (rest[-1].event, rest[-1].data["answer"]) == ("answer", f"Told to {user_id}.")
    states = [event for event in rest if event.event == "state"]
    assert states[-1].data["status"] == "succeeded"
    assert [event.sequence for event in rest] == sorted(event.sequence for event in rest)
    assert not {event.event for event in rest} & {"result", "log"}


async def test_a_slow_reader_gets_merged_texts(resources: Resources, streams: AskStreams, task: Task) -> None:
    assert task.created_by is not None
    async with aclosing(await streams.open(task.created_by, task.id)) as beats:
        await next_of(beats, "state")
        for n in range(1, 501):
            await publish(resources.redis, task.id, n, f"{n} ")
        seen: list[TaskEvent] = []
        while not seen or seen[-1].data["n"] < 500:
            seen.append(await next_of(beats, "delta"))
    assert "".join(event.data["text"] for event in seen) == "".join(f"{n} " for n in range(1, 501))
    assert len(seen) <= 4
    assert [event.data["from"] for event in seen[1:]] == [event.data["n"] + 1 for event in seen[:-1]]


async def test_who_comes_late_or_again_gets_all(resources: Resources, streams: AskStreams, task: Task) -> None:
    assert task.created_by is not None

    async def answer(run: TaskRun) -> None:
        for n, text in enumerate(("Forty", "-", "two"), start=1):
            await publish(resources.redis, run.task.id, n, text)
        async with run.commit():
            """Nothing to write."""

    await work(resources, answer)
    for _ in range(2):
        async with aclosing(await streams.open(task.created_by, task.id)) as beats:
            events = await rest_of(beats)
        assert [event.data["text"] for event in events if event.event == "delta"] == ["Forty-two"]
        assert events[-1].event == "answer"


async def test_another_run_begins_anew(resources: Resources, streams: AskStreams, task: Task) -> None:
    assert task.created_by is not None
    async with aclosing(await streams.open(task.created_by, task.id)) as beats:
        for n in (1, 2):
            await publish(resources.redis, task.id, n, f"old {n} ")
        seen = [await next_of(beats, "delta")]
        while seen[-1].data["n"] < 2:
            seen.append(await next_of(beats, "delta"))
        for n in (1, 2, 3):
            await publish(resources.redis, task.id, n, f"new {n} ")
        text = ""
        while not text.endswith("new 3 "):
            event = await next_of(beats, "delta")
            text = event.data["text"] if event.data["from"] == 1 else text + event.data["text"]
    assert text == "new 1 new 2 new 3 "


async def test_what_no_message_told_of_comes_before_the_answer(
    resources: Resources, streams: AskStreams, task: Task
) -> None:
    assert task.created_by is not None
    seen = asyncio.Event()

    async def answer(run: TaskRun) -> None:
        await seen.wait()
        unheard = '{"event":"delta","data":{"text":"-two"}}'
        await resources.redis.eval("return redis.call('RPUSH', KEYS[1], ARGV[1])", [f"ask:{run.task.id}"], [unheard])
        async with run.commit():
            """Nothing to write."""

    async with aclosing(await streams.open(task.created_by, task.id)) as beats:
        await publish(resources.redis, task.id, 1, "Forty")
        assert (await next_of(beats)).event == "state"
        await next_of(beats, "delta")
        working = asyncio.create_task(work(resources, answer))
        assert (await next_of(beats, "state")).data["status"] == "running"
        seen.set()
        rest = await rest_of(beats)
        await working
    assert [event.event for event in rest][-2:] == ["delta", "answer"]
    assert rest[-2].data["text"] == "-two"


async def test_a_failure_is_an_event(resources: Resources, streams: AskStreams, task: Task) -> None:
    assert task.created_by is not None

    async def fail(run: TaskRun) -> None:
        raise TaskFailed("llm_unavailable", "The LLM does not answer.")

    await work(resources, fail)
    async with aclosing(await streams.open(task.created_by, task.id)) as beats:
        last = (await rest_of(beats))[-1]
    assert (last.event, last.data) == (
        "error",
        {"code": "llm_unavailable", "detail": "The LLM does not answer.", "status": "failed"},
    )


async def test_calling_off_ends_the_stream(resources: Resources, streams: AskStreams, task: Task) -> None:
    assert task.created_by is not None
    async with aclosing(await streams.open(task.created_by, task.id)) as beats:
        await next_of(beats, "state")
        await resources.ledger.cancel(task.id, task.created_by)
        last = (await rest_of(beats))[-1]
    assert (last.event, last.data["code"]) == ("error", "cancelled")


async def test_a_client_that_leaves_stops_nothing(resources: Resources, streams: AskStreams, task: Task) -> None:
    assert task.created_by is not None
    left = asyncio.Event()

    async def answer(run: TaskRun) -> None:
        await publish(resources.redis, run.task.id, 1, "Forty")
        await left.wait()
        async with run.commit():
            """Nothing to write."""

    working = asyncio.create_task(work(resources, answer))
    async with aclosing(await streams.open(task.created_by, task.id)) as beats:
        await next_of(beats, "delta")
    left.set()
    await asyncio.wait_for(working, SECONDS)
    assert (await resources.ledger.read(task.id, task.created_by)).status == "succeeded"


async def test_strangers_see_nothing_and_who_leaves_no_more(
    resources: Resources, streams: AskStreams, task: Task, workspace: Workspace
) -> None:
    assert task.created_by is not None
    with pytest.raises(NotFound):
        await streams.open(workspace.stranger, task.id)
    async with aclosing(await streams.open(task.created_by, task.id)) as beats:
        await next_of(beats, "state")
        async with resources.database.transaction() as session:
            await session.execute("DELETE FROM project_members WHERE user_id = $1", task.created_by)
        assert "answer" not in {event.event for event in await rest_of(beats)}


async def test_without_redis_the_end_is_told(
    resources: Resources, streams: AskStreams, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert task.created_by is not None

    async def answer(run: TaskRun) -> None:
        async with run.commit():
            """Nothing to write."""

    settings = resources.settings
    away = type(resources.redis)(
        settings.model_copy(update={"redis_url": type(settings.redis_url)("redis://127.0.0.1:1/0")})
    )
    deltas = AskDeltas(away)
    lonely = AskStreams(resources, deltas, read_answer)
    async with aclosing(await lonely.open(task.created_by, task.id)) as beats:
        await next_of(beats, "state")
        await work(resources, answer)
        assert (await rest_of(beats))[-1].event == "answer"
    await deltas.close()
    await away.close()
