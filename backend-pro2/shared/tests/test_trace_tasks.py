"""Tasks of a real worker in traces: each run a span, linked to the one before; what a run came to is told."""

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.config import Settings
from shared.resources import Resources
from shared.tasks import Task, TaskStatus
from shared.testing.collector import Collector, Received
from shared.testing.patience import eventually
from shared.testing.project import Workspace
from shared.testing.submission import submit, until
from shared.testing.worker_process import WorkerProcess
from shared.tracing import Traceparent

pytestmark = pytest.mark.integration

MADE_BY = Traceparent("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", sampled=True)
ERROR = 2


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


@pytest.fixture
def worker(settings: Settings, tmp_path: Path, collector: Collector) -> Iterator[WorkerProcess]:
    variables = {"OTLP_ENDPOINT": collector.url, "TRACE_SAMPLE_RATIO": "1", "WORKER_DRAIN_SECONDS": "60"}
    made = WorkerProcess(settings, tmp_path, **variables)
    yield made
    made.kill()


async def made_by(resources: Resources, task: Task, place: Traceparent) -> None:
    async with resources.database.transaction() as session:
        await session.execute("UPDATE analysis_tasks SET traceparent = $2 WHERE id = $1", task.id, str(place))


def runs_of(task: Task) -> Callable[[list[Received]], list[Received]]:
    def runs(spans: list[Received]) -> list[Received]:
        mine = [span for span in spans if span.attributes.get("task.id") == str(task.id)]
        return sorted(mine, key=lambda span: span.started)

    return runs


async def test_a_run_that_is_handed_back_and_the_next_are_linked(
    resources: Resources, workspace: Workspace, worker: WorkerProcess, collector: Collector
) -> None:
    task = await submit(resources, workspace, function="sleep", job={"seconds": 60})
    await made_by(resources, task, MADE_BY)
    worker.start()
    await until(resources, task, TaskStatus.RUNNING)
    worker.send(signal.SIGQUIT)
    assert worker.process is not None
    await eventually(lambda: worker.process is not None and worker.process.poll() is not None, 60)
    runs = runs_of(task)
    (first,) = runs(collector.wait_for(lambda spans: len(runs(spans)) == 1))
    assert (first.trace_id, first.parent) == (MADE_BY.trace_id, MADE_BY.span_id)
    assert first.attributes["cancelled"] is True
    assert first.links == ()

    worker.start()
    await until(resources, task, TaskStatus.RUNNING)
    await resources.ledger.cancel(task.id, workspace.owner)
    first, second = runs(collector.wait_for(lambda spans: len(runs(spans)) == 2))
    assert (second.trace_id, second.parent) == (MADE_BY.trace_id, MADE_BY.span_id)
    assert second.links == (first.span_id,)
    assert (first.attributes["task.run"], second.attributes["task.run"]) == (1, 2)


async def test_what_fails_is_told_by_its_code(
    resources: Resources, workspace: Workspace, worker: WorkerProcess, collector: Collector
) -> None:
    task = await submit(resources, workspace, function="die")
    worker.start()
    await until(resources, task, TaskStatus.FAILED)
    runs = runs_of(task)
    found = runs(collector.wait_for(lambda spans: len(runs(spans)) == task.max_attempts))
    assert [(span.status, span.attributes["error.type"]) for span in found] == [(ERROR, "crashed")] * task.max_attempts
    # No request made it, and yet its runs are one trace.
    assert len({span.trace_id for span in found}) == 1
    assert [span.links for span in found] == [(), (found[0].span_id,), (found[1].span_id,)]
    lines = [json.loads(line) for line in worker.log.splitlines() if str(task.id) in line]
    assert {line["span_id"] for line in lines if line["event"] == "task_started"} == {run.span_id for run in found}


async def test_heartbeats_do_not_fill_a_trace(
    resources: Resources, workspace: Workspace, worker: WorkerProcess, collector: Collector
) -> None:
    task = await submit(resources, workspace, function="sleep", job={"seconds": 6})
    worker.start()
    await until(resources, task, TaskStatus.SUCCEEDED, 60)
    runs = runs_of(task)
    (run,) = runs(collector.wait_for(lambda spans: len(runs(spans)) == 1))
    worker.stop()
    inside = [span for span in collector.spans if span.trace_id == run.trace_id]
    computed = next(span for span in inside if span.name == "compute")
    # Of the job's own progress there is one report, within the first second.
    late = [span for span in inside if span.started > computed.started + 3 * 10**9 and span.started < computed.ended]
    assert late == []
    (child,) = [span for span in inside if span.name == "child"]
    assert child.parent == computed.span_id
    assert child.ended - child.started > 5 * 10**9


async def test_a_collector_that_hangs_holds_up_neither_tasks_nor_the_worker_s_end(
    resources: Resources, workspace: Workspace, worker: WorkerProcess, collector: Collector
) -> None:
    collector.is_hanging = True
    task = await submit(resources, workspace, function="echo")
    worker.start()
    await until(resources, task, TaskStatus.SUCCEEDED, 60)
    await eventually(lambda: collector.requests > 0, 60)
    assert worker.stop() == 0
    assert collector.bodies == []
