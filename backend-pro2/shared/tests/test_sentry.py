"""Error reports: sent once, with ids, and with nothing of anybody's, whatever stood in messages, frames, requests."""

import asyncio
import logging
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, Request

from shared import sentry
from shared.app_factory import create_service
from shared.compute import ComputeFailed, ComputePool
from shared.config import Environment, Settings
from shared.error_events import strip_event
from shared.logging import get_logger, with_ids
from shared.metrics.logs import ERROR_REPORTS
from shared.resources import Resources
from shared.tasks import TaskStatus
from shared.testing.logged_lines import Lines, logged_lines
from shared.testing.patience import eventually
from shared.testing.project import Workspace
from shared.testing.report_server import ReportServer, report_server
from shared.testing.submission import submit, until
from shared.testing.worker_process import WorkerProcess
from shared.version import VERSION

log = get_logger("tests.sentry")

# What must not leave; each in the form in which it would turn up.
CANARIES = {
    "dsn": "postgresql://user:canary-dsn@host/db",
    "api_key": "adp_Ab3dEf6h_canaryapikeycanaryapikeycanaryapikeycanary0",
    "llm_key": "sk-canaryllmkey0123456789",
    "password": "canary-password",
    "bearer": "Bearer canary-bearer-0123456789",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJjYW5hcnktand0IjoxfQ.canary-jwt-signature",
    "cookie": "session=canary-cookie",
    "body": '{"comment": "canary-body"}',
    "query": "q=canary-query&x=1",
    "row": "[('canary-row', 51234.5)]",
    "cell": "canary_cell",
    "s3_key": "AKIACANARYS3KEY01234",
    "s3_secret": "canary/s3/secret+key",
    "email": "canary-email@example.org",
    "file": "/uploads/canary-file.csv",
    "local": "canary-local",
}
SIGNS = ("canary", "51234")


def told_of(text: bytes) -> list[str]:
    return [sign for sign in SIGNS if sign in text.decode(errors="replace").lower()]


def counted(outcome: str) -> float:
    return float(ERROR_REPORTS.labels(outcome)._value.get())


@pytest.fixture
def server() -> Iterator[ReportServer]:
    with report_server() as server:
        yield server


@pytest.fixture
def lines(server: ReportServer) -> Iterator[Lines]:
    """Lines of a process that reports its errors."""
    with logged_lines() as lines:
        begin(server.dsn)
        yield lines
        end()


def begin(dsn: str) -> None:
    settings = Settings(_env_file=None, sentry_dsn=dsn, project_id="pro7", environment=Environment.TEST)
    sentry.start_sentry(settings, "test-service")


def end() -> None:
    handler, sentry._Reports.handler = sentry._Reports.handler, None
    assert handler is not None
    logging.getLogger().removeHandler(handler)
    handler._client.close(timeout=0)


def search() -> None:
    raise LookupError("nothing is there")


async def test_an_error_is_reported_with_its_place_and_ids(server: ReportServer, lines: Lines) -> None:
    before = counted("sent")
    with with_ids({"request_id": "r1", "task_id": "t1", "user_id": "u1"}):
        try:
            search()
        except LookupError:
            log.exception("search_failed", words="canary")
    await eventually(lambda: len(server.events) == 1)
    (event,) = server.events
    (value,) = event["exception"]["values"]
    assert (value["type"], value["value"]) == ("LookupError", "nothing is there")
    assert value["stacktrace"]["frames"][-1]["function"] == "search"
    tags = {"service": "test-service", "project": "pro7", "request_id": "r1", "task_id": "t1"}
    assert event["tags"] == tags
    assert (event["release"], event["environment"], event["server_name"]) == (VERSION, "test", "pro7-test-service")
    assert (event["user"], event["logentry"]["message"], event["level"]) == ({"id": "u1"}, "search_failed", "error")
    assert event.keys() <= {
        *("event_id", "timestamp", "level", "logger", "platform", "release", "environment", "server_name", "sdk"),
        *("exception", "logentry", "tags", "user"),
    }
    assert socket.gethostname() not in server.everything.decode().replace("127.0.0.1", "")
    assert told_of(server.everything) == []
    await eventually(lambda: counted("sent") == before + 1)


async def test_each_exception_is_reported_once_whoever_logs_it(server: ReportServer, lines: Lines) -> None:
    error = RuntimeError("once")
    log.error("first", exc_info=error)
    logging.getLogger("uvicorn.error").error("Exception in ASGI application\n", exc_info=error)
    again = LookupError()
    again.__cause__ = error
    log.error("wrapped", exc_info=again)
    log.error("another", exc_info=RuntimeError("twice"))
    await eventually(lambda: len(server.events) == 2)
    assert [event["logentry"]["message"] for event in server.events] == ["first", "another"]


async def test_warnings_are_not_reported(server: ReportServer, lines: Lines) -> None:
    log.warning("only_so", exc_info=RuntimeError())
    log.error("grave")
    await eventually(lambda: len(server.events) == 1)
    assert server.events[0]["logentry"]["message"] == "grave"


async def test_words_of_libraries_leave_without_what_was_put_into_them(server: ReportServer, lines: Lines) -> None:
    logging.getLogger("lib").error("refused %s", "canary")
    logging.getLogger("lib").error(f"refused {CANARIES['cell']}")  # noqa: G004 - as libraries do
    await eventually(lambda: len(server.events) == 2)
    assert server.events[0]["logentry"]["message"] == "refused %s"
    assert told_of(server.everything) == []


async def test_nothing_of_a_request_leaves(server: ReportServer) -> None:
    router = APIRouter()

    @router.post("/broken/{name}")
    async def broken(request: Request, name: str) -> None:
        local = CANARIES["local"]
        body = await request.body()
        raise RuntimeError(f"broken {name} {local} {body!r} {request.headers} {request.url} {CANARIES}")

    settings = Settings(_env_file=None, sentry_dsn=server.dsn, redis_url="redis://127.0.0.1:1/0")
    with logged_lines() as lines:
        mine = logging.getLogger().handlers[:]
        app = create_service(name="test-service", title="T", description="D", settings=settings, routers=[router])
        logging.getLogger().handlers[:] = [*mine, *logging.getLogger().handlers]
        transport = httpx.ASGITransport(app)
        cookies = {"cookie": CANARIES["cookie"], "x-note": CANARIES["s3_key"], "x-request-id": "r-77"}
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            answer = await client.post(
                "/broken/canary-path?" + CANARIES["query"], headers=cookies, content=CANARIES["body"]
            )
        assert answer.status_code == 500
        await eventually(lambda: len(server.events) == 1)
        end()
    assert server.events[0]["tags"]["request_id"] == "r-77"
    assert told_of(server.everything) == []
    assert [line["request_id"] for line in lines.told if line["event"] == "unexpected_error"] == ["r-77"]
    assert told_of(b"".join(line for line in lines if b"unexpected_error" in line)) == []


async def test_nothing_of_a_child_s_job_leaves(server: ReportServer, lines: Lines) -> None:
    pool = ComputePool(("shared.testing.jobs",))
    job = {**CANARIES, "text": str(CANARIES)}
    with with_ids({"task_id": "t1"}), pytest.raises(ComputeFailed):
        await pool.run("shared.testing.jobs:leak", job, timeout_seconds=60, memory_mb=512)
    await pool.close()
    await eventually(lambda: len(server.events) == 1)
    assert [value["type"] for value in server.events[0]["exception"]["values"]] == ["ValueError", "RuntimeError"]
    assert server.events[0]["tags"]["task_id"] == "t1"
    assert told_of(server.everything + b"".join(lines)) == []


@pytest.mark.integration
async def test_failed_tasks_of_a_worker_are_reported_once_each(
    resources: Resources, workspace: Workspace, settings: Settings, tmp_path: Path, server: ReportServer
) -> None:
    worker = WorkerProcess(settings, tmp_path, SENTRY_DSN=server.dsn).start()
    try:
        failed = await submit(resources, workspace, "fail", canaries=CANARIES)
        await until(resources, failed, TaskStatus.FAILED)
        in_child = await submit(resources, workspace, function="leak", job={**CANARIES, "text": str(CANARIES)})
        await until(resources, in_child, TaskStatus.FAILED)
        assert worker.stop() == 0
    finally:
        worker.kill()
    found = {event["tags"]["task_id"]: event for event in server.events}
    assert len(server.events) == len(found) == 2
    assert found.keys() == {str(failed.id), str(in_child.id)}
    assert {event["tags"]["request_id"] for event in server.events} == {"r-1"}
    assert told_of(server.everything + worker.log.encode()) == []


class TestAnEndpointThatIsAway:
    async def test_that_answers_nothing_holds_nobody_up(self) -> None:
        with socket.create_server(("127.0.0.1", 0), backlog=128) as hole, logged_lines():
            begin(f"http://key@127.0.0.1:{hole.getsockname()[1]}/7")
            assert sentry._Reports.handler is not None
            sentry._Reports.handler._may = lambda: True  # type: ignore[method-assign]
            before = counted("dropped")
            # Each of these would take ten seconds if anybody waited for it, and the queue holds a hundred.
            for _ in range(150):
                log.error("grave", exc_info=RuntimeError())
            assert counted("dropped") - before >= 150 - sentry.QUEUE_SIZE - 2
            end()

    async def test_requests_go_on(self) -> None:
        router = APIRouter()

        @router.get("/broken")
        async def broken() -> None:
            raise RuntimeError

        with socket.create_server(("127.0.0.1", 0), backlog=128) as hole, logged_lines():
            dsn = f"http://key@127.0.0.1:{hole.getsockname()[1]}/7"
            settings = Settings(_env_file=None, sentry_dsn=dsn, redis_url="redis://127.0.0.1:1/0")
            app = create_service(name="test-service", title="T", description="D", settings=settings, routers=[router])
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
                answers = await asyncio.wait_for(asyncio.gather(*(client.get("/broken") for _ in range(200))), 60)
            end()
        assert {answer.status_code for answer in answers} == {500}

    async def test_that_refuses_is_counted(self, server: ReportServer, lines: Lines) -> None:
        server.status = 500
        before = counted("failed")
        sent = counted("sent")
        log.error("grave")
        # Those of an endpoint that is away may still be given up meanwhile.
        await eventually(lambda: counted("failed") > before and len(server.bodies) == 1)
        assert counted("sent") == sent

    async def test_a_storm_of_errors_is_cut(self, server: ReportServer, lines: Lines) -> None:
        before = counted("dropped")
        started = time.monotonic()
        for _ in range(500):
            log.error("grave")
        seconds = time.monotonic() - started + 1
        assert 500 - (counted("dropped") - before) <= sentry.MOST_A_SECOND * (seconds + 1)
        await asyncio.to_thread(sentry.finish_reports)


def test_only_the_id_of_a_user_is_kept() -> None:
    event: Any = {"user": {"id": "7", "email": "a@b.c", "ip_address": "1.2.3.4"}, "extra": {}, "request": {}}
    assert strip_event(event, {}) == {"user": {"id": "7"}}


def test_without_a_dsn_nothing_is_started() -> None:
    before = logging.getLogger().handlers[:]
    sentry.start_sentry(Settings(_env_file=None, sentry_dsn=""), "test")
    assert logging.getLogger().handlers == before
