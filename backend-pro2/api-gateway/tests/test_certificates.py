"""When the certificate ends that people see: also one that nobody would believe any more."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from httpx import ASGITransport, AsyncClient

from shared.config import Settings

from ..app.clients.certificates import certificate_expiry
from ..app.main import create_app

ENDED = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)


def write_certificate(path: Path) -> None:
    """Key and certificate of localhost, by nobody else, that ended years ago."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    signed = built.not_valid_before(ENDED - timedelta(days=1)).not_valid_after(ENDED).sign(key, hashes.SHA256())
    private = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(key.private_bytes(*private) + signed.public_bytes(serialization.Encoding.PEM))


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    write_certificate(tmp_path / "pair.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "pair.pem")
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/app"


async def test_it_is_read_whether_or_not_it_would_be_believed(url: str) -> None:
    assert await certificate_expiry(url) == ENDED.timestamp()


async def test_nobody_there_is_an_error() -> None:
    with pytest.raises(OSError):  # noqa: PT011 - refused
        await certificate_expiry("https://127.0.0.1:1")


async def told(app_url: str) -> str:
    app = create_app(Settings(app_url=app_url, _env_file=None))
    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
        return (await client.get("/metrics")).text


async def test_the_gateway_tells_of_the_address_that_people_use(url: str) -> None:
    (line,) = [line for line in (await told(url)).splitlines() if line.startswith("tls_certificate")]
    assert float(line.split()[1]) == ENDED.timestamp()


@pytest.mark.parametrize("app_url", ["", "http://127.0.0.1:1"])
async def test_without_tls_there_is_nothing_to_tell(app_url: str) -> None:
    assert "tls_certificate" not in await told(app_url)
