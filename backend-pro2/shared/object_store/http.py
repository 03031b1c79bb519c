"""Bytes to and from the object store: plain HTTP over presigned URLs with unsigned payloads, streamed."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING

from shared.metrics.object_store import IN, OUT
from shared.object_store.errors import MissingObject, StoreRefused, away, refusal
from shared.object_store.measuring import Asking

if TYPE_CHECKING:
    import aiohttp

# (method, key, query parameters) -> URL
Signer = Callable[[str, str, Mapping[str, str]], str]

SLICE_BYTES = 256 * 1024
TRIES = 3
PAUSE_SECONDS = 0.2
SILENCE_SECONDS = 30.0


class SignedHttp:
    """Sends signed requests for objects of one bucket; belongs to the event loop that made it."""

    def __init__(self, sign: Signer, silence_seconds: float = SILENCE_SECONDS) -> None:
        # Importing aiohttp costs 0.2 s: a service that never touches the store must not pay for it at its start.
        import aiohttp

        self._sign = sign
        self._failures = (aiohttp.ClientError, TimeoutError, OSError)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=64),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=2, sock_read=silence_seconds),
            skip_auto_headers=("Content-Type", "User-Agent"),
            auto_decompress=False,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def put(self, key: str, data: bytes | bytearray, query: Mapping[str, str]) -> str:
        """Store `data`, which is at hand and may therefore be sent again after a failure; returns the ETag."""
        for attempt in range(1, TRIES):
            try:
                return (await self._put(key, data, query)).get("ETag", "")
            except StoreRefused as error:
                if error.status < 500:
                    raise
            except TimeoutError as error:
                # A silent store has had its time; three times that is longer than the caller of an upload waits.
                raise away("PUT", error) from error
            except self._failures:
                pass
            await asyncio.sleep(PAUSE_SECONDS * 2**attempt)
        return (await self.send("PUT", key, query, data))[0].get("ETag", "")

    async def _put(self, key: str, data: bytes | bytearray, query: Mapping[str, str]) -> Mapping[str, str]:
        with Asking("put"):
            async with self._request("PUT", key, query, data) as answer:
                await self._check(answer)
        IN.inc(len(data))
        return answer.headers.copy()

    async def send(
        self, method: str, key: str, query: Mapping[str, str], data: bytes | bytearray = b""
    ) -> tuple[Mapping[str, str], bytes]:
        """One request; headers and body of its answer.

        Raises:
            StoreRefused: an error status, or S3's "200 with an error inside".
            ServiceUnavailable: no usable answer.
        """
        try:
            with Asking(method):
                async with self._request(method, key, query, data) as answer:
                    await self._check(answer)
                    body = await answer.read()
        except self._failures as error:
            raise away(method, error) from error
        if method == "PUT":
            IN.inc(len(data))
        return answer.headers.copy(), body

    async def read(self, key: str, start: int) -> AsyncIterator[bytes]:
        """The object's bytes from `start` on, exactly as many as the store announced.

        Raises:
            MissingObject: there is no such object.
            ServiceUnavailable: the store failed, also in the middle.
        """
        headers = {"Range": f"bytes={start}-"} if start else {}
        try:
            with Asking("get") as asking:
                url = self._sign("GET", key, {})
                async with self._session.get(url, headers=headers, allow_redirects=False) as answer:
                    await self._check(answer)
                    _check_range(answer, start)
                    async for chunk in answer.content.iter_any():
                        OUT.inc(len(chunk))
                        asking.pause()
                        yield chunk
                        asking.resume()
        except StoreRefused as error:
            raise _read_failure(error) from error
        except self._failures as error:
            raise away("GET", error) from error

    def _request(
        self, method: str, key: str, query: Mapping[str, str], data: bytes | bytearray
    ) -> "aiohttp.client._RequestContextManager":
        headers = {"Content-Length": str(len(data))}
        url = self._sign(method, key, query)
        return self._session.request(
            method, url, data=_slices(data) if data else None, headers=headers, allow_redirects=False
        )

    async def _check(self, answer: "aiohttp.ClientResponse") -> None:
        if answer.status not in (200, 204, 206):
            raise refusal(answer.status, await answer.content.read(4096))


def _check_range(answer: "aiohttp.ClientResponse", start: int) -> None:
    # By the header, not the status: rclone answers 200 to a range that it honours.
    if start and not answer.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
        raise StoreRefused(answer.status, "RangeIgnored")


async def _slices(data: bytes | bytearray) -> AsyncIterator[bytes]:
    # One write of a whole part would block the event loop while it is copied into the transport.
    view = memoryview(data)
    for start in range(0, len(view), SLICE_BYTES):
        yield bytes(view[start : start + SLICE_BYTES])


def _read_failure(error: StoreRefused) -> Exception:
    if error.is_absence:
        return MissingObject("A stored file is missing; restore it from a backup or upload it again.")
    return away("GET", error)
