"""Files on local disk for the child that reads them: rows of versions from the cache, and files as they came."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from shared.content_cache import ContentCache
from shared.errors import ServiceUnavailable
from shared.logging import get_logger
from shared.object_store import ObjectStore

log = get_logger(__name__)


class Content(Protocol):
    """What knows the Parquet file of a ready version."""

    @property
    def parquet_key(self) -> str | None:
        """Its key in the store."""

    @property
    def parquet_sha256(self) -> str | None:
        """What it hashes to."""


async def local_path(cache: ContentCache, content: Content) -> str:
    """The path of a local copy.

    Raises:
        MissingObject: it has expired meanwhile. ServiceUnavailable: the store, or the local disk, failed.
    """
    return str(await cache.fetch(str(content.parquet_key), str(content.parquet_sha256)))


async def local_paths(cache: ContentCache, contents: Mapping[str, Content]) -> dict[str, str]:
    """The same for several, under their names."""
    return {name: await local_path(cache, content) for name, content in contents.items()}


@contextmanager
def local_disk() -> Iterator[None]:
    """What is done on local disk.

    Raises:
        ServiceUnavailable: the disk failed.
    """
    try:
        yield
    except OSError as error:
        log.exception("scratch_failed")
        raise ServiceUnavailable("The local disk cannot take the file at the moment; try again later.") from error


async def fetch_raw(store: ObjectStore, keys: Sequence[str], path: Path) -> str:
    """Write the objects, one after the other, to `path`; the SHA-256 of the whole.

    Raises:
        ServiceUnavailable: the store, or the local disk, failed.
    """
    digest = hashlib.sha256()
    with local_disk(), path.open("xb") as target:
        async for chunk in _chunks(store, keys):
            digest.update(chunk)
            await asyncio.to_thread(target.write, chunk)
    return digest.hexdigest()


async def fetch_head(store: ObjectStore, keys: Sequence[str], path: Path, most: int) -> int:
    """Write at most that many bytes of the objects, one after the other, to `path`; how many.

    Raises:
        ServiceUnavailable: the store, or the local disk, failed.
    """
    held = 0
    with local_disk(), path.open("xb") as target:
        async for chunk in _chunks(store, keys):
            held += await asyncio.to_thread(target.write, chunk[: most - held])
            if held >= most:
                break
    return held


async def _chunks(store: ObjectStore, keys: Sequence[str]) -> AsyncIterator[bytes]:
    for key in keys:
        async for chunk in store.get_stream(key):
            yield chunk
