"""The certificate that a server shows, whether or not it would be believed."""

import asyncio
import ssl
from urllib.parse import urlsplit

from cryptography.x509 import load_der_x509_certificate


async def certificate_expiry(url: str) -> float:
    """When the certificate of an https address ends, in seconds since 1970.

    Raises:
        OSError: nobody answers there, or not by TLS.
    """
    parts = urlsplit(url)
    _, writer = await asyncio.open_connection(parts.hostname, parts.port or 443, ssl=_anybody())
    try:
        shown: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return load_der_x509_certificate(shown).not_valid_after_utc.timestamp()
    finally:
        writer.close()


def _anybody() -> ssl.SSLContext:
    # Nothing is sent or believed: one that has ended is what has to be seen.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
