"""One object on its way into the store: a single PUT when it fits one part, else parts sent while the next fills."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self
from xml.sax.saxutils import escape, unescape

from shared.errors import ServiceUnavailable
from shared.logging import get_logger
from shared.object_store.errors import StoreRefused, away
from shared.object_store.http import SignedHttp

log = get_logger(__name__)

PART_BYTES = 8 * 1024 * 1024
CLEANUP_SECONDS = 15
_UPLOAD_ID = re.compile(rb"<UploadId>([^<]+)</UploadId>")


class Upload:
    """Collects bytes into parts. Memory: the part being filled and the part being sent, 8 MiB each.

    As a context manager it removes everything it wrote unless `finish()` and the rest of the block succeeded.
    """

    def __init__(self, http: SignedHttp, key: str, discard: Callable[[str], Awaitable[None]]) -> None:
        self.size = 0
        self._http = http
        self._key = key
        self._discard = discard
        self._part = bytearray()
        self._upload_id = ""
        self._tags: list[str] = []
        self._sending: asyncio.Task[str] | None = None

    async def write(self, chunk: bytes) -> None:
        """Take the next bytes; waits when a part is full and the one before it is still on its way."""
        self.size += len(chunk)
        rest = memoryview(chunk)
        while rest:
            if len(self._part) == PART_BYTES:
                full, self._part = self._part, bytearray()
                await self._send(full)
            room = PART_BYTES - len(self._part)
            self._part += rest[:room]
            rest = rest[room:]

    async def finish(self) -> None:
        """Send what is left and make the object visible."""
        try:
            if not self._upload_id:
                await self._http.put(self._key, self._part, {})
                return
            await self._send(self._part)
            await self._sent()
            await self._complete()
        except StoreRefused as error:
            raise away("upload", error) from error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            # Shielded, because a cancelled request must clean up as well as a failed one.
            await asyncio.shield(asyncio.create_task(self._undo()))

    async def _send(self, part: bytearray) -> None:
        if not self._upload_id:
            self._upload_id = await self._begin()
        await self._sent()
        query = {"partNumber": str(len(self._tags) + 1), "uploadId": self._upload_id}
        self._sending = asyncio.create_task(self._http.put(self._key, part, query))

    async def _sent(self) -> None:
        sending, self._sending = self._sending, None
        if sending is not None:
            try:
                self._tags.append(await sending)
            except StoreRefused as error:
                raise away("part", error) from error

    async def _begin(self) -> str:
        _, body = await self._ask("POST", {"uploads": ""})
        found = _UPLOAD_ID.search(body)
        if found is None:
            raise away("begin", ValueError("no upload id"))
        return unescape(found.group(1).decode())

    async def _complete(self) -> None:
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(tag)}</ETag></Part>"
            for number, tag in enumerate(self._tags, start=1)
        )
        document = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        _, body = await self._ask("POST", {"uploadId": self._upload_id}, document)
        # S3 may announce success, keep the connection open while it assembles, and report a failure in the body.
        if b"<Error>" in body:
            raise away("complete", ValueError(body[:200].decode(errors="replace")))

    async def _ask(self, method: str, query: dict[str, str], data: bytes = b"") -> tuple[object, bytes]:
        try:
            return await self._http.send(method, self._key, query, data)
        except StoreRefused as error:
            raise away(method, error) from error

    async def _undo(self) -> None:
        try:
            async with asyncio.timeout(CLEANUP_SECONDS):
                await self._stop_sending()
                await self._abort()
                await self._discard(self._key)
        except (ServiceUnavailable, TimeoutError) as error:
            log.warning("upload_left_behind", object_name=self._key, error=type(error).__name__)

    async def _stop_sending(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)

    async def _abort(self) -> None:
        if not self._upload_id:
            return
        try:
            await self._http.send("DELETE", self._key, {"uploadId": self._upload_id})
        except StoreRefused as error:
            if not error.is_absence:
                raise away("abort", error) from error
