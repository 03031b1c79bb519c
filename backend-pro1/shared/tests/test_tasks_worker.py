"""A real Celery worker, frozen, stopped and killed: every task ends once."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.config import Settings
from shared.resources import Resources
from shared.tasks import Task, TaskStatus
from shared.testing.patience import eventually
from shared.testing.project import Workspace
from shared.testing.submission import QUEUE, submit, until
from shared.testing.worker_process import WorkerProcess

pytestmark = pytest.mark.integration

MakeWorker = Callable[..., WorkerProcess]


@pytest.fixture
def make_worker(settings: Settings, tmp_path: Path) -> Iterator[MakeWorker]:
    made: list[WorkerProcess] = []

    def make(**variables: str) -> WorkerProcess:
        made.append(WorkerProcess(settings, tmp_path, **variables))
        return made[-1]

    yield make
    for worker in made:
        worker.kill()


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


async def begun(path: Path, attempt: int) -> None:
    await eventually(lambda: f"begin {attempt}" in lines(path))


async def test_it_runs_what_it_finds_and_what_rings(
    resources: Resources, workspace: Workspace, make_worker: MakeWorker, tmp_path: Path
) -> None:
    found = await submit(resources, workspace, "note", path=str(tmp_path / "found"))
    worker = make_worker(RECONCILE_SECONDS="60").start()
    await until(resources, found, TaskStatus.SUCCEEDED)
    rung = await submit(resources, workspace, "note", path=str(tmp_path / "rung"))
    await resources.ledger.ring(rung)
    done = await until(resources, rung, TaskStatus.SUCCEEDED, seconds=5)
    assert done.attempts == 1
    events = [event async for event in resources.ledger.events(rung.id, workspace.owner, 0)]
    assert [event.event for event in events if event.event != "progress"] == ["state", "state", "result", "state"]
    assert '"request_id":"r-1"' in worker.log
    assert str(rung.id) in worker.log
    assert worker.stop() == 0


async def test_a_killed_worker_s_task_is_done_once_by_its_successor(
    resources: Resources, workspace: Workspace, make_worker: MakeWorker, tmp_path: Path
) -> None:
    path = tmp_path / "notes"
    task = await submit(resources, workspace, "note", path=str(path), seconds=1.5)
    worker = make_worker(TASK_LEASE_SECONDS="600").start()
    await begun(path, 1)
    worker.kill()
    killed = time.monotonic()
    worker.start()
    done = await until(resources, task, TaskStatus.SUCCEEDED)
    assert time.monotonic() - killed < 60
    assert done.attempts == 2
    assert lines(path) == ["begin 1", "begin 2", "end 2"]


async def test_a_message_lost_between_redis_and_worker_loses_no_task(
    resources: Resources, workspace: Workspace, make_worker: MakeWorker, tmp_path: Path
) -> None:
    worker = make_worker().start()
    worker.send(signal.SIGSTOP)
    tasks = [await submit(resources, workspace, "note", path=str(tmp_path / f"n{n}")) for n in range(10)]
    for task in tasks:
        await resources.ledger.ring(task)
    worker.kill()
    worker.start()
    for task in tasks:
        assert (await until(resources, task, TaskStatus.SUCCEEDED)).attempts == 1


async def test_a_frozen_worker_s_late_end_is_refused(
    resources: Resources, workspace: Workspace, make_worker: MakeWorker, tmp_path: Path
) -> None:
    path = tmp_path / "notes"
    (tmp_path / "other").mkdir()
    task = await submit(resources, workspace, "note", path=str(path), seconds=1)
    frozen = make_worker(TASK_LEASE_SECONDS="1").start()
    await begun(path, 1)
    frozen.send(signal.SIGSTOP)
    second = WorkerProcess(resources.settings, tmp_path / "other", TASK_LEASE_SECONDS="30").start()
    try:
        done = await until(resources, task, TaskStatus.SUCCEEDED)
        frozen.send(signal.SIGCONT)
        frozen.wait_for(lambda: "task_lost" in frozen.log, 60)
    finally:
        second.kill()
    assert done.attempts == 2
    assert lines(path) == ["begin 1", "begin 2", "end 2"]
    assert (await resources.ledger.read(task.id, workspace.owner)).finished_at == done.finished_at


async def test_hostile_tasks_end_and_the_worker_lives_on(
    resources: Resources, workspace: Workspace, make_worker: MakeWorker, tmp_path: Path
) -> None:
    hostile = {
        "out_of_memory": await submit(resources, workspace, function="hog", memory_mb=128),
        "poison": await submit(resources, workspace, function="die"),
        "timeout": await submit(resources, workspace, function="spin"),
        "internal_error": await submit(resources, workspace, function="stumble"),
        "bad_column": await submit(resources, workspace, function="refuse"),
    }
    worker = make_worker(TASK_TIMEOUT_SECONDS="2").start()
    for code, task in hostile.items():
        assert (await until(resources, task, TaskStatus.FAILED, 60)).error_code == code
    assert (await resources.ledger.read(hostile["poison"].id, workspace.owner)).attempts == 3
    good = await submit(resources, workspace, function="echo", job={"a": 1})
    await until(resources, good, TaskStatus.SUCCEEDED)
    assert worker.process is not None
    assert worker.process.poll() is None


async def test_cancelling_kills_the_computation(
    resources: Resources, workspace: Workspace, make_worker: MakeWorker
) -> None:
    task = await submit(resources, workspace, function="sleep", job={"seconds": 60})
    make_worker().start()
    await until(resources, task, TaskStatus.RUNNING)
    child = await _first_progress(resources, task, workspace)
    started = time.monotonic()
    await resources.ledger.cancel(task.id, workspace.owner)
    assert (await resources.ledger.wait(task.id, workspace.owner, 30)).status == "cancelled"
    # It would have slept for a minute.
    assert time.monotonic() - started < 15
    await eventually(lambda: not Path(f"/proc/{child}").exists())


async def _first_progress(resources: Resources, task: Task, workspace: Workspace) -> int:
    async for event in resources.ledger.events(task.id, workspace.owner, 0):
        if event.event == "progress":
            return int(event.data["progress"]["done"])
    raise AssertionError("it ended without progress")


async def test_duplicates_and_rubbish_in_the_broker_do_no_harm(
    resources: Resources, workspace: Workspace, make_worker: MakeWorker, tmp_path: Path
) -> None:
    path = tmp_path / "notes"
    worker = make_worker(RECONCILE_SECONDS="60").start()
    task = await submit(resources, workspace, "note", path=str(path))
    for _ in range(50):
        await resources.ledger.ring(task)
    pickled = {"body": "gASVAAA=", "content-type": "application/x-python-serialize", "content-encoding": "binary"}
    unknown = {"body": "W1tdLCB7fSwge31d", "content-type": "application/json", "content-encoding": "utf-8"}
    properties = {"delivery_info": {"exchange": "", "routing_key": QUEUE}, "body_encoding": "base64"}
    tags = {"headers": {"task": "os.system", "id": "x"}, "properties": {**properties, "delivery_tag": "t"}}
    tagged = [json.dumps(message | tags) for message in (pickled, unknown)]
    for message in (*tagged, "no JSON", "null", "[]", '"text"', "{}", "[" * 100_000):
        await resources.redis.eval("return redis.call('LPUSH', KEYS[1], ARGV[1])", [QUEUE], [message])
    await until(resources, task, TaskStatus.SUCCEEDED)
    after = await submit(resources, workspace, "note", path=str(path))
    await resources.ledger.ring(after)
    await until(resources, after, TaskStatus.SUCCEEDED)
    assert lines(path) == ["begin 1", "end 1", "begin 1", "end 1"]
    assert worker.count("message_refused") == 6
    assert worker.stop() == 0
