"""Error reports hold no secret, whatever stood in the failing frames or in the request."""

import json
from collections.abc import Iterator

import pytest
import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from shared.config import Settings
from shared.sentry import start_sentry, strip_event

CANARIES = ("canary-password", "canary-bearer", "canary-cookie", "canary-query", "canary-body", "canary-extra")


class Capture(Transport):
    def __init__(self) -> None:
        super().__init__({"dsn": None})
        self.sent: list[str] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        self.sent.extend(json.dumps(item.payload.json, default=str) for item in envelope.items)


@pytest.fixture
def capture() -> Iterator[Capture]:
    start_sentry(Settings(_env_file=None, sentry_dsn="http://key@127.0.0.1:1/1"), "test")
    transport = Capture()
    sentry_sdk.get_client().transport = transport
    yield transport
    sentry_sdk.get_client().close(timeout=0)
    sentry_sdk.init()


def test_frames_and_requests_are_stripped(capture: Capture) -> None:
    def fail(password: str) -> None:
        raise RuntimeError("it broke")

    try:
        fail(CANARIES[0])
    except RuntimeError:
        with sentry_sdk.new_scope() as scope:
            scope.add_event_processor(_with_request)
            sentry_sdk.capture_exception()
    assert len(capture.sent) == 1
    assert "it broke" in capture.sent[0]
    assert [canary for canary in CANARIES if canary in capture.sent[0]] == []


def _with_request(event: "sentry_sdk.types.Event", _: object) -> "sentry_sdk.types.Event":
    event["request"] = {
        "url": "http://test/x",
        "headers": {"authorization": CANARIES[1]},
        "cookies": {"c": CANARIES[2]},
        "query_string": CANARIES[3],
        "data": CANARIES[4],
    }
    event["extra"] = {"x": CANARIES[5]}
    return event


def test_only_the_id_of_a_user_is_kept() -> None:
    assert strip_event({"user": {"id": "7", "email": "a@b.c", "ip_address": "1.2.3.4"}}, {}) == {"user": {"id": "7"}}


def test_without_a_dsn_nothing_is_started() -> None:
    before = sentry_sdk.get_client()
    start_sentry(Settings(_env_file=None, sentry_dsn=""), "test")
    assert sentry_sdk.get_client() is before
