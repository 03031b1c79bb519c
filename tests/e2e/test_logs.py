"""Log lines of a whole instance under load and under attack: each says whose it is, and `logs.sh` finds all of one."""

import asyncio
import json
import re
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from ..adversarial.places import Place, places
from ..patience import wait_for
from .api import Api
from .conftest import Visit

pytestmark = pytest.mark.e2e

REQUESTS = 10_000
PEOPLE = 5
AT_ONCE = 40
ALWAYS = {"timestamp", "level", "event", "service", "project", "instance", "logger"}
HOSTILE = (
    b"x" * 65,
    b"a b",
    b"\x1b[31mred",
    b'"},{"event":"forged"',
    b"forged\xe2\x80\xa8line",
    b"../../forged",
    b"a\tb",
    b"",
    b"\xff\xfe",
    b"%0d%0aforged",
)
TRACES = (b"00-" + b"0" * 32 + b"-" + b"1" * 16 + b"-01", b"forged", b"x" * 5000, b"00-\x1b[2J", b"\xe2\x80\xa8")


@pytest.fixture(scope="module")
def place() -> Place:
    return places()[0]


def lines_of(place: Place, part: str) -> Iterator[dict[str, Any]]:
    """Lines of our own processes that hold `part`; each must be one object, whatever else it is."""
    for file in sorted(place.instance.logs.glob("*.log*")):
        if file.name.partition(".")[0] in {"api-gateway", "data-service", "ai-service", "data-worker", "ai-worker"}:
            for text in file.read_text(encoding="utf-8").split("\n"):
                if part in text:
                    line = json.loads(text)
                    assert line.keys() >= ALWAYS
                    yield line


def logs(place: Place, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What `scripts/logs.sh` calls; the script itself asks for an environment of the checkout."""
    command = [sys.executable, "scripts/instances", "lines", "--project", place.instance.name, "--", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.timeout(600)
async def test_ten_thousand_requests_at_once_keep_their_lines_apart(place: Place, visit: Visit) -> None:
    people = [visit(place.gateway).signed_up() for _ in range(PEOPLE)]
    users = [person.ok("GET", "/auth/me")["id"] for person in people]
    mark = f"e2e-{uuid4().hex[:8]}"
    numbers = iter(range(REQUESTS))

    async def ask() -> None:
        async with httpx.AsyncClient(base_url=f"{place.gateway}/api/v1", timeout=60) as client:
            for number in numbers:
                token = people[number % PEOPLE].tokens["access_token"]
                headers = {"authorization": f"Bearer {token}", "x-request-id": f"{mark}-{number}"}
                answer = await client.get(f"/datasets/{_dataset(number)}", headers=headers)
                assert (answer.status_code, answer.headers["x-request-id"]) == (404, f"{mark}-{number}")

    await asyncio.gather(*(ask() for _ in range(AT_ONCE)))
    wait_for(lambda: sum(line["event"] == "request" for line in lines_of(place, mark)) >= 2 * REQUESTS)
    found: Counter[tuple[str, int]] = Counter()
    for line in lines_of(place, mark):
        number = int(line["request_id"].removeprefix(f"{mark}-"))
        if line["event"] == "request":
            found[line["service"], number] += 1
            assert line["path"].endswith(f"/datasets/{_dataset(number)}")
            assert line["user_id"] == users[number % PEOPLE]
    assert found == Counter({(s, n): 1 for s in ("api-gateway", "data-service") for n in range(REQUESTS)})


def _dataset(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012x}"


@pytest.mark.parametrize("name", [b"x-request-id", b"traceparent"])
def test_hostile_ids_are_replaced_and_forge_no_line(place: Place, name: bytes) -> None:
    mark = f"e2e-{uuid4().hex[:8]}"
    values = HOSTILE if name == b"x-request-id" else TRACES
    for number, value in enumerate(values):
        head, body = _raw(place, f"/api/v1/{mark}-{number}", name, value)
        assert re.search(rb"^HTTP/1\.1 40[04] ", head)
        told = re.search(rb"\r\nx-request-id: ([0-9a-f]{32})\r\n", head + b"\r\n", re.IGNORECASE)
        # A head that is no HTTP is refused before there is a request.
        assert told or head.startswith(b"HTTP/1.1 400")
        assert value not in head + body if len(value) > 4 else True
    wait_for(lambda: any(mark in line["path"] for line in lines_of(place, mark) if "path" in line))
    lines = [line for line in lines_of(place, mark) if line["event"] == "request"]
    assert len(lines) == len({line["request_id"] for line in lines}) >= len(values) // 2
    assert all(re.fullmatch("[0-9a-f]{32}", line["request_id"]) for line in lines)
    assert all(line.get("trace_id") is None or re.fullmatch("[0-9a-f]{32}", line["trace_id"]) for line in lines)


def _raw(place: Place, path: str, name: bytes, value: bytes) -> tuple[bytes, bytes]:
    url = httpx.URL(place.gateway)
    with socket.create_connection((url.host, url.port or 80), timeout=30) as connection:
        head = b"GET " + path.encode() + b" HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
        connection.sendall(head + name + b": " + value + b"\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return head, body


def test_paths_that_would_end_a_line_or_paint_a_terminal_are_shown_as_text(place: Place) -> None:
    mark = f"e2e-{uuid4().hex[:8]}"
    path = f"/api/v1/{mark}%0d%0a%1b%5b2J%e2%80%a8%c2%9b31m%00%ed%a0%80?q=canary"
    with httpx.Client() as client:
        client.get(place.gateway + path)
    wait_for(lambda: any(True for _ in lines_of(place, mark)))
    (line,) = [line for line in lines_of(place, mark) if line["event"] == "request"]
    assert line["path"].startswith(f"/api/v1/{mark}\r\n\x1b[2J\u2028\x9b31m\x00")
    text = next(text for text in (place.instance.logs / "api-gateway.log").read_text().split("\n") if mark in text)
    assert not re.search("[\x00-\x1f\x7f-\x9f\u2028]|canary", text)


def test_one_request_is_found_in_every_service_with_the_task_that_it_made(
    place: Place, api: Api, diabetes_csv: bytes
) -> None:
    request = f"e2e-{uuid4().hex}"
    dataset = api.ok(
        "POST",
        "/upload/file",
        params={"wait": 60},
        data={"project_id": api.project()},
        files={"file": ("data.csv", diabetes_csv, "text/csv")},
        headers={"x-request-id": request},
    )
    assert dataset["status"] == "ready"
    services = {"api-gateway", "data-service", "data-worker"}
    wait_for(lambda: {line["service"] for line in _found(place, "--request", request)} >= services)
    lines = _found(place, "--request", request)
    assert [line["timestamp"] for line in lines] == sorted(line["timestamp"] for line in lines)
    assert {line["request_id"] for line in lines} == {request}
    (task,) = {line["task_id"] for line in lines if "task_id" in line}
    of_task = _found(place, "--task", task)
    assert {"task_started", "task_ended"} <= {line["event"] for line in of_task}
    assert {line["task_id"] for line in of_task} == {task}
    user = api.ok("GET", "/auth/me")["id"]
    assert {line["user_id"] for line in of_task} == {user}
    assert _found(place, "--request", request, "--level", "error") == []
    assert logs(place, "--request", f"{request}-none").returncode == 1


def _found(place: Place, *arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in logs(place, *arguments).stdout.splitlines()]


@pytest.mark.parametrize(
    "arguments",
    [
        *(("--request", "a b"), ("--request", "x" * 65), ("--request", "$(reboot)"), ("--task", "7")),
        *(("--level", "loud"), ("--since", "yesterday"), ("--request", "a", "--task", str(uuid4())), ("--nothing",)),
    ],
    ids=str,
)
def test_bad_input_is_refused_in_words(place: Place, arguments: tuple[str, ...]) -> None:
    done = logs(place, *arguments)
    assert done.returncode == 2
    assert re.match("error: .+", done.stderr)
    assert "Traceback" not in done.stderr
