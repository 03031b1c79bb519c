"""Answers and the seal under which they are kept; routes without the header."""

import pytest
from cryptography.exceptions import InvalidTag
from fastapi import Request
from starlette.responses import Response

from shared.idempotency import Attempt
from shared.idempotency.answers import Answer, Seal, canonical

ANSWER = Answer(201, (("content-type", "application/json"), ("location", "/things/1")), b'{"key": "adp_secret"}\n\n{}')


def test_an_answer_survives_sealing() -> None:
    seal = Seal("user 1", "key")
    assert seal.open(seal.close(ANSWER)) == ANSWER
    assert seal.close(ANSWER) != seal.close(ANSWER)


@pytest.mark.parametrize("other", [Seal("user 1", "other"), Seal("user 2", "key")])
def test_another_key_or_caller_finds_and_reads_nothing(other: Seal) -> None:
    seal = Seal("user 1", "key")
    assert other.row_id != seal.row_id
    with pytest.raises(InvalidTag):
        other.open(seal.close(ANSWER))


def test_a_sealed_answer_belongs_to_its_row() -> None:
    seal, elsewhere = Seal("user 1", "key"), Seal("user 1", "key")
    elsewhere.row_id = b"another row"
    with pytest.raises(InvalidTag):
        elsewhere.open(seal.close(ANSWER))


def test_fingerprints_tell_requests_apart() -> None:
    requests = [("POST", "/a", b"{}"), ("PUT", "/a", b"{}"), ("POST", "/b", b"{}"), ("POST", "/a", b"[]")]
    seal = Seal("user 1", "key")
    prints = {seal.fingerprint(*request) for request in requests}
    assert len(prints) == len(requests)
    assert seal.fingerprint(*requests[0]) in prints
    assert Seal("user 1", "other").fingerprint(*requests[0]) not in prints


@pytest.mark.parametrize(
    ("one", "other"), [(b'{"a": 1, "b": [2]}', b'{ "b":[2],"a":1 }'), (b"", b""), (b"\xff", b"\xff"), (b"NaN", b"NaN")]
)
def test_the_same_body_in_another_writing(one: bytes, other: bytes) -> None:
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(("one", "other"), [(b'{"a": 1}', b'{"a": "1"}'), (b"[1, 2]", b"[2, 1]"), (b"", b"null")])
def test_another_body(one: bytes, other: bytes) -> None:
    assert canonical(one) != canonical(other)


def test_what_is_kept_of_a_response() -> None:
    response = Response(b"{}", 202, {"Location": "/x", "Retry-After": "1"}, "application/json")
    again = Answer.of(response).replayed()
    assert (again.status_code, bytes(again.body)) == (202, b"{}")
    assert dict(again.headers) == {**dict(response.headers), "idempotency-replayed": "true"}
    empty = Answer.of(Response(status_code=204)).replayed()
    assert dict(empty.headers) == {"idempotency-replayed": "true"}


async def test_without_the_header_nothing_is_touched() -> None:
    def principal() -> str:
        raise AssertionError("not asked for")

    async def add(one: int, *, other: int) -> int:
        return one + other

    # A request without application or body: looking for either would fail.
    attempt = Attempt(Request({"type": "http"}), principal, None)
    response = await attempt(lambda total: Response(str(total)), add, 3, other=4)
    assert response.body == b"7"
