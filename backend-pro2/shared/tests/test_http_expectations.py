"""What a connection expects of its client at each moment, with a transport that is none."""

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest
import uvicorn
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.server import ServerState

from shared import http_protocol
from shared.http_protocol import BoundedHttpProtocol
from shared.slow_clients import ANSWER, BODY, HEAD, Pace

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
WAITING = POST.replace(b"Host", b"Expect: 100-continue\r\nHost")


class Wire:
    """A transport whose client takes what the test says."""

    def __init__(self) -> None:
        self.sent = b""
        self.unsent = 0
        self.ended = ""

    def get_extra_info(self, _: str) -> None:
        return None

    def write(self, data: bytes) -> None:
        self.sent += data

    def writelines(self, pieces: tuple[bytes, ...]) -> None:
        self.write(b"".join(pieces))

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def is_closing(self) -> bool:
        return bool(self.ended)

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def close(self) -> None:
        self.ended = self.ended or "closed"

    def abort(self) -> None:
        self.ended = "aborted"


class Talk:
    """A connection, and an application that does what the test tells it."""

    def __init__(self) -> None:
        self.wire = Wire()
        self.heard: list[Message] = []
        self.steps: asyncio.Queue[str] = asyncio.Queue()
        config = uvicorn.Config(self._app, interface="asgi3", lifespan="off", ws="none", log_config=None)
        self.protocol = BoundedHttpProtocol(config, ServerState(), {}, asyncio.get_running_loop())
        self.protocol.connection_made(cast("asyncio.Transport", self.wire))

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        while True:
            step = await self.steps.get()
            if step == "receive":
                self.heard.append(await receive())
            elif step == "start":
                await send({"type": "http.response.start", "status": 200, "headers": []})
            else:
                await send({"type": "http.response.body", "body": b"x", "more_body": step == "more"})
                if step == "end":
                    return

    async def app(self, *steps: str) -> None:
        for step in steps:
            self.steps.put_nowait(step)
        for _ in range(10):
            await asyncio.sleep(0)

    def hear(self, data: bytes) -> None:
        self.protocol.data_received(data)

    @property
    def pace(self) -> Pace | None:
        expectation = self.protocol.expectation()
        return expectation.pace if expectation else None


@pytest.fixture
async def talk() -> AsyncIterator[Talk]:
    talk = Talk()
    yield talk
    talk.protocol.connection_lost(None)
    tasks = list(talk.protocol.tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_new_connection_owes_a_head_until_it_is_complete(talk: Talk) -> None:
    first = talk.protocol.expectation()
    assert first is not None
    assert first.pace == HEAD
    for byte in GET[:-1]:
        talk.hear(bytes([byte]))
        assert talk.protocol.expectation() == first
    talk.hear(GET[-1:])
    assert talk.pace is None


@pytest.mark.parametrize("first_bytes", [b"\r\n", b"G", GET[:-1]])
async def test_a_later_head_is_owed_from_its_first_byte(talk: Talk, first_bytes: bytes) -> None:
    talk.hear(GET)
    await talk.app("start", "end")
    assert talk.pace is None
    talk.hear(first_bytes)
    assert talk.pace == HEAD


async def test_half_a_head_behind_a_request_waits_for_its_answer(talk: Talk) -> None:
    talk.hear(GET + GET[:9])
    await talk.app("start", "more")
    assert talk.pace is None
    await talk.app("end")
    assert talk.pace == HEAD


async def test_a_body_is_owed_until_its_last_byte(talk: Talk) -> None:
    talk.hear(POST % 3)
    before = talk.protocol.expectation()
    talk.hear(b"ab")
    after = talk.protocol.expectation()
    assert before is not None
    assert after is not None
    assert (before.pace, after.pace) == (BODY, BODY)
    assert after.thing is before.thing
    assert after.moved - before.moved == 2
    talk.hear(b"c")
    assert talk.pace is None


async def test_framing_is_no_progress_of_a_body(talk: Talk) -> None:
    talk.hear(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    before = talk.protocol.expectation()
    talk.hear(b"1;extension=endless")
    assert talk.protocol.expectation() == before


async def test_a_body_is_owed_after_an_early_answer_too(talk: Talk) -> None:
    talk.hear(POST % 3)
    await talk.app("start", "end")
    assert talk.pace == BODY
    talk.protocol.give_up("body")
    assert talk.wire.ended == "aborted"
    assert b"408" not in talk.wire.sent


async def test_nothing_is_owed_while_we_do_not_read(talk: Talk) -> None:
    talk.hear(POST % (2 * HIGH_WATER_LIMIT) + bytes(HIGH_WATER_LIMIT + 1))
    assert talk.pace is None
    await talk.app("receive")
    assert talk.pace == BODY


async def test_who_waits_for_permission_owes_nothing(talk: Talk) -> None:
    talk.hear(WAITING % 3)
    assert talk.pace is None
    await talk.app("receive")
    assert talk.pace == BODY


async def test_a_body_behind_an_answer_in_progress_is_left_alone(talk: Talk) -> None:
    talk.hear(GET)
    await talk.app("start", "more")
    talk.hear(POST % 3)
    await talk.app("receive")
    assert talk.pace is None
    await talk.app("end")
    assert talk.pace == BODY


async def test_an_answer_is_owed_only_where_nobody_writes(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    unacknowledged = [1000]
    monkeypatch.setattr(http_protocol, "_unacknowledged", lambda _: unacknowledged[0])
    talk.hear(GET)
    await talk.app("start", "more")
    talk.wire.unsent = 500
    assert talk.pace is None
    talk.protocol.pause_writing()
    before = talk.protocol.expectation()
    assert before is not None
    assert (before.pace, before.moved) == (ANSWER, -1500)
    unacknowledged[0] = 900
    after = talk.protocol.expectation()
    assert after is not None
    assert (after.thing, after.moved) == (before.thing, -1400)
    talk.protocol.resume_writing()
    assert talk.pace is None
    talk.protocol.pause_writing()
    assert talk.protocol.expectation() != after
    talk.protocol.resume_writing()
    await talk.app("end")
    assert talk.pace == ANSWER
    talk.wire.close()
    assert talk.pace == ANSWER
    talk.protocol.give_up("answer")
    assert talk.wire.ended == "aborted"


async def test_the_rest_of_a_connection_being_closed_is_owed(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "_unacknowledged", lambda _: 0)
    talk.hear(POST % 3)
    await talk.app("start", "more")
    talk.wire.unsent = 500
    talk.wire.close()
    assert talk.pace == ANSWER
    talk.wire.unsent = 0
    assert talk.pace is None


async def test_a_stalled_body_is_answered_and_the_application_told(talk: Talk) -> None:
    talk.hear(POST % 3 + b"a")
    await talk.app("receive", "receive")
    talk.protocol.give_up("body")
    await talk.app()
    assert [message["type"] for message in talk.heard] == ["http.request", "http.disconnect"]
    head, _, body = talk.wire.sent.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b"\r\ncontent-type: application/problem+json\r\n" in head
    assert head.endswith(b"connection: close")
    assert b'"code":"request_too_slow"' in body
    assert talk.wire.ended == "closed"
    await talk.app("start", "end")
    assert talk.wire.sent == head + b"\r\n\r\n" + body


async def test_half_a_head_gets_a_word_and_silence_none(talk: Talk) -> None:
    talk.hear(GET[:9])
    talk.protocol.give_up("head")
    assert talk.wire.sent.startswith(b"HTTP/1.1 408 ")
    assert b"within 10 seconds" in talk.wire.sent
    silent = Talk()
    silent.protocol.give_up("head")
    assert (silent.wire.sent, silent.wire.ended) == (b"", "aborted")
