"""Lines gathered from an instance's files: whose they are, in which order, and what a person sees of them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import log_lines
from console import Refusal
from instance import Instance
from layout import ray_folder
from log_lines import Source, Wish, command, gather
from log_text import as_text

TASK = "0b0e7c62-0000-4000-8000-000000000001"


def line(second: int, event: str, **fields: Any) -> str:
    told = {"timestamp": f"2026-01-31T12:00:{second:02}.000001Z", "level": "info", "event": event, "service": "gateway"}
    return json.dumps({**told, **fields})


@pytest.fixture
def logs(instance: Instance) -> Path:
    instance.logs.mkdir(parents=True)
    return instance.logs


def shown(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [json.loads(text)["event"] for text in capsys.readouterr().out.splitlines()]


def test_a_request_s_lines_come_from_all_files_in_order_of_time_with_those_of_its_task(
    instance: Instance, logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (logs / "api-gateway.log").write_text("\n".join([line(5, "third", request_id="r1"), line(1, "x", request_id="r2")]))
    (logs / "api-gateway.log.1").write_text(line(2, "first", request_id="r1") + "\nno JSON r1\n{broken r1\n")
    (logs / "data-worker.log").write_text(
        "\n".join(
            [
                line(4, "second", request_id="r1", task_id=TASK),
                line(7, "fifth", task_id=TASK),
                line(6, "y", task_id="other", about=TASK),
                line(3, "names r1 only", about="r1"),
            ]
        )
    )
    folder = ray_folder(instance) / "session_latest" / "logs"
    folder.mkdir(parents=True)
    (folder / "worker-1.out").write_text(line(6, "fourth", task_id=TASK, service="ray"))
    assert command(instance, "local", ["--request", "r1"]) == 0
    assert shown(capsys) == ["first", "second", "third", "fourth", "fifth"]
    assert command(instance, "local", ["--task", TASK]) == 0
    assert shown(capsys) == ["second", "fourth", "fifth"]


def test_only_what_is_grave_and_young_enough(
    instance: Instance, logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    young = (datetime.now(UTC) - timedelta(minutes=10)).isoformat()
    texts = [
        line(1, "old", level="error"),
        line(1, "mild", timestamp=young),
        line(1, "a", timestamp=young, level="error"),
    ]
    (logs / "beat.log").write_text("\n".join(texts))
    assert command(instance, "local", ["--level", "warning", "--since", "1h"]) == 0
    assert shown(capsys) == ["a"]
    assert command(instance, "local", ["--since", "2026-01-31T12:00:00Z", "--level=error"]) == 0
    assert shown(capsys) == ["old", "a"]
    assert command(instance, "local", ["--since", "5m"]) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        *(["--request", "a b"], ["--request", ""], ["--task", "x"], ["--level", "loud"], ["--since", "soon"]),
        *(["--since", "9999999d"], ["--request", "a", "--task", TASK], ["word"]),
    ],
    ids=str,
)
def test_bad_input_is_refused(instance: Instance, logs: Path, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        command(instance, "local", arguments)
    assert refused.value.code == 2


def test_without_logs_it_says_how_to_start(instance: Instance) -> None:
    with pytest.raises(Refusal, match="start-dev"):
        command(instance, "local", ["--request", "r1"])


def test_times_in_no_known_form_stand_first(tmp_path: Path) -> None:
    file = tmp_path / "x.log"
    file.write_text("\n".join([line(1, "b"), line(1, "a", timestamp="gone"), "[]", "{}"]))
    assert [found.get("event") for found in gather([Source(file)], Wish())] == ["a", None, "b"]


def test_containers_are_asked_for_their_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "docker"
    program.write_text(
        f"#!/bin/sh\necho '{line(1, 'of', request_id='r1')}'\necho '{line(2, '$2', request_id='r1')}' >&2\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr(log_lines, "docker_environment", lambda: {"PATH": f"{tmp_path}:/bin:/usr/bin"})
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    found = gather([Source(container="abc")], Wish(request="r1"))
    assert [one["event"] for one in found] == ["of", "$2"]


def test_a_person_sees_one_line_that_paints_nothing() -> None:
    frames = [{"file": "a.py", "line": 3, "function": "f"}, {"file": "b.py", "line": 4, "function": "g"}]
    text = as_text(
        {
            "timestamp": "2026-01-31T12:00:01.123456Z",
            "level": "error",
            "event": "broke\r\n\x1b[2J",
            "service": "gateway\u2028",
            "n\x9b": ["\u202e", 1],
            "exception": [{"type": "KeyError", "message": "gone", "frames": frames}],
        },
        coloured=False,
    )
    assert text == (
        "2026-01-31 12:00:01.123 error    gateway\\u2028 broke\\u000d\\u000a\\u001b[2J "
        'n\\u009b=["\\u202e", 1] KeyError: gone (a.py:3 < b.py:4)'
    )
    assert as_text({"level": "error"}, coloured=True).count("\x1b") == 2
