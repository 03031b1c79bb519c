"""Connections to services under strain: back-pressure both ways, silence, giving up."""

import asyncio

import pytest

from shared.testing.patience import eventually

from ..app.clients.answers import BrokenAnswer
from ..app.clients.connections import READ_AHEAD_BYTES, WRITE_AHEAD_BYTES, Connection
from ..app.clients.pool import Limits
from ..app.core.exceptions import UpstreamUnavailable
from .scripted_services import ENOUGH, HELLO, MEBIBYTE, Gone, Service, endless, pool_of, rest, to, whole


@pytest.mark.integration
class TestBackPressure:
    async def test_a_slow_reader_holds_the_service_back(self) -> None:
        written = 0

        async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal written
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (ENOUGH * MEBIBYTE))
            for _ in range(ENOUGH):
                writer.write(bytes(MEBIBYTE))
                await writer.drain()
                written += 1

        async with pool_of(conversation) as pool, to(pool) as answer:
            await asyncio.sleep(0.3)
            assert written < ENOUGH / 2
            piece, _ = await answer.read()
            assert len(piece) <= 2 * READ_AHEAD_BYTES
            assert len(piece) + len(await rest(answer)) == ENOUGH * MEBIBYTE

    async def test_a_service_that_does_not_read_holds_the_client_back(self) -> None:
        read: list[int] = []
        go_on = asyncio.Event()

        async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            await go_on.wait()
            for _ in range(ENOUGH):
                await reader.readexactly(32 * 1024)
            writer.write(HELLO)
            await reader.read()

        async with pool_of(conversation) as pool:
            asking = asyncio.create_task(whole(to(pool, "POST", endless(read), 2 * ENOUGH * MEBIBYTE)))
            await asyncio.sleep(0.3)
            assert WRITE_AHEAD_BYTES < sum(read) < ENOUGH * MEBIBYTE / 2
            go_on.set()
            assert await asking == b"hello"


class Nowhere(asyncio.Transport):
    """Takes everything and leads nowhere."""

    def write(self, data: object) -> None:
        pass

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def abort(self) -> None:
        pass


class TestSilenceClock:
    async def test_a_pause_of_the_reader_is_not_the_services_silence(self) -> None:
        connection = Connection(lambda _: None)
        connection.connection_made(Nowhere())
        connection.start(b"", to_head_request=False, last=True)
        connection.data_received(HELLO[:-2])
        await connection.head()
        await connection.read()
        # Nothing is asked of the service in the meantime, which may well have been told to stop.
        await asyncio.sleep(0.15)
        connection.fail_if_silent(0.1)
        reading = asyncio.create_task(connection.read())
        await asyncio.sleep(0)
        connection.fail_if_silent(0.1)
        assert connection.failure is None
        await asyncio.sleep(0.15)
        connection.fail_if_silent(0.1)
        with pytest.raises(BrokenAnswer, match="silent"):
            await reading


BRIEF = Limits(4, 0.2, 1, silence=0.2, keep_alive=4)


@pytest.mark.integration
class TestSilence:
    async def test_before_the_head(self) -> None:
        async def deaf(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
            await reader.read()

        async with pool_of(deaf, BRIEF) as pool:
            with pytest.raises(UpstreamUnavailable):
                await whole(to(pool))

    async def test_in_the_middle_of_a_body(self) -> None:
        async with pool_of(Service(HELLO[:-1]), BRIEF) as pool, to(pool) as answer:
            with pytest.raises(BrokenAnswer, match="silent"):
                await rest(answer)

    async def test_when_the_service_takes_nothing_more(self) -> None:
        async def deaf(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(1)

        async with pool_of(deaf, BRIEF) as pool:
            with pytest.raises(UpstreamUnavailable):
                await whole(to(pool, "POST", endless([]), None))

    async def test_a_slow_client_is_not_a_silent_service(self) -> None:
        async def slow() -> tuple[bytes, bool]:
            await asyncio.sleep(0.6)
            return b"x", bool(left.pop())

        async def patient(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            await reader.readuntil(b"\r\n0\r\n\r\n")
            writer.write(HELLO)

        left = [False, True, True]
        async with pool_of(patient, BRIEF) as pool, to(pool, "POST", slow, None) as answer:
            await asyncio.sleep(0.6)
            assert await rest(answer) == b"hello"


@pytest.mark.integration
class TestGivingUp:
    async def test_abandoned_while_waiting(self) -> None:
        service = Service(b"HTTP/1.1 100 Continue\r\n\r\n")
        async with pool_of(service) as pool:
            exchange = to(pool)
            asyncio.get_running_loop().call_later(0.1, exchange.abandon, Gone())
            with pytest.raises(Gone):
                await whole(exchange)
            await eventually(lambda: service.closed == 1)

    async def test_abandoned_before_it_was_sent(self) -> None:
        service = Service()
        async with pool_of(service) as pool:
            exchange = to(pool)
            exchange.abandon(Gone())
            with pytest.raises(Gone):
                await whole(exchange)
        assert service.requests == []

    async def test_cancelled_while_waiting(self) -> None:
        async def stuck() -> tuple[bytes, bool]:
            if pieces:
                return pieces.pop(), True
            await asyncio.sleep(3600)
            raise AssertionError

        pieces = [b"x"]
        service = Service(b"HTTP/1.1 100 Continue\r\n\r\n")
        async with pool_of(service, Limits(1, 0.2, 1, 30, 4)) as pool:
            asking = asyncio.create_task(whole(to(pool, "POST", stuck, 10)))
            await eventually(lambda: len(service.requests) == 1)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await eventually(lambda: service.closed == 1)
            service.lines = [HELLO]
            assert await whole(to(pool)) == b"hello"

    async def test_nobody_waits_for_a_closed_pool(self) -> None:
        async with pool_of(Service(b"HTTP/1.1 100 Continue\r\n\r\n")) as pool:
            asking = asyncio.create_task(whole(to(pool)))
            await asyncio.sleep(0.1)
            pool.close()
            with pytest.raises(UpstreamUnavailable):
                await asking
            with pytest.raises(UpstreamUnavailable):
                await whole(to(pool))

    async def test_whoever_stops_waiting_takes_nobodys_turn(self) -> None:
        async with pool_of(Service(*[HELLO] * 3), Limits(1, 2, 1, 30, 4)) as pool:
            async with to(pool) as first:
                waiting = [asyncio.create_task(whole(to(pool))) for _ in range(2)]
                await asyncio.sleep(0.05)
                await rest(first)
            waiting[0].cancel()
            assert await asyncio.wait_for(waiting[1], 30) == b"hello"
