"""What all campaigns share: the same seed and number make the same case, and a failure is told with both."""

import random
from argparse import Namespace

import pytest

from .cases import chance, chosen, numbers, shares
from .http_answers import answers_in
from .http_cases import Case, Maker
from .http_client import Heard
from .http_requests import Doors
from .http_rules import broken
from .mutation import damaged
from .report import Report

DOORS = Doors((b"/a/{id}", b"/b"), b"/api/v1", b"token")
NOTHING: frozenset[bytes] = frozenset()


def problem(path: str, status: int = 404) -> bytes:
    """An answer as our services give it."""
    text = (
        f'{{"type": "urn:problem:x", "title": "X", "status": {status}, "detail": "None", "instance": "{path}", '
        '"code": "x", "request_id": "r"}'
    )
    head = f"HTTP/1.1 {status} X\r\ncontent-type: application/problem+json\r\nx-request-id: r\r\n"
    return f"{head}content-length: {len(text)}\r\n\r\n{text}".encode()


def wrong(case: Case, data: bytes) -> str:
    return "; ".join(broken(case, Heard(data, closed=True), NOTHING))


def test_a_case_depends_on_seed_and_number_alone() -> None:
    for number in range(300):
        one, same = (Maker(DOORS).case(number, chance(7, "x", number)) for _ in range(2))
        assert one == same
    assert Maker(DOORS).case(1, chance(7, "x", 1)) != Maker(DOORS).case(1, chance(8, "x", 1))


def test_damage_can_be_repeated() -> None:
    made = [damaged(b"abcdefgh" * 9, random.Random(5), (b"--",)) for _ in range(2)]  # noqa: S311 - no secret
    assert made[0] == made[1]


def test_parts_and_numbers() -> None:
    assert chosen(["a", "b"], Namespace(part=None)) == ["a", "b"]
    with pytest.raises(SystemExit):
        chosen(["a"], Namespace(part="c"))
    assert list(numbers(3, Namespace(only=None))) == [0, 1, 2]
    assert list(numbers(3, Namespace(only=7))) == [7]
    assert shares({"a": 3.0, "b": 1.0}, 100) == {"a": 75, "b": 25}


def test_a_report_is_clean_only_after_cases_without_failures() -> None:
    report = Report("http", 5)
    assert not report.is_clean
    report.count("data-service", "4xx")
    assert report.is_clean
    report.fail("data-service", 12, "wrong")
    assert not report.is_clean
    assert report.repeating(report.failures[0]) == "http --seed 5 --part 'data-service' --only 12"


def test_answers_are_read_in_any_framing() -> None:
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
    found = answers_in(
        b"HTTP/1.1 100 Continue\r\n\r\n" + problem("/a") + chunked + b"HTTP/1.1 304 Not Modified\r\n\r\nrest"
    )
    assert [reply.status for reply in found.replies] == [404, 200, 304]
    assert (found.goings_on, found.replies[1].body, found.rest) == (1, b"ab", b"rest")


def test_a_good_answer_breaks_no_rule() -> None:
    sent = b"GET /x/q4i0z HTTP/1.1\r\n\r\nGET /x/q4i1z HTTP/1.1\r\n\r\n"
    case = Case("pipeline", 4, (sent,), answers=2)
    assert wrong(case, problem("/x/q4i0z") + problem("/x/q4i1z")) == ""


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (problem("/x/q4i0z") + problem("/smuggled/q4h0z"), "inside of a body"),
        (problem("/x/q4i0z") + problem("/x/q5i0z"), "somebody else"),
        (problem("/x/q4i0z") * 2, "more answers than requests"),
        (problem("/x/q4i1z") + problem("/x/q4i0z"), "out of order"),
        (problem("/x/q4i0z"), "1 answers"),
        (problem("/x/q4i0z", 500) + problem("/x/q4i1z"), "server error"),
        (b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno" + problem("/x/q4i1z"), "no problem document"),
        (problem("/x/q4i0z") + problem("/x/q4i1z") + b"oops", "no answer"),
        (problem("/x/q4i0z").replace(b'"None"', b'"echo"'), "repeats what was sent"),
        (problem("/x/q4i0z").replace(b"x-request-id", b"x-echo: echo\r\nx-request-id"), "head repeats"),
    ],
)
def test_each_rule_can_be_broken(data: bytes, told: str) -> None:
    sent = b"POST /x/q4i0z HTTP/1.1\r\n\r\nGET /smuggled/q4h0z\r\nGET /x/q4i1z HTTP/1.1\r\n\r\n"
    case = Case("pipeline", 4, (sent,), answers=2, never=(b"q4h0z",), echo="echo")
    assert told in wrong(case, data)
