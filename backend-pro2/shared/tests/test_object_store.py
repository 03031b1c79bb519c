"""The object store, on a real server and through a proxy that takes it away."""

import asyncio
import hashlib
import os
import time
import tracemalloc
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psutil
import pytest
from pydantic import SecretStr

from shared.config import Settings
from shared.errors import ServiceUnavailable
from shared.object_store import ObjectStore
from shared.object_store.errors import MissingObject
from shared.object_store.http import SignedHttp
from shared.testing.proxy import Proxy

pytestmark = pytest.mark.integration

MEBIBYTE = 1024 * 1024
PART = 8 * MEBIBYTE


async def stream(size: int, piece: int = MEBIBYTE) -> AsyncIterator[bytes]:
    for start in range(0, size, piece):
        yield bytes([start // piece % 251]) * min(piece, size - start)


async def collect(store: ObjectStore, key: str, start: int = 0) -> bytes:
    return b"".join([chunk async for chunk in store.get_stream(key, start=start)])


async def keys(store: ObjectStore, prefix: str = "") -> list[str]:
    return [entry.key async for entry in store.list(prefix)]


async def is_clean(store: ObjectStore) -> bool:
    """Whether the bucket can be removed: parts of an unfinished upload would keep it."""
    try:
        await store.remove_bucket()
    except ServiceUnavailable:
        return False
    await store.ensure_bucket()
    return True


class TestPut:
    @pytest.mark.parametrize("size", [0, 1, PART, PART + 1, 2 * PART, 3 * PART + 12345])
    async def test_what_went_in_comes_out(self, object_store: ObjectStore, size: int) -> None:
        whole = b"".join([chunk async for chunk in stream(size)])
        stored = await object_store.put_stream("p/d/x", stream(size))
        assert (stored.key, stored.bytes, stored.sha256) == ("p/d/x", size, hashlib.sha256(whole).hexdigest())
        assert await object_store.stat("p/d/x") == size
        assert await collect(object_store, "p/d/x") == whole

    async def test_the_first_object_makes_the_bucket(self, settings: Settings) -> None:
        store = ObjectStore(settings.model_copy(update={"s3_bucket": f"test-{uuid4().hex}"}))
        await store.put_bytes("p/d/first", b"1")
        assert await collect(store, "p/d/first") == b"1"
        await store.remove("p/d/first")
        await store.remove_bucket()
        await store.close()

    async def test_a_file_and_bytes(self, object_store: ObjectStore, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_bytes(os.urandom(3 * MEBIBYTE))
        assert (await object_store.put_file("p/file", path)).bytes == 3 * MEBIBYTE
        assert await collect(object_store, "p/file") == path.read_bytes()
        assert (await object_store.put_bytes("p/bytes", b"hello")).bytes == 5

    @pytest.mark.parametrize("after", [MEBIBYTE, 20 * MEBIBYTE])
    async def test_an_upload_cut_in_the_middle_leaves_nothing(self, object_store: ObjectStore, after: int) -> None:
        async def cut() -> AsyncIterator[bytes]:
            async for chunk in stream(after):
                yield chunk
            raise ConnectionResetError("the client went away")

        with pytest.raises(ConnectionResetError):
            await object_store.put_stream("p/cut", cut())
        assert await object_store.stat("p/cut") is None
        assert await is_clean(object_store)

    async def test_a_cancelled_upload_leaves_nothing(self, object_store: ObjectStore) -> None:
        reached = asyncio.Event()

        async def endless() -> AsyncIterator[bytes]:
            async for chunk in stream(20 * MEBIBYTE):
                yield chunk
            reached.set()
            await asyncio.sleep(60)

        upload = asyncio.create_task(object_store.put_stream("p/endless", endless()))
        await reached.wait()
        upload.cancel()
        with pytest.raises(asyncio.CancelledError):
            await upload
        assert await object_store.stat("p/endless") is None
        assert await is_clean(object_store)

    async def test_the_check_above_notices_parts(self, object_store: ObjectStore) -> None:
        await object_store.open()
        _, body = await object_store._transfer.send("POST", "p/open", {"uploads": ""})
        query = {"partNumber": "1", "uploadId": body.partition(b"<UploadId>")[2].partition(b"<")[0].decode()}
        await object_store._transfer.put("p/open", b"x", query)
        assert not await is_clean(object_store)
        await object_store._transfer.send("DELETE", "p/open", {"uploadId": query["uploadId"]})
        # rclone leaves the folder of an aborted upload to whoever removes a key in it.
        await object_store.remove("p/open")
        assert await is_clean(object_store)

    async def test_memory_stays_at_two_parts(self, object_store: ObjectStore) -> None:
        await object_store.put_bytes("p/warm", b"x")
        tracemalloc.start()
        await object_store.put_stream("p/big", stream(100 * MEBIBYTE))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2.5 * PART


class TestRead:
    async def test_from_the_middle(self, object_store: ObjectStore) -> None:
        await object_store.put_bytes("p/x", b"0123456789")
        assert await collect(object_store, "p/x", start=7) == b"789"

    async def test_what_is_missing(self, object_store: ObjectStore) -> None:
        assert await object_store.stat("p/none") is None
        with pytest.raises(MissingObject):
            await collect(object_store, "p/none")

    async def test_a_signed_url_works_without_credentials(self, object_store: ObjectStore) -> None:
        await object_store.put_bytes("p/x", b"0123456789")
        url = object_store.presigned_get("p/x", 60)
        answer = await asyncio.to_thread(lambda: urllib.request.urlopen(url).read())  # noqa: S310 - our own server
        assert answer == b"0123456789"

    async def test_listing_and_removing(self, object_store: ObjectStore) -> None:
        for key in ("a/1", "a/2", "b/1"):
            await object_store.put_bytes(key, key.encode())
        assert await keys(object_store, "a/") == ["a/1", "a/2"]
        await object_store.remove("a/1", "b/1", "never/was")
        assert await keys(object_store) == ["a/2"]


class TestAway:
    async def test_every_call_says_so_soon(self, settings: Settings) -> None:
        store = ObjectStore(settings.model_copy(update={"s3_endpoint_url": "http://127.0.0.1:1"}))
        calls: list[Callable[[], Awaitable[object]]] = [store.ping, store.ensure_bucket]
        calls += [lambda: store.stat("x"), lambda: store.remove("x")]
        calls += [lambda: collect(store, "x"), lambda: store.put_bytes("x", b""), lambda: keys(store)]
        for call in calls:
            started = time.monotonic()
            with pytest.raises(ServiceUnavailable):
                await call()
            assert time.monotonic() - started < 15
        await store.close()

    async def test_its_refusals_are_its_failure_too(self, settings: Settings) -> None:
        store = ObjectStore(settings.model_copy(update={"s3_secret_key": SecretStr("not-the-secret")}))
        calls: list[Callable[[], Awaitable[object]]] = [lambda: store.put_bytes("x", b"y"), lambda: keys(store)]
        for call in calls:
            with pytest.raises(ServiceUnavailable):
                await call()
        await store.close()

    @pytest.mark.parametrize(
        ("answer", "call"),
        [
            (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nLast-Modified: Thu, 26", lambda store: store.stat("x")),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<ListBuck", keys),
            (b"HTTP/1.1 2", keys),
        ],
    )
    async def test_an_answer_cut_short_is_its_failure(
        self, settings: Settings, answer: bytes, call: Callable[[ObjectStore], Awaitable[object]]
    ) -> None:
        async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(cut, "127.0.0.1", 0) as server:
            url = "http://{}:{}".format(*server.sockets[0].getsockname())
            store = ObjectStore(settings.model_copy(update={"s3_endpoint_url": url}))
            with pytest.raises(ServiceUnavailable):
                await call(store)
            await store.close()

    async def test_a_body_cut_short_is_no_success(self, settings: Settings, object_store: ObjectStore) -> None:
        await object_store.put_stream("p/x", stream(3 * MEBIBYTE))
        async with Proxy.before(settings.s3_endpoint_url) as (proxy, url):
            store = ObjectStore(settings.model_copy(update={"s3_endpoint_url": url}))
            received = 0
            with pytest.raises(ServiceUnavailable):
                async for chunk in store.get_stream("p/x"):
                    received += len(chunk)
                    if received > MEBIBYTE:
                        proxy.cut()
            await store.close()
        assert received < 3 * MEBIBYTE

    async def test_a_store_lost_during_an_upload(self, settings: Settings, object_store: ObjectStore) -> None:
        async with Proxy.before(settings.s3_endpoint_url) as (proxy, url):
            store = ObjectStore(settings.model_copy(update={"s3_endpoint_url": url}))

            async def failing() -> AsyncIterator[bytes]:
                async for chunk in stream(40 * MEBIBYTE):
                    yield chunk
                    if chunk[0] == 20:
                        proxy.cut()

            with pytest.raises(ServiceUnavailable):
                await store.put_stream("p/lost", failing())
            await store.close()
        assert await object_store.stat("p/lost") is None

    async def test_a_silent_one_is_given_its_time_once(self, settings: Settings) -> None:
        asked = 0

        def listen(_: bytes) -> bytes:
            nonlocal asked
            asked += 1
            return b""

        async with Proxy.before(settings.s3_endpoint_url) as (proxy, url):
            proxy.upstream = listen
            http = SignedHttp(lambda *_: f"{url}/bucket/key", silence_seconds=0.2)
            with pytest.raises(ServiceUnavailable):
                await http.put("key", b"", {})
            await http.close()
        assert asked == 1

    async def test_a_hiccup_is_bridged(self, settings: Settings, object_store: ObjectStore) -> None:
        async with Proxy.before(settings.s3_endpoint_url) as (proxy, url):
            store = ObjectStore(settings.model_copy(update={"s3_endpoint_url": url}))

            async def bumpy() -> AsyncIterator[bytes]:
                async for chunk in stream(40 * MEBIBYTE):
                    yield chunk
                    if chunk[0] == 20:
                        proxy.cut()
                        asyncio.get_running_loop().call_later(0.1, proxy.restore)

            stored = await store.put_stream("p/bumpy", bumpy())
            await store.close()
        whole = b"".join([chunk async for chunk in stream(40 * MEBIBYTE)])
        assert stored.sha256 == hashlib.sha256(await collect(object_store, "p/bumpy")).hexdigest()
        assert stored.sha256 == hashlib.sha256(whole).hexdigest()


async def test_closing_leaves_no_connection_and_it_may_be_used_again(settings: Settings) -> None:
    port = urlsplit(settings.s3_endpoint_url).port
    store = ObjectStore(settings)
    for _ in range(2):
        assert await keys(store, "absent/") == []
        assert await store.stat("p/absent") is None
        await store.close()
        assert [link for link in psutil.Process().net_connections() if link.raddr and link.raddr.port == port] == []
