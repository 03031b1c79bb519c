"""One try against receivers that mean no good, on the loopback, which only these tests allow."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest

from shared.config import Settings
from shared.testing.certificates import certificate
from shared.url_guard import Address, Resolve

from ..app.clients import webhooks
from ..app.clients.webhooks import EXCERPT_BYTES, Answer, LookUps, WebhookClient
from .webhook_receiver import SILENCE, Receiver, answer, receiver

pytestmark = pytest.mark.integration

BODY = b'{"type":"webhook.test"}'


def names(*answers: str) -> tuple[list[str], Resolve]:
    """Answers with these addresses, one text a question, and what was asked for."""
    asked: list[str] = []

    async def resolve(host: str, _: int) -> Sequence[Address]:
        asked.append(host)
        return [ip_address(text) for text in answers[min(len(asked), len(answers)) - 1].split()]

    return asked, resolve


def client(resolve: Resolve | None = None, tls: ssl.SSLContext | None = None, **more: object) -> WebhookClient:
    settings = Settings(webhook_networks=("127.0.0.1/32",), webhook_timeout_seconds=0.3)
    return WebhookClient(settings.model_copy(update=more), resolve or names("8.8.8.8")[1], tls)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "BODY_SECONDS", 0.3)


@pytest.fixture
async def there() -> AsyncIterator[Receiver]:
    async with receiver() as made:
        yield made


async def post(there: Receiver, sender: WebhookClient | None = None, url: str = "") -> Answer:
    return await (sender or client()).post(url or there.url(), {"webhook-id": "m"}, BODY)


async def test_taken(there: Receiver) -> None:
    got = await post(there)
    assert (got.status, got.is_good, got.error, got.excerpt) == (200, True, None, "taken")
    (taken,) = there.taken
    assert (taken.line, taken.body, taken.headers["webhook-id"]) == ("POST /hook HTTP/1.1", BODY, "m")
    assert not {"cookie", "authorization", "referer"} & taken.headers.keys()


async def test_refused_with_a_reason(there: Receiver) -> None:
    there.answers = [answer(503, "Retry-After: 90", body="come back\x00\x1b[31m later")]
    got = await post(there)
    assert (got.status, got.is_good, got.retry_after) == (503, False, timedelta(seconds=90))
    assert (got.error, got.excerpt) == ("The receiver answered with status 503.", "come back  [31m later")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(there: Receiver, status: int) -> None:
    there.answers = [answer(status, "Location: http://169.254.169.254/latest/meta-data/")]
    got = await post(there)
    assert (got.status, got.is_good, len(there.taken)) == (status, False, 1)
    assert "not followed" in (got.error or "")


@pytest.mark.parametrize(
    ("said", "repeated", "pause"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536, 0),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n", b"x" * 65536, 0),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", 0.01),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 99999\r\n\r\n", b"\x1f\x8b\x08", 0.05),
    ],
    ids=["endless", "100 MB", "trickle", "packed"],
)
async def test_the_status_decides_whatever_body_follows(
    there: Receiver, said: bytes, repeated: bytes, pause: float
) -> None:
    there.answers, there.repeated, there.pause = [said], repeated, pause
    began = time.monotonic()
    got = await post(there)
    assert (got.status, got.is_good) == (200, True)
    assert (time.monotonic() - began) < 15
    assert len((got.excerpt or "").encode()) <= EXCERPT_BYTES
    assert there.sent < 20_000_000


@pytest.mark.parametrize(
    ("said", "repeated", "pause"),
    [
        (SILENCE, b"", 0),
        (b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n", 0.01),
        (b"HTTP/1.1 200 OK\r\n", b"X-A: " + b"b" * 4000 + b"\r\n", 0),
        (b"HTTP/1.1 200 OK\r\nX-A: ", b"b" * 65536, 0),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", 0.01),
        (b"SSH-2.0-OpenSSH_9.6\r\n", b"", 0),
        (b"\x00\x01\x02\r\n\r\n", b"", 0),
    ],
    ids=["silent", "slow head", "many headers", "long header", "never final", "not HTTP", "rubbish"],
)
async def test_no_answer_at_all(there: Receiver, said: bytes, repeated: bytes, pause: float) -> None:
    there.answers, there.repeated, there.pause = [said], repeated, pause
    began = time.monotonic()
    got = await post(there)
    assert (got.status, got.is_good, got.excerpt) == (None, False, None)
    assert got.error
    assert (time.monotonic() - began) < 15
    assert there.sent < 20_000_000


async def test_nobody_listens(there: Receiver) -> None:
    assert (await post(there, url="http://127.0.0.1:1/")).error == "Nobody listens at the URL's address."


async def test_names_are_looked_up_once_and_kept_to(there: Receiver) -> None:
    asked, resolve = names("127.0.0.1", "10.0.0.1")
    got = await post(there, client(resolve), there.url(host="hooks.example"))
    assert (got.is_good, asked) == (True, ["hooks.example"])
    assert there.taken[0].headers["host"] == f"hooks.example:{there.port}"


@pytest.mark.parametrize("addresses", ["10.0.0.1", "127.0.0.1 169.254.169.254", "::ffff:10.0.0.1", "fd00:ec2::254"])
async def test_names_that_lead_inside(there: Receiver, addresses: str) -> None:
    got = await post(there, client(names(addresses)[1]), there.url(host="hooks.example"))
    assert (got.status, got.error, there.taken) == (None, "The URL leads to an address that is not public.", [])


async def test_a_name_that_begins_to_lead_inside(there: Receiver) -> None:
    sender, url = client(names("127.0.0.1", "169.254.169.254", "127.0.0.1")[1]), there.url(host="hooks.example")
    assert [(await post(there, sender, url)).is_good for _ in range(3)] == [True, False, True]
    assert len(there.taken) == 2


async def test_names_that_nobody_knows(there: Receiver) -> None:
    got = await post(there, client(LookUps()), "http://nothing.invalid/")
    assert got.error == "The URL's host has no address."


async def test_names_that_nobody_answers_for(there: Receiver) -> None:
    async def never(_: str, __: int) -> Sequence[Address]:
        await asyncio.sleep(30)
        return []

    got = await post(there, client(never), "http://slow.example/")
    assert got.error == "No answer within 0.3 seconds."


async def test_encrypted_for_the_name_and_nobody_else(tmp_path: Path) -> None:
    """The certificate is judged by the host in the URL, whatever address that was found to have."""
    server, trusting = certificate(tmp_path)
    async with receiver(server) as there:
        assert (await post(there, client(tls=trusting), there.url(scheme="https"))).is_good
        for sender, host in ((client(names("127.0.0.1")[1], trusting), "hooks.example"), (client(), "127.0.0.1")):
            got = await post(there, sender, there.url(host=host, scheme="https"))
            assert got.error == "The receiver's certificate is not valid for this host."
        assert len(there.taken) == 1


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
async def test_no_proxy_is_asked(there: Receiver, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert (await post(there)).is_good
