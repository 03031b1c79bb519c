"""Which fields cross the gateway."""

import pytest

from shared.errors import BadRequest

from ..app.core.headers import body_length, request_headers, response_headers


@pytest.mark.parametrize(
    "name",
    [
        *("connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "proxy-authorization"),
        *("proxy-connection", "host", "expect", "content-length", "forwarded", "x-real-ip", "x-request-id"),
        *("x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-prefix", "x-forwarded-port"),
        "traceparent",
    ],
)
def test_request_leaves_out_what_the_gateway_says_itself(name: str) -> None:
    assert request_headers([(name.encode(), b"x"), (b"accept", b"*/*")]) == [(b"accept", b"*/*")]


def test_request_keeps_the_rest_in_order_and_repeated() -> None:
    raw = [(b"authorization", b"Bearer t"), (b"x-a", b"1"), (b"tracestate", b"a=b"), (b"x-a", b"2")]
    assert request_headers(raw) == raw


def test_request_leaves_out_fields_that_connection_names() -> None:
    raw = [(b"connection", b"close, X-Secret"), (b"connection", b"x-other"), (b"x-secret", b"1"), (b"x-other", b"2")]
    assert request_headers(raw) == []


@pytest.mark.parametrize("value", [b"caf\xe9", "café".encode(), b""])
def test_request_value_crosses_byte_for_byte(value: bytes) -> None:
    assert request_headers([(b"user-agent", value)]) == [(b"user-agent", value)]


def test_answer_keeps_repeated_fields_and_drops_what_the_gateway_adds() -> None:
    raw = [
        (b"date", b"now"),
        (b"server", b"uvicorn"),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
        (b"x-request-id", b"1"),
        (b"ratelimit", b"r"),
        (b"access-control-allow-origin", b"*"),
        (b"connection", b"keep-alive, x-hop"),
        (b"x-hop", b"1"),
        (b"content-length", b"5"),
    ]
    assert response_headers(raw, 200) == [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"), (b"content-length", b"5")]


@pytest.mark.parametrize("status", [204, 304])
def test_answer_without_body_has_no_length(status: int) -> None:
    assert response_headers([(b"content-length", b"5"), (b"etag", b'"a"')], status) == [(b"etag", b'"a"')]


@pytest.mark.parametrize(
    ("raw", "length"),
    [
        ([], 0),
        ([(b"content-length", b"0")], 0),
        ([(b"content-length", b"17")], 17),
        ([(b"transfer-encoding", b"chunked")], None),
        ([(b"transfer-encoding", b" Chunked ")], None),
    ],
)
def test_body_length(raw: list[tuple[bytes, bytes]], length: int | None) -> None:
    assert body_length(raw) == length


@pytest.mark.parametrize(
    "raw",
    [
        [(b"content-length", b"5"), (b"transfer-encoding", b"chunked")],
        [(b"content-length", b"5"), (b"content-length", b"6")],
        [(b"content-length", b"5"), (b"content-length", b"5")],
        [(b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"identity")],
        [(b"transfer-encoding", b"gzip, chunked")],
        [(b"content-length", b"-1")],
        [(b"content-length", b"5, 5")],
        [(b"content-length", b"+5")],
    ],
)
def test_ambiguous_framing_is_refused_and_the_connection_closed(raw: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(BadRequest) as refusal:
        body_length(raw)
    assert refusal.value.headers["Connection"] == "close"
