"""Which header fields cross the gateway, and how a request body is framed."""

from collections.abc import Sequence

from shared.errors import BadRequest

# Names in lower case.
RawHeaders = Sequence[tuple[bytes, bytes]]

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
# Said by the gateway itself, so a client's own version must never reach a service.
_SAID_BY_US = HOP_BY_HOP | {
    b"content-length",
    b"expect",
    b"forwarded",
    b"host",
    b"traceparent",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-port",
    b"x-forwarded-prefix",
    b"x-forwarded-proto",
    b"x-real-ip",
    b"x-request-id",
}
# The gateway's server and middleware add these to every answer; twice would be a contradiction.
_ADDED_BY_US = HOP_BY_HOP | {
    b"access-control-allow-credentials",
    b"access-control-allow-headers",
    b"access-control-allow-methods",
    b"access-control-allow-origin",
    b"access-control-expose-headers",
    b"access-control-max-age",
    b"date",
    b"ratelimit",
    b"ratelimit-policy",
    b"server",
    b"x-ratelimit-limit",
    b"x-ratelimit-remaining",
    b"x-ratelimit-reset",
    b"x-request-id",
}
_BODILESS = frozenset({204, 304})
# Words of Connection that name no field beside those that stay behind anyway.
_PLAIN = frozenset({b"keep-alive", b"close"})


def request_headers(raw: RawHeaders) -> list[tuple[bytes, bytes]]:
    """End-to-end fields of a request, byte for byte, without those that the gateway says itself."""
    dropped = _dropped(raw, _SAID_BY_US)
    return [field for field in raw if field[0] not in dropped]


def response_headers(raw: RawHeaders, status: int) -> list[tuple[bytes, bytes]]:
    """End-to-end fields of an answer; repeated fields stay repeated."""
    dropped = _dropped(raw, _ADDED_BY_US)
    if status in _BODILESS:
        # RFC 9110 lets a 304 name the length of what it does not send; a server that counts bytes would wait for them.
        dropped = dropped | {b"content-length"}
    return [field for field in raw if field[0] not in dropped]


def body_length(raw: RawHeaders) -> int | None:
    """Length of the request body in bytes: 0 without a body, None when it is chunked.

    Raises:
        BadRequest: two framings at once, by which one request could be read as two (RFC 9112 §6.3).
    """
    framings = [field for field in raw if field[0] in _FRAMINGS]
    if not framings:
        return 0
    if len(framings) > 1:
        raise BadRequest("Send either one Content-Length or one Transfer-Encoding, not both.", headers=_CLOSE)
    name, value = framings[0]
    if name == b"content-length":
        return _number(value)
    _require_chunked(value)
    return None


_FRAMINGS = frozenset({b"content-length", b"transfer-encoding"})
_CLOSE = {"Connection": "close"}


def _require_chunked(coding: bytes) -> None:
    if coding.strip().lower() != b"chunked":
        raise BadRequest("The only Transfer-Encoding taken here is chunked.", headers=_CLOSE)


def _number(length: bytes) -> int:
    if not length.isdigit():
        raise BadRequest("Content-Length is not a number.", headers=_CLOSE)
    return int(length)


def _dropped(raw: RawHeaders, always: frozenset[bytes]) -> frozenset[bytes]:
    named = [value for name, value in raw if name == b"connection" and value not in _PLAIN]
    if not named:
        return always
    return always | {option.strip().lower() for option in b",".join(named).split(b",")}
