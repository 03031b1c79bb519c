"""The file as it came, put together on local disk for the child that reads it."""

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path

from shared.errors import ServiceUnavailable
from shared.logging import get_logger
from shared.object_store import ObjectStore

log = get_logger(__name__)


async def fetch_raw(store: ObjectStore, keys: Sequence[str], path: Path) -> str:
    """Write the objects, one after the other, to `path`; the SHA-256 of the whole.

    Raises:
        ServiceUnavailable: the store, or the local disk, failed.
    """
    digest = hashlib.sha256()
    try:
        with path.open("xb") as target:
            for key in keys:
                async for chunk in store.get_stream(key):
                    digest.update(chunk)
                    await asyncio.to_thread(target.write, chunk)
    except OSError as error:
        log.exception("scratch_failed")
        raise ServiceUnavailable("The local disk cannot take the file at the moment; try again later.") from error
    return digest.hexdigest()
