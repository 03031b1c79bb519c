"""Log lines: one object each with the ids that there are, bounded whatever is given, and without anybody's secrets."""

import asyncio
import itertools
import logging
import re
import sys
import threading
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import Enum
from typing import Any
from uuid import UUID

import orjson
import pytest
from pydantic import SecretStr

from shared.config import Settings
from shared.logging import configure_logging, get_logger, with_ids
from shared.logs import hooks
from shared.logs.bounds import MAXIMUM_FIELD_CHARACTERS, MAXIMUM_LINE_BYTES, as_line
from shared.logs.context import REQUEST_STATE, current_ids
from shared.logs.hooks import watch_loop
from shared.logs.rendering import renderer
from shared.testing.logged_lines import Lines, logged_lines

log = get_logger("tests.logging")

ALWAYS = ["timestamp", "level", "event", "service", "project", "instance", "logger"]
HOSTILE = 'a\r\n{"event":"forged"}\x1b[2J\x9b31m\x7f\u2028\u2029\u202e\x00\ud800'


@pytest.fixture
def lines() -> Iterator[Lines]:
    with logged_lines() as lines:
        yield lines


class Shade(Enum):
    DARK = "dark"


class Odd:
    """Nothing of it can be asked for its text."""

    def __repr__(self) -> str:
        raise RuntimeError

    __str__ = __repr__


class TestShape:
    def test_each_line_says_when_what_and_who(self, lines: Lines) -> None:
        log.info("thing_done", things=3)
        (line,) = lines.told
        assert list(line) == [*ALWAYS, "things"]
        assert (line["level"], line["event"], line["service"], line["project"]) == (
            "info",
            "thing_done",
            "test-service",
            "pro7",
        )
        assert re.fullmatch(r".+:\d+", line["instance"])
        assert line["logger"] == "tests.logging"
        assert abs(datetime.fromisoformat(line["timestamp"]) - datetime.now(UTC)).total_seconds() < 60

    def test_libraries_are_folded_in(self, lines: Lines) -> None:
        for name in ("uvicorn.error", "celery.worker", "kombu.x", "ray.y", "asyncio", "other"):
            logging.getLogger(name).warning("%s of %d", "one", 2, extra={"place": "here"})
        assert [line["event"] for line in lines.told] == ["one of 2"] * 6
        assert {line["place"] for line in lines.told} == {"here"}
        assert all(list(line)[:7] == ALWAYS for line in lines.told)

    @pytest.mark.parametrize(
        ("number", "name"), [(5, "debug"), (20, "info"), (25, "info"), (35, "warning"), (60, "critical")]
    )
    def test_levels_are_five(self, lines: Lines, number: int, name: str) -> None:
        logging.getLogger().setLevel(1)
        logging.getLogger("x").log(number, "said")
        assert lines.one("said")["level"] == name

    def test_a_message_that_does_not_fit_its_arguments_is_told_all_the_same(self) -> None:
        # Without the handlers of the test runner, which stumble.
        with logged_lines() as lines:
            logging.getLogger("x").warning("%d of them", "many")
        assert lines.one("%d of them")["level"] == "warning"

    def test_what_it_is_given_cannot_pose_as_somebody_else(self, lines: Lines) -> None:
        log.info("said", service="other", instance="x", logger="y", timestamp="never", level="debug")
        line = lines.one("said")
        assert (line["service"], line["logger"], line["level"]) == ("test-service", "tests.logging", "info")
        assert "never" not in lines[0].decode()


class TestIds:
    def test_those_that_there_are_stand_on_the_line(self, lines: Lines) -> None:
        ids = {"request_id": "r1", "task_id": "t1", "trace_id": "a" * 32, "span_id": "b" * 16, "user_id": "u1"}
        with with_ids(ids):
            log.info("inside")
        with with_ids({"request_id": "r2", "user_id": None, "unknown": "x"}):
            log.info("partly")
        log.info("outside")
        assert {name: lines.one("inside")[name] for name in ids} == ids
        assert set(lines.one("partly")) == {*ALWAYS, "request_id"}
        assert list(lines.one("outside")) == ALWAYS

    def test_the_user_is_looked_up_when_a_line_is_written(self) -> None:
        state: dict[str, Any] = {}
        token = REQUEST_STATE.set(state)
        try:
            assert current_ids() == {}
            state["claims"] = type("Claims", (), {"user": UUID(int=7)})
            assert current_ids() == {"user_id": str(UUID(int=7))}
        finally:
            REQUEST_STATE.reset(token)

    async def test_work_side_by_side_keeps_its_own(self, lines: Lines) -> None:
        async def work(number: int) -> None:
            with with_ids({"request_id": f"r{number}"}):
                await asyncio.sleep(0.001 * (number % 3))
                log.info("worked", number=number)

        await asyncio.gather(*(work(number) for number in range(50)))
        assert {(line["request_id"], line["number"]) for line in lines.told} == {(f"r{n}", n) for n in range(50)}


class TestBounds:
    @pytest.mark.parametrize(
        "value",
        [
            "x" * 1_000_000,
            "\x00" * 100_000,
            "\U0001f600" * 100_000,
            {str(number): "y" * 1000 for number in range(10_000)},
            [[[[[[[[[["deep"]]]]]]]]]],
            [[[[[]] * 100] * 100] * 100] * 100,
            list(range(100_000)),
            {"k" * 100_000: {"v" * 100_000: 1}},
            b"\xff" * 1_000_000,
            10**5000,
            Odd(),
            {Odd(): Odd()},
            {1, 2},
            float("nan"),
            -float("inf"),
            HOSTILE,
            {HOSTILE: [HOSTILE]},
            Shade.DARK,
            datetime(2026, 1, 1, tzinfo=UTC),
            memoryview(b"abc"),
            object,
        ],
        ids=itertools.count(),
    )
    def test_whatever_is_given_is_one_valid_line(self, value: Any) -> None:
        with logged_lines() as lines:
            log.info("given", first=1, value=value, after=2)
        (line,) = lines.told
        assert len(lines[0]) <= MAXIMUM_LINE_BYTES + 1
        assert (line["event"], line["first"]) == ("given", 1)
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202e]", lines[0].decode())

    def test_a_thousand_fields_are_too_many(self, lines: Lines) -> None:
        log.info("given", **{f"field_{number}": number for number in range(1000)})
        assert lines.told[0]["fields_left_out"] == 1000 - 64
        assert lines.told[0]["field_63"] == 63

    def test_a_long_field_is_cut(self, lines: Lines) -> None:
        log.info("given", value="x" * 5000, event_too="y")
        assert lines.told[0]["value"] == "x" * MAXIMUM_FIELD_CHARACTERS + "…"
        assert lines.told[0]["event_too"] == "y"

    def test_numbers_that_json_lacks_are_text(self, lines: Lines) -> None:
        log.info("given", a=float("nan"), b=2**60, c=2**3000, d=True, e=None, f=1.5)
        line = lines.told[0]
        assert [line[name] for name in "abcdef"] == ["nan", str(2**60), "number of 3001 bits", True, None, 1.5]

    def test_a_hostile_event_is_one_line_for_people_too(self) -> None:
        for is_terminal in (True, False):
            text = renderer("console", is_terminal=is_terminal)({"event": HOSTILE, HOSTILE: HOSTILE, "level": HOSTILE})
            assert text.count(b"\n") == 1
            inside = text.decode().replace("\x1b[0m", "").replace("\x1b[31m", "").rstrip("\n")
            assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202e]", inside)

    def test_a_format_for_people_only_where_people_are(self) -> None:
        line = {"timestamp": "2026-01-31T12:00:01.5Z", "level": "info", "event": "done", "service": "gateway", "n": 1}
        assert renderer("auto", is_terminal=False)(line).startswith(b"{")
        assert renderer("json", is_terminal=True)(line).startswith(b"{")
        assert renderer("console", is_terminal=False)(line) == b"12:00:01.5Z info     gateway       done n=1\n"
        assert b"\x1b[32m" in renderer("auto", is_terminal=True)(line)


class TestHooks:
    @pytest.fixture(autouse=True)
    def unwatched(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As in a process where nobody listens: a test runner does."""
        monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
        monkeypatch.setattr(threading, "excepthook", threading.__excepthook__)
        monkeypatch.setattr(sys, "unraisablehook", sys.__unraisablehook__)
        hooks.watch_process()

    def test_warnings(self, lines: Lines) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning("old\nthing", DeprecationWarning, "/x/site-packages/lib/a.py", 7)
        line = lines.one("warning")
        assert (line["category"], line["text"], line["place"]) == ("DeprecationWarning", "old\nthing", "lib/a.py:7")

    def test_exceptions_of_the_main_thread(self, lines: Lines) -> None:
        error = RuntimeError("it broke")
        sys.excepthook(type(error), error, None)
        line = lines.one("uncaught_exception")
        assert line["level"] == "critical"
        assert line["exception"][0]["type"] == "RuntimeError"

    def test_exceptions_of_threads(self, lines: Lines) -> None:
        thread = threading.Thread(target=lambda: 1 / 0, name="some-thread")
        thread.start()
        thread.join()
        line = lines.one("uncaught_exception")
        assert (line["thread_name"], line["exception"][0]["type"]) == ("some-thread", "ZeroDivisionError")

    async def test_what_nobody_awaited(self, lines: Lines) -> None:
        loop = asyncio.get_running_loop()
        before = loop.get_exception_handler()
        watch_loop(loop)
        try:
            loop.call_exception_handler(
                {"message": "Task exception was never retrieved\nfuture: canary", "exception": KeyError("canary")}
            )
        finally:
            loop.set_exception_handler(before)
        line = lines.one("uncaught_exception")
        assert line["reason"] == "Task exception was never retrieved"
        assert b"canary" not in lines[0]

    def test_an_interrupt_is_no_error(self, lines: Lines) -> None:
        sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
        assert lines.one("interrupted")["level"] == "info"


def test_known_secrets_of_the_settings_are_masked_wherever_they_turn_up() -> None:
    settings = {
        "openai_api_key": SecretStr("unusual-canary-1"),
        "database_url": SecretStr("postgresql://u:unusual-canary-2@h/d"),
    }
    with logged_lines(**settings) as lines:
        log.info("said", text="a unusual-canary-1 b", other=["unusual-canary-2"], settings=settings)
    assert b"canary" not in lines[0]
    configure_logging(Settings(_env_file=None), "test-service")


def test_a_line_is_made_of_anything_within_a_moment() -> None:
    text = ("a?" * 4000, "eyJ" * 4000, "://" * 4000, "@a.b" * 4000, "password" * 1000, "a" * 8000 + "@", "=" * 8000)
    for value in text:
        assert orjson.loads(as_line({"event": "x", "value": value}))["event"] == "x"
