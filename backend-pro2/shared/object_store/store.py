"""The object store: buckets, signing and listing by the minio SDK in threads, bytes by streamed HTTP."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from shared.config import Settings
from shared.object_store.errors import StoreRefused, away, sdk_errors
from shared.object_store.http import SignedHttp
from shared.object_store.measuring import Asking
from shared.object_store.presigning import sized_put
from shared.object_store.upload import Upload

if TYPE_CHECKING:
    from minio import Minio
    from minio.datatypes import Object
    from urllib3 import PoolManager

Answer = TypeVar("Answer")

READ_BYTES = 1024 * 1024
PAGE = 1000
SIGNED_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What was stored: size in bytes and SHA-256 in hexadecimal, both taken from the bytes themselves."""

    key: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What a listing tells of an object."""

    key: str
    bytes: int
    modified: datetime


class ObjectStore:
    """One bucket of an S3-compatible server. Every failure of the server is a ServiceUnavailable.

    Nothing connects, and no SDK is imported, before the first use.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._bucket = settings.s3_bucket
        self._sdk: Minio | None = None
        self._pool: PoolManager | None = None
        self._http: SignedHttp | None = None
        self._bucket_known = False

    async def open(self) -> None:
        """Load the SDK and open the HTTP session; done by the first use anyway."""
        if self._sdk is None:
            await asyncio.to_thread(self._client)
        if self._http is None:
            self._http = SignedHttp(self._sign)

    async def close(self) -> None:
        """Close connections; the store may be used again afterwards."""
        http, self._http = self._http, None
        if http is not None:
            await http.close()
        if self._pool is not None:
            # Forgetting them, as `clear` alone does, would leave the closing to the garbage collector.
            for key in tuple(self._pool.pools.keys()):
                self._pool.pools[key].close()
            self._pool.clear()

    async def ensure_bucket(self) -> None:
        """Create the bucket unless it exists."""
        if await self._call("bucket_exists", lambda sdk: sdk.bucket_exists(self._bucket)):
            return
        try:
            await self._ask("make_bucket", lambda sdk: sdk.make_bucket(self._bucket))
        except StoreRefused as error:
            if not error.code.startswith("BucketAlready"):
                raise away("make_bucket", error) from error

    async def remove_bucket(self) -> None:
        """Remove the bucket, which must be empty."""
        await self._call("remove_bucket", lambda sdk: sdk.remove_bucket(self._bucket))

    async def ping(self) -> None:
        """One round trip."""
        await self._call("ping", lambda sdk: sdk.bucket_exists(self._bucket))

    async def put_stream(self, key: str, chunks: AsyncIterator[bytes]) -> StoredObject:
        """Store what `chunks` yields, in parts of 8 MiB of which at most two are in memory.

        After any error or cancellation, also one raised by `chunks`, neither the object nor a part of it remains.
        """
        await self._have_bucket()
        digest = hashlib.sha256()
        async with Upload(self._transfer, key, self.remove) as upload:
            async for chunk in chunks:
                digest.update(chunk)
                await upload.write(chunk)
            await upload.finish()
            await self._verify(key, upload.size)
        return StoredObject(key, upload.size, digest.hexdigest())

    async def put_file(self, key: str, path: Path) -> StoredObject:
        """Store a local file."""
        return await self.put_stream(key, read_file(path))

    async def put_bytes(self, key: str, data: bytes) -> StoredObject:
        """Store `data`."""
        return await self.put_stream(key, _once(data))

    async def get_stream(self, key: str, *, start: int = 0) -> AsyncIterator[bytes]:
        """The object's bytes from `start` on; a body that ends too early raises, it is never cut silently.

        Raises:
            MissingObject: there is no such object.
            ServiceUnavailable: the store failed, also in the middle.
        """
        await self.open()
        async for chunk in self._transfer.read(key, start):
            yield chunk

    async def stat(self, key: str) -> int | None:
        """Size in bytes, or None if there is no such object."""
        try:
            return (await self._ask("stat", lambda sdk: sdk.stat_object(self._bucket, key))).size
        except StoreRefused as error:
            if error.is_absence:
                return None
            raise away("stat", error) from error

    async def remove(self, *keys: str) -> None:
        """Remove objects; absent ones are no error."""
        for key in keys:
            try:
                await self._ask("remove", partial(_remove, self._bucket, key))
            except StoreRefused as error:
                if not error.is_absence:
                    raise away("remove", error) from error

    async def list(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        """All objects whose key begins with `prefix`, in the order of their keys."""
        found = await self._call("list", lambda sdk: sdk.list_objects(self._bucket, prefix=prefix, recursive=True))
        while page := await self._call("list", lambda _: tuple(islice(found, PAGE))):
            for entry in page:
                yield _info(entry)

    def presigned_get(self, key: str, expires_seconds: int) -> str:
        """A URL that lets its bearer read the object for `expires_seconds`."""
        return self._sign("GET", key, {}, expires_seconds)

    async def presigned_puts(self, sizes: Mapping[str, int], expires_seconds: int) -> Sequence[str]:
        """For each key a URL that lets its bearer write so many bytes there, at the store's address for clients."""
        return await asyncio.to_thread(self._sign_puts, sizes, timedelta(seconds=expires_seconds))

    @property
    def _transfer(self) -> SignedHttp:
        assert self._http is not None  # noqa: S101 - open() came first
        return self._http

    async def _have_bucket(self) -> None:
        await self.open()
        if not self._bucket_known:
            await self.ensure_bucket()
            self._bucket_known = True

    async def _verify(self, key: str, size: int) -> None:
        kept = await self.stat(key)
        if kept != size:
            raise away("verify", ValueError(f"sent {size} bytes, stored {kept}"))

    async def _call(self, action: str, call: "Callable[[Minio], Answer]") -> Answer:
        try:
            return await self._ask(action, call)
        except StoreRefused as error:
            raise away(action, error) from error

    async def _ask(self, action: str, call: "Callable[[Minio], Answer]") -> Answer:
        await self.open()
        with Asking(action):
            return await asyncio.to_thread(self._guarded, action, call)

    def _guarded(self, action: str, call: "Callable[[Minio], Answer]") -> Answer:
        with sdk_errors(action):
            return call(self._client())

    def _client(self) -> "Minio":
        if self._sdk is None:
            self._pool = _pool()
            self._sdk = _connect(self._settings, self._pool)
        return self._sdk

    def _sign_puts(self, sizes: Mapping[str, int], expires: timedelta) -> Sequence[str]:
        # The address is part of what is signed.
        address = self._settings.s3_public_url or self._settings.s3_endpoint_url
        public = _connect(self._settings.model_copy(update={"s3_endpoint_url": address}), _pool())
        secret = self._settings.s3_secret_key.get_secret_value()
        urls = {key: public.get_presigned_url("PUT", self._bucket, key, expires=expires) for key in sizes}
        return [sized_put(url, sizes[key], secret) for key, url in urls.items()]

    def _sign(self, method: str, key: str, query: Mapping[str, str], seconds: int = SIGNED_SECONDS) -> str:
        return self._client().get_presigned_url(
            method, self._bucket, key, expires=timedelta(seconds=seconds), extra_query_params=dict(query)
        )


async def read_file(path: Path) -> AsyncIterator[bytes]:
    """The bytes of a local file, read in a thread."""
    source = await asyncio.to_thread(path.open, "rb")
    try:
        while chunk := await asyncio.to_thread(source.read, READ_BYTES):
            yield chunk
    finally:
        source.close()


async def _once(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), READ_BYTES):
        yield data[start : start + READ_BYTES]


def _remove(bucket: str, key: str, sdk: "Minio") -> None:
    sdk.remove_object(bucket, key)


def _info(entry: "Object") -> ObjectInfo:
    if entry.object_name is None or entry.size is None or entry.last_modified is None:
        raise away("list", ValueError("incomplete entry"))
    return ObjectInfo(entry.object_name, entry.size, entry.last_modified)


def _pool() -> "PoolManager":
    from urllib3 import PoolManager, Retry, Timeout

    return PoolManager(maxsize=16, timeout=Timeout(connect=2, read=15), retries=Retry(2, backoff_factor=0.2))


def _connect(settings: Settings, pool: "PoolManager") -> "Minio":
    # The SDK takes 0.2 s to import and is wanted by few processes.
    from minio import Minio

    endpoint = urlsplit(settings.s3_endpoint_url)
    return Minio(
        endpoint.netloc,
        access_key=settings.s3_access_key.get_secret_value(),
        secret_key=settings.s3_secret_key.get_secret_value(),
        secure=endpoint.scheme == "https",
        # Without a region the SDK would ask the server for it before each first signature.
        region=settings.s3_region,
        http_client=pool,
    )
