"""Where an answer ends, told from its bytes alone, however they are cut into pieces."""

from collections.abc import Iterator

import pytest

from shared.http_protocol import MAXIMUM_HEAD_BYTES

from ..app.clients.answers import Answer, BrokenAnswer

OK = b"HTTP/1.1 200 OK\r\n"


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def answer_of(data: bytes, size: int = 1_000_000, *, to_head_request: bool = False) -> Answer:
    answer = Answer(to_head_request=to_head_request)
    for piece in pieces(data, size):
        answer.feed(piece)
    return answer


@pytest.mark.parametrize("size", [1, 2, 7, 1_000_000])
@pytest.mark.parametrize(
    ("data", "status", "body", "reusable"),
    [
        (OK + b"Content-Length: 5\r\n\r\nhello", 200, b"hello", True),
        (OK + b"Content-Length: 0\r\n\r\n", 200, b"", True),
        (OK + b"Connection: close\r\nContent-Length: 5\r\n\r\nhello", 200, b"hello", False),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n", 200, b"hello", True),
        (OK + b"transfer-encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n", 200, b"hello", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", 304, b"", True),
        (b"HTTP/1.0 404 Not Found\r\nContent-Length: 2\r\n\r\nno", 404, b"no", False),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 5\r\n\r\nhello", 200, b"hello", True),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 3 + OK + b"Content-Length: 1\r\n\r\nx", 200, b"x", True),
    ],
)
def test_complete(data: bytes, status: int, body: bytes, reusable: bool, size: int) -> None:
    answer = answer_of(data, size)
    assert (answer.status, answer.take(), answer.complete, answer.reusable) == (status, body, True, reusable)
    assert not {b"link", b"x-trailer"} & {name for name, _ in answer.headers}


@pytest.mark.parametrize("framing", [b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b""])
def test_an_answer_to_head_ends_with_its_head(framing: bytes) -> None:
    answer = answer_of(OK + framing + b"\r\n", to_head_request=True)
    assert answer.complete
    assert answer.take() == b""


@pytest.mark.parametrize("size", [1, 1_000_000])
def test_a_body_without_length_ends_with_the_connection(size: int) -> None:
    answer = answer_of(OK + b"\r\nhel", size)
    answer.feed(b"lo")
    assert not answer.complete
    answer.end()
    assert (answer.take(), answer.complete, answer.reusable) == (b"hello", True, False)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        OK + b"Content-Length: 5\r\n\r\nhell",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    ],
)
def test_what_ends_early_is_not_complete(data: bytes) -> None:
    answer = answer_of(data)
    answer.end()
    assert not answer.complete


@pytest.mark.parametrize("size", [1, 1_000_000])
@pytest.mark.parametrize(
    "data",
    [
        b"rubbish\r\n\r\n",
        b"SSH-2.0-x\r\n",
        b"HTTP/1.2 200 OK\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nx",
        OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: identity\r\n\r\n",
        OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        OK + b"Content-Length: -1\r\n\r\n",
        OK + b"Content-Length: 99999999999999999999999\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        OK + b"X: a\0b\r\n\r\n",
        OK + b"X: a\rSet-Cookie: evil=1\r\n\r\n",
        OK + b"Set Cookie: 1\r\n\r\n",
    ],
)
def test_what_is_no_answer(data: bytes, size: int) -> None:
    with pytest.raises(BrokenAnswer):
        answer_of(data, size)


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (b"HTTP/1.1 200 ", b"a" * 1000),
        (OK + b"X: ", b"a" * 1000),
        (OK, b"X: " + b"a" * 1000 + b"\r\n"),
        (b"", b"HTTP/1.1 103 Early Hints\r\nX: 1\r\n\r\n"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n1;", b"a" * 1000),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: ", b"a" * 1000),
    ],
)
def test_what_never_comes_to_a_body_is_given_up(start: bytes, piece: bytes) -> None:
    answer = answer_of(start)
    with pytest.raises(BrokenAnswer):
        for _ in range(2 * MAXIMUM_HEAD_BYTES // len(piece)):
            answer.feed(piece)


def test_a_long_body_is_no_head() -> None:
    answer = answer_of(OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * MAXIMUM_HEAD_BYTES, 1000)
    assert answer.buffered == MAXIMUM_HEAD_BYTES


@pytest.mark.parametrize("size", [1, 1_000_000])
@pytest.mark.parametrize("more", [b"x", b"rubbish\r\n\r\n", OK + b"Content-Length: 4\r\n\r\nevil"])
@pytest.mark.parametrize(
    ("data", "to_head_request"),
    [(OK + b"Content-Length: 5\r\n\r\nhello", False), (OK + b"Content-Length: 5\r\n\r\n", True)],
)
def test_more_than_was_asked_for_reaches_nobody(data: bytes, to_head_request: bool, more: bytes, size: int) -> None:
    answer = answer_of(data + more, size, to_head_request=to_head_request)
    assert (answer.status, answer.complete, answer.reusable) == (200, True, False)
    assert answer.take() == (b"" if to_head_request else b"hello")


def test_take_gives_each_byte_once() -> None:
    answer = answer_of(OK + b"Content-Length: 6\r\n\r\nab")
    answer.feed(b"c")
    assert (answer.buffered, answer.take(), answer.buffered, answer.take()) == (3, b"abc", 0, b"")
    answer.feed(b"def")
    assert (answer.take(), answer.complete) == (b"def", True)
