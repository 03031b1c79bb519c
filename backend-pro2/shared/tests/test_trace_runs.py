"""Runs of a task: in the trace of the request that made it, each linked to the one before."""

from dataclasses import replace

from shared.tasks.tracing import start_of, traced
from shared.tests.test_tasks_schemas import TASK
from shared.tracing import Traceparent, current_span

MADE_BY = Traceparent("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", sampled=True)


def test_a_run_follows_the_request() -> None:
    start = start_of(replace(TASK, traceparent=str(MADE_BY), claims=1))
    assert (start.parent, start.is_trusted, start.links) == (MADE_BY, True, ())


def test_each_run_names_the_one_before() -> None:
    runs = [start_of(replace(TASK, traceparent=str(MADE_BY), claims=claims)) for claims in (1, 2, 3)]
    assert len({run.span_id for run in runs}) == 3
    assert [link.span_id for run in runs for link in run.links] == [runs[0].span_id, runs[1].span_id]
    assert {link.trace_id for run in runs for link in run.links} == {MADE_BY.trace_id}


def test_runs_that_no_request_made_are_one_trace() -> None:
    first, second = (start_of(replace(TASK, traceparent=None, claims=claims)) for claims in (1, 2))
    assert first.parent is None
    assert first.trace_id == second.trace_id
    assert second.links == (Traceparent(str(first.trace_id), str(first.span_id), sampled=True),)


def test_what_cannot_be_read_is_no_trace() -> None:
    assert start_of(replace(TASK, traceparent="damaged", claims=1)).parent is None


def test_off_a_run_is_no_span() -> None:
    with traced(TASK) as span:
        assert span is current_span()
        assert span.place is None
