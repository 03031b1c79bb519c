"""What a task of `/upload/url` does first: fetch the file, once, from one address that has been judged."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

from shared.addresses import Network, parse_networks
from shared.errors import NotFound
from shared.ids import new_id
from shared.metrics import uploads as metrics
from shared.object_store import StoredObject
from shared.outbound import NoAddress, Outgoing, address_of, exchange
from shared.quotas import QuotaExceeded, read_bytes, require_bytes
from shared.tasks import TaskFailed, TaskRun
from shared.url_guard import Address, Resolve, parse_url, refused
from shared.url_guard import resolve as look_up

from ..repositories import versions
from ..repositories.versions import RawFile
from .contents import GONE
from .incoming import checked
from .url_imports import disabled

if TYPE_CHECKING:
    import aiohttp
    from yarl import URL

CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 30.0
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "dataset-import"}
_REQUEST = Outgoing("GET", _HEADERS, CONNECT_SECONDS, SILENCE_SECONDS)
OK = 200


async def download(run: TaskRun, raw: RawFile, resolve: Resolve = look_up) -> RawFile:
    """The version with its file in the store; what another attempt has fetched is not fetched again.

    Raises:
        Invalid: `url_refused`. Forbidden: `url_import_disabled`.
        TaskFailed: `url_unreachable`, `url_too_large`, `dataset_removed`.
        QuotaExceeded: there is no room for it. UnsupportedMediaType: it is no kind of file that is read.
    """
    with metrics.receiving():
        stored = await _store(run, raw, resolve)
        is_kept = await _keep(run, raw, stored)
    if is_kept:
        metrics.accepted(stored.bytes)
    else:
        await run.resources.object_store.remove(stored.key)
    async with run.resources.database.transaction(read_only=True) as session:
        found = await versions.raw_file(session, raw.dataset_id, raw.version)
    if found is None or not found.raw_keys:
        raise GONE
    return found


async def fetch(text: str, networks: Sequence[Network], most: int, resolve: Resolve) -> AsyncGenerator[bytes, None]:
    """The bytes behind a URL.

    Args:
        networks: private ones that it may lead to.
        most: bytes that may come; the answer is refused by its announced length, else once more have come.

    Raises:
        Invalid: `url_refused`. TaskFailed: `url_unreachable`, `url_too_large`.
    """
    import aiohttp

    url = parse_url(text)
    address = await _address_of(url, networks, resolve)
    try:
        async with exchange(url, address, _REQUEST) as answer:
            _require_good(answer, most)
            came = 0
            async for chunk in answer.content.iter_any():
                came += len(chunk)
                if came > most:
                    raise _too_large(most)
                yield chunk
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise _unreachable("The server did not answer, or broke off its answer.") from error


async def _store(run: TaskRun, raw: RawFile, resolve: Resolve) -> StoredObject:
    settings, project_id = run.resources.settings, run.task.project_id
    if not settings.url_import_enabled:
        raise disabled()
    async with run.resources.database.transaction(read_only=True) as session:
        room = await read_bytes(session, settings, project_id)
    most, networks = settings.max_upload_bytes, parse_networks(settings.url_import_networks)
    chunks = fetch(str(raw.operation["url"]), networks, most, resolve)
    key = f"{project_id}/{raw.dataset_id}/{new_id()}"
    try:
        async with asyncio.timeout(settings.url_import_seconds), aclosing(chunks):
            return await run.resources.object_store.put_stream(key, checked(chunks, most, room))
    except TimeoutError as error:
        raise _unreachable(f"The file did not come within {settings.url_import_seconds:g} seconds.") from error


async def _keep(run: TaskRun, raw: RawFile, stored: StoredObject) -> bool:
    """Note the file at its version; False when another attempt was faster, or the version has gone."""
    try:
        async with run.resources.database.transaction() as session:
            await require_bytes(session, run.resources.settings, run.task.project_id, stored.bytes)
            file = ([stored.key], stored.bytes, stored.sha256)
            return await versions.set_raw(session, raw.dataset_id, raw.version, *file)
    except (QuotaExceeded, NotFound):
        await run.resources.object_store.remove(stored.key)
        raise


async def _address_of(url: "URL", networks: Sequence[Network], resolve: Resolve) -> Address:
    try:
        return await address_of(url, networks, resolve)
    except NoAddress as error:
        raise _unreachable("The URL's host has no address.") from error


def _require_good(answer: "aiohttp.ClientResponse", most: int) -> None:
    if answer.status in range(300, 400):
        raise refused("The URL leads on to another one, which is not followed. Give the final one.")
    if answer.status != OK:
        raise _unreachable(f"The server answered with status {answer.status}.")
    if (answer.content_length or 0) > most:
        raise _too_large(most)


def _unreachable(detail: str) -> TaskFailed:
    return TaskFailed("url_unreachable", f"{detail} Check the URL, then import it again.")


def _too_large(most: int) -> TaskFailed:
    return TaskFailed("url_too_large", f"The file is larger than {most} bytes, the most accepted here.")
