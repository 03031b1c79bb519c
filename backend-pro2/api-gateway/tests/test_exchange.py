"""Requests to services over real sockets: framing, reuse of connections and repetition."""

import asyncio
import gc

import pytest

from shared.testing.patience import eventually

from ..app.clients.answers import Answer
from ..app.clients.exchange import request
from ..app.clients.pool import Limits
from ..app.core.exceptions import UpstreamUnavailable
from .scripted_services import HELLO, Service, body_of, pool_of, rest, to, whole


class TestRequest:
    def test_head(self) -> None:
        asked = request("GET", b"a:1", "/x?y=%20", [(b"accept", b"caf\xe9"), (b"x-a", b"")])
        assert asked.head == b"GET /x?y=%20 HTTP/1.1\r\nhost: a:1\r\naccept: caf\xe9\r\nx-a: \r\n\r\n"

    @pytest.mark.parametrize(
        ("method", "length", "framing"),
        [
            ("POST", 17, b"content-length: 17"),
            ("GET", 3, b"content-length: 3"),
            ("PUT", None, b"transfer-encoding: chunked"),
        ],
    )
    def test_a_body_is_framed(self, method: str, length: int | None, framing: bytes) -> None:
        assert request(method, b"a", "/", (), body_of(b"x"), length).head.endswith(b"\r\n" + framing + b"\r\n\r\n")

    @pytest.mark.parametrize(("method", "says"), [("POST", True), ("PUT", True), ("GET", False), ("DELETE", False)])
    def test_no_body(self, method: str, says: bool) -> None:
        assert (b"content-length: 0" in request(method, b"a", "/", ()).head) == says

    @pytest.mark.parametrize("evil", ["\r\nx: 1", "\nx: 1", "\rx: 1", "\r\n\r\nGET /y HTTP/1.1\r\n"])
    def test_one_request_never_becomes_two(self, evil: str) -> None:
        for method, path, name, value in (
            ("GET" + evil, "/", "a", "b"),
            ("GET", "/" + evil, "a", "b"),
            ("GET", "/", "a" + evil, "b"),
            ("GET", "/", "a", "b" + evil),
        ):
            with pytest.raises(ValueError, match="line break"):
                request(method, b"a", path, [(name.encode(), value.encode())])


@pytest.mark.integration
class TestReuse:
    async def test_one_connection_serves_one_after_the_other(self) -> None:
        service = Service(*[HELLO] * 3)
        async with pool_of(service) as pool:
            assert [await whole(to(pool)) for _ in range(3)] == [b"hello"] * 3
        assert service.connections == 1

    @pytest.mark.parametrize(
        "line",
        [
            HELLO.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
            HELLO.replace(b"HTTP/1.1", b"HTTP/1.0"),
            HELLO + b"more than was asked for",
        ],
    )
    async def test_not_when_the_service_does_not_keep_to_it(self, line: bytes) -> None:
        service = Service(line, HELLO)
        async with pool_of(service) as pool:
            assert [await whole(to(pool)) for _ in range(2)] == [b"hello"] * 2
        assert service.connections == 2

    async def test_an_answer_nobody_asked_for_is_never_the_next_one(self) -> None:
        async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(HELLO)
            await asyncio.sleep(0.05)
            writer.write(HELLO.replace(b"hello", b"wrong"))
            await reader.read()

        async with pool_of(conversation) as pool:
            assert await whole(to(pool)) == b"hello"
            await asyncio.sleep(0.1)
            assert await whole(to(pool)) == b"hello"

    async def test_a_head_request_leaves_a_clean_connection(self) -> None:
        service = Service(HELLO.removesuffix(b"hello"), HELLO)
        async with pool_of(service) as pool:
            assert await whole(to(pool, "HEAD")) == b""
            assert await whole(to(pool)) == b"hello"
        assert service.connections == 1

    async def test_not_when_the_answer_was_not_read_to_its_end(self) -> None:
        service = Service(HELLO[:-1], HELLO)
        async with pool_of(service) as pool:
            async with to(pool) as answer:
                assert answer.status == 200
            await eventually(lambda: service.closed == 1)
            assert await whole(to(pool)) == b"hello"

    async def test_nothing_is_left_for_the_garbage_collector(self) -> None:
        def answers() -> int:
            return sum(isinstance(it, Answer) for it in gc.get_objects())

        async with pool_of(Service(*[HELLO] * 3)) as pool:
            gc.collect()
            before = answers()
            gc.disable()
            try:
                for _ in range(3):
                    await whole(to(pool))
                assert answers() == before
            finally:
                gc.enable()

    async def test_idle_connections_go(self) -> None:
        service = Service(HELLO, HELLO)
        async with pool_of(service, Limits(4, 0.2, 1, 30, keep_alive=0.1)) as pool:
            await whole(to(pool))
            await eventually(lambda: service.closed == 1)
            assert await whole(to(pool)) == b"hello"

    async def test_at_most_so_many_and_a_freed_place_is_handed_on(self) -> None:
        service = Service(*[HELLO] * 6)
        async with pool_of(service, Limits(2, 0.2, 1, 30, 4)) as pool:
            async with to(pool) as first, to(pool):
                with pytest.raises(UpstreamUnavailable):
                    await whole(to(pool))
                waiting = asyncio.create_task(whole(to(pool)))
                await asyncio.sleep(0.05)
                await rest(first)
            assert await waiting == b"hello"
            assert await asyncio.gather(*(whole(to(pool)) for _ in range(3))) == [b"hello"] * 3
        assert service.connections <= 3


@pytest.mark.integration
class TestRepetition:
    async def test_what_the_service_closed_meanwhile_is_not_used(self) -> None:
        async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(HELLO)

        async with pool_of(once) as pool:
            for _ in range(3):
                assert await whole(to(pool, "POST", body_of(b"x"), 1)) == b"hello"
                await asyncio.sleep(0.05)

    async def test_a_kept_connection_that_ends_unanswered_is_replaced_once(self) -> None:
        service = Service(HELLO, b"", HELLO)
        async with pool_of(service) as pool:
            await whole(to(pool))
            assert await whole(to(pool)) == b"hello"
        assert (service.connections, len(service.requests)) == (2, 3)

    async def test_once_only(self) -> None:
        service = Service(HELLO, b"", b"")
        async with pool_of(service) as pool:
            await whole(to(pool))
            with pytest.raises(UpstreamUnavailable):
                await whole(to(pool))
        assert len(service.requests) == 3

    @pytest.mark.parametrize(("method", "body"), [("POST", None), ("PUT", b"x"), ("POST", b"x")])
    async def test_never_what_may_have_been_done(self, method: str, body: bytes | None) -> None:
        service = Service(HELLO, b"")
        async with pool_of(service) as pool:
            await whole(to(pool))
            with pytest.raises(UpstreamUnavailable):
                await whole(to(pool, method, body_of(body) if body else None, 1))
        assert len(service.requests) == 2

    async def test_never_after_the_first_byte_of_an_answer(self) -> None:
        async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(HELLO)
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP")

        async with pool_of(conversation) as pool:
            await whole(to(pool))
            with pytest.raises(UpstreamUnavailable):
                await whole(to(pool))

    async def test_never_on_a_new_connection(self) -> None:
        service = Service(b"", HELLO)
        async with pool_of(service) as pool:
            with pytest.raises(UpstreamUnavailable):
                await whole(to(pool))

    async def test_a_connection_lost_while_the_client_was_slow_is_replaced(self) -> None:
        async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(HELLO)
            await asyncio.sleep(0.1)

        async def slow() -> tuple[bytes, bool]:
            await asyncio.sleep(0.3)
            return b"x", False

        async with pool_of(once) as pool:
            await whole(to(pool))
            assert await whole(to(pool, "POST", slow, 1)) == b"hello"
