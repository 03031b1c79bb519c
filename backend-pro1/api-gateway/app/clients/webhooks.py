"""Sends one message to a receiver that nobody here trusts; what comes back is looked at, and little of it kept."""

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from shared.addresses import parse_networks
from shared.config import Settings
from shared.errors import Invalid
from shared.outbound import NoAddress, Outgoing, address_of, exchange
from shared.url_guard import Address, Resolve, literal, parse_url

from ..core.webhook_messages import retry_after_of

if TYPE_CHECKING:
    import aiohttp

EXCERPT_BYTES = 1024
# The status has come by then and has decided; the body is only for whoever looks into the log.
BODY_SECONDS = 1.0
LOOK_UPS = 8


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a try.

    Attributes:
        status: None if nobody answered; `error` says why.
        excerpt: the beginning of the body as text.
    """

    status: int | None
    took_ms: int
    error: str | None = None
    excerpt: str | None = None
    retry_after: timedelta | None = None

    @property
    def is_good(self) -> bool:
        """Whether the receiver has taken the message."""
        return self.status is not None and 200 <= self.status < 300


class LookUps:
    """Asks for addresses in threads of its own, so that names which nobody answers for hold up nothing else."""

    def __init__(self, threads: int = LOOK_UPS) -> None:
        self._pool = ThreadPoolExecutor(threads, "webhook-names")

    async def __call__(self, host: str, port: int) -> Sequence[Address]:
        """The addresses of a host."""
        ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._pool, ask)
        addresses = (literal(str(entry[4][0])) for entry in found)
        return list(dict.fromkeys(address for address in addresses if address is not None))

    def close(self) -> None:
        """Ask no more."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class WebhookClient:
    """Sends to public addresses and those in WEBHOOK_NETWORKS."""

    def __init__(self, settings: Settings, resolve: Resolve, tls: ssl.SSLContext | None = None) -> None:
        self._networks = parse_networks(settings.webhook_networks)
        self._seconds = settings.webhook_timeout_seconds
        self._resolve = resolve
        self._tls = tls

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Try it once. It raises nothing: whatever goes wrong is an answer too."""
        import aiohttp

        started = time.monotonic()
        status, excerpt, retry_after, error = None, None, None, None
        try:
            async with self._answer(url, headers, body) as answer:
                status, error = answer.status, _complaint(answer.status)
                retry_after = retry_after_of(answer.headers.get("retry-after"), datetime.now(UTC))
                excerpt = _text(await _beginning(answer))
        except Invalid as refusal:
            error = refusal.detail
        except NoAddress:
            error = "The URL's host has no address."
        except TimeoutError:
            error = error if status else f"No answer within {self._seconds:g} seconds."
        except (aiohttp.ClientError, OSError, ValueError) as fault:
            error = error if status else _fault(fault)
        return Answer(status, int((time.monotonic() - started) * 1000), error, excerpt, retry_after)

    @asynccontextmanager
    async def _answer(
        self, url: str, headers: Mapping[str, str], body: bytes
    ) -> AsyncIterator["aiohttp.ClientResponse"]:
        """The answer; its headers must be there in time, then there is a little more for its body."""
        async with asyncio.timeout(self._seconds) as limit:
            parsed = parse_url(url)
            address = await address_of(parsed, self._networks, self._resolve)
            sent = {"accept-encoding": "identity", **headers}
            request = Outgoing("POST", sent, self._seconds, self._seconds, body, self._tls)
            async with exchange(parsed, address, request) as answer:
                limit.reschedule(asyncio.get_running_loop().time() + 2 * BODY_SECONDS)
                yield answer


async def _beginning(answer: "aiohttp.ClientResponse") -> bytes:
    import aiohttp

    found = b""
    with contextlib.suppress(aiohttp.ClientError, OSError):
        async with asyncio.timeout(BODY_SECONDS):
            while len(found) < EXCERPT_BYTES and (more := await answer.content.read(EXCERPT_BYTES - len(found))):
                found += more
    return found


def _text(beginning: bytes) -> str:
    """Text that can be stored and shown, of at most as many bytes."""
    text = "".join(
        character if character.isprintable() or character in "\n\t" else " "
        for character in beginning.decode("utf-8", "replace")
    )
    return text.encode()[:EXCERPT_BYTES].decode("utf-8", "ignore")


def _complaint(status: int) -> str | None:
    if 300 <= status < 400:
        return "The receiver leads on to another URL, which is not followed. Give the final one."
    return None if 200 <= status < 300 else f"The receiver answered with status {status}."


def _fault(fault: Exception) -> str:
    import aiohttp

    if isinstance(fault, aiohttp.ClientConnectorCertificateError):
        return "The receiver's certificate is not valid for this host."
    if isinstance(fault, aiohttp.ClientSSLError):
        return "No encrypted connection came about."
    if isinstance(fault, aiohttp.ClientConnectorError):
        return "Nobody listens at the URL's address."
    return "The receiver broke off, or its answer is not HTTP."
