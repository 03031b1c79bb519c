"""How answers leave: a head together with its body, and nothing held back."""

import asyncio
from typing import cast

from shared.gathering_transport import LARGEST_HELD_BYTES, GatheringTransport


class Wire:
    """A transport that notes what it was given at once."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.sent.append(data)

    def writelines(self, pieces: tuple[bytes, ...]) -> None:
        self.write(b"".join(pieces))

    def is_closing(self) -> bool:
        return self.closed

    def get_extra_info(self, name: str) -> object:
        return name

    def close(self) -> None:
        self.closed = True


def gathering() -> tuple[GatheringTransport, Wire]:
    wire = Wire()
    return GatheringTransport(cast("asyncio.Transport", wire), asyncio.get_running_loop()), wire


async def test_a_head_leaves_with_its_body() -> None:
    transport, wire = gathering()
    transport.write(b"head ")
    assert wire.sent == []
    transport.write(b"body")
    assert wire.sent == [b"head body"]
    await asyncio.sleep(0)
    assert wire.sent == [b"head body"]


async def test_what_nothing_follows_leaves_with_the_turn() -> None:
    transport, wire = gathering()
    transport.write(b"head")
    await asyncio.sleep(0)
    transport.write(b"event")
    await asyncio.sleep(0)
    assert wire.sent == [b"head", b"event"]


async def test_large_writes_wait_for_nothing() -> None:
    transport, wire = gathering()
    large = bytes(LARGEST_HELD_BYTES + 1)
    transport.write(large)
    transport.write(b"head")
    transport.write(large)
    transport.write(b"a")
    transport.write(b"b")
    assert wire.sent == [large, b"head" + large, b"ab"]


async def test_closing_sends_what_is_held_and_nothing_after() -> None:
    transport, wire = gathering()
    transport.write(b"last")
    transport.close()
    assert (wire.sent, wire.closed, transport.is_closing()) == ([b"last"], True, True)
    await asyncio.sleep(0)
    assert wire.sent == [b"last"]


async def test_what_is_held_for_a_client_that_left_is_dropped() -> None:
    transport, wire = gathering()
    transport.write(b"head")
    wire.closed = True
    await asyncio.sleep(0)
    assert wire.sent == []


async def test_who_left_between_head_and_body_is_written_to_no_more() -> None:
    transport, wire = gathering()
    transport.write(b"head")
    wire.closed = True
    transport.write(b"body")
    transport.write(bytes(LARGEST_HELD_BYTES + 1))
    transport.write(b"head of the next")
    await asyncio.sleep(0)
    assert wire.sent == []
