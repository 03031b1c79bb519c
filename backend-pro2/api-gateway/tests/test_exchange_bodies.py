"""Bodies of requests to services, over real sockets: what is sent, and what ends it."""

import asyncio
from collections.abc import Iterable

import pytest

from shared.errors import BadRequest
from shared.testing.patience import eventually

from .scripted_services import HELLO, MEBIBYTE, Gone, Service, body_of, endless, pool_of, rest, to, whole


@pytest.mark.integration
class TestBody:
    @pytest.mark.parametrize(
        ("pieces", "length", "sent"),
        [
            ((b"abc",), 3, b"abc"),
            ((b"ab", b"", b"c"), 3, b"abc"),
            ((b"abc", b""), 3, b"abc"),
            ((b"abc",), None, b"3\r\nabc\r\n0\r\n\r\n"),
            ((b"", b"abc", b"", b"0123456789abcdef", b""), None, b"3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n"),
            ((b"",), None, b"0\r\n\r\n"),
        ],
    )
    async def test_what_is_sent(self, pieces: Iterable[bytes], length: int | None, sent: bytes) -> None:
        got = []

        async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for _ in range(2):
                await reader.readuntil(b"\r\n\r\n")
                got.append(await reader.readexactly(len(sent)))
                writer.write(HELLO)

        async with pool_of(conversation) as pool:
            for _ in range(2):
                assert await whole(to(pool, "POST", body_of(*pieces), length)) == b"hello"
        assert got == [sent, sent]

    @pytest.mark.parametrize("pieces", [(b"",), (b"ab",), (b"abcd",), (b"ab", b""), (b"ab", b"cd")])
    async def test_none_of_another_length_than_was_said(self, pieces: Iterable[bytes]) -> None:
        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heard.append(await reader.read())

        async def hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(HELLO)
            await silent(reader, writer)

        heard: list[bytes] = []
        async with pool_of(silent) as pool:
            with pytest.raises(BadRequest):
                await whole(to(pool, "POST", body_of(*pieces), 3))
        async with pool_of(hello) as pool:
            await whole(to(pool))
            with pytest.raises(BadRequest):
                await whole(to(pool, "POST", body_of(*pieces), 3))
        await eventually(lambda: len(heard) == 2)
        assert not any(b"GET" in said or b"abcd" in said for said in heard)

    async def test_an_early_answer_arrives_and_ends_the_sending(self) -> None:
        async def early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(HELLO)
            while await reader.read(MEBIBYTE):
                pass

        read: list[int] = []
        async with pool_of(early) as pool:
            async with to(pool, "POST", endless(read), None) as answer:
                assert await rest(answer) == b"hello"
            sent = len(read)
            await asyncio.sleep(0.1)
            assert len(read) <= sent + 1

    async def test_after_an_early_answer_nobody_waits_for_the_client(self) -> None:
        cancelled = asyncio.Event()
        pieces = [b"x"]

        async def stuck() -> tuple[bytes, bool]:
            if pieces:
                return pieces.pop(), True
            try:
                await asyncio.sleep(3600)
            finally:
                cancelled.set()
            return b"", True

        async with pool_of(Service(HELLO)) as pool:
            assert await whole(to(pool, "POST", stuck, 9)) == b"hello"
            await asyncio.wait_for(cancelled.wait(), 30)

    async def test_an_answer_may_begin_before_the_body_ends(self) -> None:
        async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(HELLO[:-5])
            writer.write(await reader.readexactly(5))
            await reader.read()

        said = asyncio.Event()
        pieces = [(b"world", False), (b"", True)]

        async def later() -> tuple[bytes, bool]:
            if len(pieces) == 1:
                await said.wait()
            return pieces.pop()

        async with pool_of(conversation) as pool, to(pool, "POST", later, 5) as answer:
            said.set()
            assert await rest(answer) == b"world"

    async def test_what_the_client_did_reaches_the_caller(self) -> None:
        async def at_once() -> tuple[bytes, bool]:
            raise Gone

        pieces = [b"a", b"b"]

        async def later() -> tuple[bytes, bool]:
            if not pieces:
                raise Gone
            return pieces.pop(), True

        service = Service(HELLO, *[HELLO[:-1]] * 3)
        async with pool_of(service) as pool:
            await whole(to(pool))
            with pytest.raises(Gone):
                await whole(to(pool, "POST", at_once, 1))
            assert service.closed == 0
            with pytest.raises(Gone):
                await whole(to(pool, "POST", later, 1000))
            await eventually(lambda: service.closed == 1)
