"""What a task of `/upload/url` does first: fetch the file, once, from one address that has been judged."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING

from shared.addresses import Network, parse_networks
from shared.errors import NotFound
from shared.ids import new_id
from shared.object_store import StoredObject
from shared.quotas import QuotaExceeded, read_bytes, require_bytes
from shared.tasks import TaskFailed, TaskRun

from ..repositories import versions
from ..repositories.versions import RawFile
from . import url_guard
from .contents import GONE
from .incoming import checked
from .url_guard import Address, Resolve
from .url_imports import disabled

if TYPE_CHECKING:
    import aiohttp
    from aiohttp.abc import AbstractResolver
    from yarl import URL

CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 30.0
OK = 200


async def download(run: TaskRun, raw: RawFile, resolve: Resolve = url_guard.resolve) -> RawFile:
    """The version with its file in the store; what another attempt has fetched is not fetched again.

    Raises:
        Invalid: `url_refused`. Forbidden: `url_import_disabled`.
        TaskFailed: `url_unreachable`, `url_too_large`, `dataset_removed`.
        QuotaExceeded: there is no room for it. UnsupportedMediaType: it is no kind of file that is read.
    """
    stored = await _store(run, raw, resolve)
    if not await _keep(run, raw, stored):
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

    url = url_guard.parse_url(text)
    address = await _address_of(url, networks, resolve)
    try:
        async with _answer(url, address) as answer:
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
    """The one address that will be connected to; every one that the host has must be allowed."""
    host = url.host or ""
    if (found := url_guard.literal(host)) is not None:
        addresses: Sequence[Address] = [found]
    else:
        try:
            addresses = await resolve(host, url.port or 0)
        except (OSError, UnicodeError) as error:
            raise _unreachable("The URL's host has no address.") from error
    if not addresses:
        raise _unreachable("The URL's host has no address.")
    for address in addresses:
        url_guard.require_public(address, networks)
    return addresses[0]


@asynccontextmanager
async def _answer(url: "URL", address: Address) -> AsyncIterator["aiohttp.ClientResponse"]:
    import aiohttp

    connector = aiohttp.TCPConnector(resolver=_pinned(address), use_dns_cache=False, force_close=True)
    # No proxy from the environment, no cookies, no credentials from a file, and nothing unpacked on the way.
    session = aiohttp.ClientSession(
        connector=connector,
        trust_env=False,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS),
        headers={"Accept-Encoding": "identity", "User-Agent": "dataset-import"},
    )
    async with session, session.get(url, allow_redirects=False) as answer:
        yield answer


def _pinned(address: Address) -> "AbstractResolver":
    """Knows one address, whatever the host: a second look-up could say another than the one that was judged."""
    import socket

    from aiohttp.abc import AbstractResolver, ResolveResult

    class Pinned(AbstractResolver):
        async def resolve(
            self,
            host: str,
            port: int = 0,
            family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002 - the base's signature
        ) -> list[ResolveResult]:
            found = socket.AF_INET if address.version == 4 else socket.AF_INET6
            return [ResolveResult(hostname=host, host=str(address), port=port, family=found, proto=0, flags=0)]

        async def close(self) -> None:
            """Nothing is open."""

    return Pinned()


def _require_good(answer: "aiohttp.ClientResponse", most: int) -> None:
    if answer.status in range(300, 400):
        raise url_guard.refused("The URL leads on to another one, which is not followed. Give the final one.")
    if answer.status != OK:
        raise _unreachable(f"The server answered with status {answer.status}.")
    if (answer.content_length or 0) > most:
        raise _too_large(most)


def _unreachable(detail: str) -> TaskFailed:
    return TaskFailed("url_unreachable", f"{detail} Check the URL, then import it again.")


def _too_large(most: int) -> TaskFailed:
    return TaskFailed("url_too_large", f"The file is larger than {most} bytes, the most accepted here.")
