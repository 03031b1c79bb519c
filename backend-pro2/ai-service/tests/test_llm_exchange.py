"""The client of the LLM against a real socket: whom it trusts, what it keeps open, and what it holds back."""

import asyncio
import datetime as dt
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shared.config import Settings
from shared.testing.llm_server import Answer, ScriptedLlm
from shared.testing.patience import eventually

from ..app.clients.llm import Exchange, Fault, LlmServer

pytestmark = pytest.mark.integration

BODY = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture
def settings(llm: ScriptedLlm) -> Settings:
    return Settings(_env_file=None).model_copy(update=llm.settings())


@asynccontextmanager
async def client(settings: Settings, **changes: Any) -> AsyncIterator[LlmServer]:
    server = LlmServer(settings.model_copy(update=changes))
    yield server
    await server.close()


def certificate(folder: Path) -> Path:
    """A self-signed certificate of 127.0.0.1 with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]), dt.datetime.now(dt.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now).not_valid_after(now + dt.timedelta(days=1))
    named = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    signed = made.add_extension(named, critical=False).sign(key, hashes.SHA256())
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path = folder / "certificate.pem"
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return path


async def test_a_server_that_nobody_vouches_for_gets_nothing(settings: Settings, tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path))
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(1))
        writer.close()

    listening = await asyncio.start_server(listen, "127.0.0.1", 0, ssl=context)
    port = listening.sockets[0].getsockname()[1]
    async with listening, client(settings, openai_base_url=f"https://localhost:{port}") as server:
        exchange = await server.exchange(BODY)
    assert (exchange.error, exchange.http_status, [byte for byte in heard if byte]) == (Fault.UNREACHABLE, None, [])


async def test_a_connection_is_used_again(settings: Settings, llm: ScriptedLlm) -> None:
    llm.say("one", "two", "three")
    async with client(settings) as server:
        for _ in range(3):
            assert (await server.exchange(BODY, on_text=_ignore)).error is None
    assert len({received.port for received in llm.received}) == 1


async def test_a_slow_reader_holds_the_model_up(settings: Settings, llm: ScriptedLlm) -> None:
    llm.say(Answer(endless=True, piece=4000))
    reading, sent = asyncio.Event(), [-1]

    async def read(_: str) -> None:
        await reading.wait()

    async with client(settings, llm_max_answer_bytes=10**12) as server:
        asking = asyncio.create_task(server.exchange(BODY, on_text=read))
        await eventually(lambda: bool(llm.received))
        async with asyncio.timeout(60):
            # Buffers of both sides fill, and then nothing moves any more.
            while sent[0] != llm.received[0].sent:
                sent[0] = llm.received[0].sent
                await asyncio.sleep(0.5)
        assert sent[0] < 200_000
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    await eventually(lambda: llm.received[0].disconnected)


async def test_what_refuses_before_it_leaves_lets_nothing_leave(settings: Settings, llm: ScriptedLlm) -> None:
    async def refuse(_: bytes) -> None:
        raise PermissionError

    async with client(settings) as server:
        with pytest.raises(PermissionError):
            await server.exchange(BODY, before=refuse)
    assert llm.received == []


async def test_how_far_it_got_is_known_when_it_is_cancelled(settings: Settings, llm: ScriptedLlm) -> None:
    llm.say(Answer("abcdefghijklmnop", hangs_after=2))
    record, shown = Exchange(), list[str]()

    async def show(text: str) -> None:
        shown.append(text)

    async with client(settings) as server:
        asking = asyncio.create_task(server.exchange(BODY, on_text=show, record=record))
        await eventually(lambda: len(shown) == 2)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    assert (record.request, record.response) == (llm.received[0].body, llm.received[0].answered)
    assert (record.text, record.http_status) == ("abcdefghijklmnop", 200)


async def _ignore(_: str) -> None:
    """The text is of no interest."""
