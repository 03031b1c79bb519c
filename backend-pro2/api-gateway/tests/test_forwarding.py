"""The forwarder between real sockets: client, gateway behind uvicorn, service behind uvicorn."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest

from .servers import Conversation, Start, serving, talking
from .upstream_app import CHUNK, CHUNKS_IN_64_MIB, Upstream

pytestmark = pytest.mark.integration

DATA, AI = "/api/v1/datasets", "/api/v1/tasks"
LARGE = CHUNK * CHUNKS_IN_64_MIB
LARGE_DIGEST = hashlib.sha256(LARGE).hexdigest()


@pytest.fixture
async def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
async def client(start: Start, upstream: Upstream) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(upstream) as url:
        yield await start(data=url, ai=url)


async def raw(client: httpx.AsyncClient, request: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A request written byte by byte as given."""
    url = urlsplit(str(client.base_url))
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.write(request)
    return reader, writer


class TestHead:
    async def test_what_the_service_sees(self, client: httpx.AsyncClient) -> None:
        sent = {
            "Authorization": "Bearer x",
            "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "X-Request-ID": "mine-1",
            "X-Forwarded-For": "203.0.113.9",
            "X-Forwarded-Prefix": "/evil",
            "X-Forwarded-Host": "evil.example",
            "Host": "evil.example",
            "Connection": "X-Secret",
            "X-Secret": "1",
            "Accept": "text/x",
        }
        answer = await client.get(f"{DATA}/%C3%A9/echo?q=a%20b&q=%2F&empty=", headers=sent)
        seen = answer.json()
        headers = dict(seen["headers"])
        assert (seen["path"], seen["query"]) == ("/manage/datasets/%C3%A9/echo", "q=a%20b&q=%2F&empty=")
        assert headers["authorization"] == "Bearer x"
        assert headers["traceparent"] == sent["traceparent"]
        assert headers["x-request-id"] == answer.headers["x-request-id"] == "mine-1"
        assert headers["x-forwarded-for"] == "127.0.0.1"
        assert headers["x-forwarded-prefix"] == "/api/v1"
        assert headers["accept"] == "text/x"
        assert headers["host"].startswith("127.0.0.1:")
        assert headers.keys().isdisjoint({"x-secret", "x-forwarded-host", "connection", "content-length"})
        assert len(seen["headers"]) == len(headers)

    @pytest.mark.parametrize("named", ["00-0-0-01", "ff-" + "a" * 32 + "-" + "b" * 16 + "-01", "x\tname: y"])
    async def test_a_trace_that_is_none_is_not_passed_on(self, client: httpx.AsyncClient, named: str) -> None:
        seen = (await client.get(f"{DATA}/echo", headers={"traceparent": named})).json()
        assert "traceparent" not in dict(seen["headers"])

    async def test_what_the_client_sees(self, client: httpx.AsyncClient) -> None:
        answer = await client.get(f"{AI}/cookies")
        names = [name for name, _ in answer.headers.multi_items()]
        assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
        assert all(names.count(name) == 1 for name in ("date", "server", "x-request-id", "ratelimit"))
        assert answer.headers["x-request-id"] != "other"
        assert "x-hop" not in names

    @pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
    async def test_methods(self, client: httpx.AsyncClient, method: str) -> None:
        body = b"" if method in ("GET", "DELETE", "OPTIONS") else b"12345"
        seen = (await client.request(method, f"{AI}/echo", content=body)).json()
        assert (seen["method"], seen["body"]) == (method, len(body))

    async def test_head_204_and_304_have_no_body(self, client: httpx.AsyncClient) -> None:
        head = await client.head(f"{AI}/echo")
        assert (head.status_code, head.content) == (200, b"")
        assert int(head.headers["content-length"]) > 0
        for path, status in (("nothing", 204), ("unchanged", 304)):
            answer = await client.get(f"{AI}/{path}")
            assert (answer.status_code, answer.content) == (status, b"")
        assert (await client.get(f"{AI}/echo")).status_code == 200

    async def test_one_that_is_too_long_with_what_is_added_is_refused(self, client: httpx.AsyncClient) -> None:
        # A space more for each field.
        fields = b"".join(b"x-%d:\r\n" % number for number in range(7200))
        reader, writer = await raw(client, b"GET %b/echo HTTP/1.1\r\nHost: x\r\n%b\r\n" % (DATA.encode(), fields))
        said = await reader.readuntil(b"}")
        writer.close()
        assert said.startswith(b"HTTP/1.1 431 ")
        assert b'"code":"headers_too_large"' in said

    async def test_redirects_are_the_clients_business(self, client: httpx.AsyncClient) -> None:
        answer = await client.get(f"{AI}/moved")
        assert (answer.status_code, answer.headers["location"]) == (307, "/tasks/echo")

    @pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "MKCOL"])
    async def test_other_methods(self, client: httpx.AsyncClient, upstream: Upstream, method: str) -> None:
        answer = await client.request(method, f"{AI}/echo")
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
        assert "PATCH" in answer.headers["allow"]
        assert upstream.requests == 0


class TestBytes:
    async def test_64_mib_up_with_and_without_length(self, client: httpx.AsyncClient) -> None:
        async def pieces() -> AsyncIterator[bytes]:
            for start in range(0, len(LARGE), 1_000_003):
                yield LARGE[start : start + 1_000_003]

        for content in (LARGE, pieces()):
            answer = await client.post(f"{DATA}/digest", content=content)
            assert answer.text == LARGE_DIGEST

    async def test_64_mib_down(self, client: httpx.AsyncClient) -> None:
        digest = hashlib.sha256()
        async with client.stream("GET", f"{DATA}/large") as answer:
            async for chunk in answer.aiter_raw():
                digest.update(chunk)
        assert digest.hexdigest() == LARGE_DIGEST

    async def test_slow_reader_slows_the_service(self, client: httpx.AsyncClient, upstream: Upstream) -> None:
        async with client.stream("GET", f"{DATA}/large") as answer:
            await asyncio.sleep(1)
            assert upstream.chunks_sent < CHUNKS_IN_64_MIB / 2
            assert sum([len(chunk) async for chunk in answer.aiter_raw()]) == len(LARGE)

    async def test_first_event_arrives_before_the_stream_ends(
        self, client: httpx.AsyncClient, upstream: Upstream
    ) -> None:
        async with client.stream("GET", f"{AI}/events", headers={"Accept": "text/event-stream"}) as answer:
            events = answer.aiter_raw()
            assert await anext(events) == b"data: 1\n\n"
            upstream.proceed.set()
            assert await anext(events) == b"data: 2\n\n"
        await asyncio.wait_for(upstream.disconnected.wait(), 30)

    async def test_answer_before_the_body_is_read(self, client: httpx.AsyncClient) -> None:
        answer = await client.post(f"{DATA}/early", content=LARGE)
        assert (answer.status_code, answer.text) == (413, "too large")
        assert (await client.post(f"{DATA}/digest", content=b"")).status_code == 200

    async def test_expect_continue_is_answered_when_the_service_reads(self, client: httpx.AsyncClient) -> None:
        head = b"POST /api/v1/tasks/echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
        reader, writer = await raw(client, head)
        assert (await reader.readline()).startswith(b"HTTP/1.1 100")
        await reader.readline()
        writer.write(b"abc")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()

    @pytest.mark.parametrize("chunked", [False, True])
    async def test_upload_over_the_limit(self, start: Start, upstream: Upstream, chunked: bool) -> None:
        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(64):
                yield CHUNK

        async with serving(upstream) as url:
            client = await start(data=url, max_upload_bytes=1024)
            answer = await client.post(f"{DATA}/digest", content=pieces() if chunked else CHUNK * 64)
        assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")


class TestClientLeaves:
    async def test_while_waiting(self, client: httpx.AsyncClient, upstream: Upstream) -> None:
        _, writer = await raw(client, b"GET /api/v1/tasks/wait HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(0.3)
        writer.close()
        await asyncio.wait_for(upstream.disconnected.wait(), 30)

    async def test_in_the_middle_of_an_upload(self, client: httpx.AsyncClient, upstream: Upstream) -> None:
        head = b"POST /api/v1/datasets/digest HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
        _, writer = await raw(client, head + b"x" * 1000)
        await asyncio.sleep(0.3)
        writer.close()
        await asyncio.wait_for(upstream.disconnected.wait(), 30)

    async def test_after_the_upload(self, client: httpx.AsyncClient, upstream: Upstream) -> None:
        _, writer = await raw(client, b"POST /api/v1/tasks/wait HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
        await asyncio.sleep(0.3)
        writer.close()
        await asyncio.wait_for(upstream.disconnected.wait(), 30)


class TestServiceFails:
    async def check_unavailable(self, client: httpx.AsyncClient, path: str, service: str) -> None:
        answer = await client.get(path)
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (503, "upstream_unavailable")
        assert service in problem["detail"]
        assert int(answer.headers["retry-after"]) >= 1
        assert problem["request_id"] == answer.headers["x-request-id"]

    async def test_refused_then_back(self, start: Start, upstream: Upstream) -> None:
        async with serving(upstream) as url:
            client = await start(data=url)
            assert (await client.get(f"{DATA}/echo")).status_code == 200
            await self.check_unavailable(client, f"{AI}/echo", "ai-service")
        await self.check_unavailable(client, f"{DATA}/echo", "data-service")

    async def test_upload_to_a_service_that_is_away(self, start: Start) -> None:
        client = await start()
        answer = await client.post(f"{DATA}/digest", content=b"x" * 100_000)
        assert (answer.status_code, answer.json()["code"]) == (503, "upstream_unavailable")

    @pytest.mark.parametrize("says", [b"", b"rubbish\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Le"])
    async def test_ends_before_the_head(self, start: Start, says: bytes) -> None:
        async with talking(saying(says)) as url:
            await self.check_unavailable(await start(ai=url), f"{AI}/x", "ai-service")

    @pytest.mark.parametrize(
        "says",
        [
            b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        ],
    )
    async def test_dies_in_the_middle_and_nobody_takes_it_for_the_end(self, start: Start, says: bytes) -> None:
        async with talking(saying(says)) as url:
            client = await start(ai=url)
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get(f"{AI}/x")

    async def test_an_answer_without_length_ends_with_the_connection(self, start: Start) -> None:
        async with talking(saying(b"HTTP/1.0 200 OK\r\n\r\nall of it")) as url:
            answer = await (await start(ai=url)).get(f"{AI}/x")
        assert (answer.status_code, answer.text) == (200, "all of it")

    async def test_a_header_line_cannot_become_two(self, start: Start) -> None:
        says = b"HTTP/1.1 200 OK\r\nX-A: 1\rSet-Cookie: evil=1\r\nContent-Length: 0\r\n\r\n"
        async with talking(saying(says)) as url:
            await self.check_unavailable(await start(ai=url), f"{AI}/x", "ai-service")

    async def test_no_second_try_with_a_body(self, start: Start) -> None:
        tries = 0

        async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal tries
            tries += 1
            await reader.read(1000)

        async with talking(hang_up) as url:
            client = await start(ai=url)
            assert (await client.put(f"{AI}/x", content=b"abc")).status_code == 503
        assert tries == 1


def saying(words: bytes) -> Conversation:
    """A conversation that reads a request, says these words and hangs up."""

    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(words)
        await writer.drain()

    return conversation


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\nHost: x\r\n\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\nHost: x\r\n\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"Content-Length: -1\r\n\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    ],
)
async def test_smuggling(client: httpx.AsyncClient, upstream: Upstream, framing: bytes) -> None:
    reader, writer = await raw(client, b"POST /api/v1/tasks/echo HTTP/1.1\r\nHost: x\r\n" + framing)
    said = await asyncio.wait_for(reader.read(), 30)
    writer.close()
    assert said.startswith(b"HTTP/1.1 400")
    assert said.count(b"HTTP/1.1 ") == 1
    assert upstream.requests == 0


async def test_many_at_once(client: httpx.AsyncClient, upstream: Upstream) -> None:
    answers = await asyncio.gather(*(client.post(f"{AI}/echo", content=b"x" * n) for n in range(100)))
    assert [answer.json()["body"] for answer in answers] == list(range(100))
