"""An answer, and the seal under which it is kept: only who has the Idempotency-Key can find and read it."""

import hashlib
import hmac
import os
from dataclasses import dataclass

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from starlette.responses import Response

NONCE_BYTES = 12
REPLAYED = "Idempotency-Replayed"


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers and body, as a handler gave them."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @classmethod
    def of(cls, response: Response) -> "Answer":
        """What of a response is worth keeping; its length follows from its body."""
        headers = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.raw_headers)
        kept = tuple(sorted((name, value) for name, value in headers if name != "content-length"))
        return cls(response.status_code, kept, bytes(response.body))

    def replayed(self) -> Response:
        """The response once more, marked as such."""
        response = Response(self.body, self.status)
        response.raw_headers += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self.headers]
        response.headers[REPLAYED] = "true"
        return response


class Seal:
    """What one caller's key gives: the row's id, and secrets that are derived from the key and kept nowhere.

    Args:
        principal: whose key it is, so that equal keys of two callers have nothing to do with each other.
        key: the header's value.
    """

    def __init__(self, principal: str, key: str) -> None:
        material = f"{principal}\n{key}".encode()
        self.row_id = hashlib.sha256(material).digest()
        secrets = HKDF(SHA256(), 64, salt=None, info=b"idempotency-key").derive(material)
        self._cipher, self._mac_key = AESGCM(secrets[:32]), secrets[32:]

    def fingerprint(self, method: str, path: str, content: bytes) -> bytes:
        """Tells requests apart, and nothing about them to who does not have the key: a body may hold a password."""
        parts = (method.encode(), path.encode("utf-8", "replace"), content)
        digests = b"".join(hashlib.sha256(part).digest() for part in parts)
        return hmac.digest(self._mac_key, digests, hashlib.sha256)

    def close(self, answer: Answer) -> bytes:
        """The answer, encrypted and bound to its row."""
        head = orjson.dumps({"status": answer.status, "headers": answer.headers})
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, head + b"\n" + answer.body, self.row_id)

    def open(self, sealed: bytes) -> Answer:
        """The answer that `close` sealed."""
        plain = self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], self.row_id)
        head, _, body = plain.partition(b"\n")
        values = orjson.loads(head)
        return Answer(values["status"], tuple((name, value) for name, value in values["headers"]), body)


def canonical(body: bytes) -> bytes:
    """A JSON body without the accidents of its writing; anything else as it is."""
    try:
        return orjson.dumps(orjson.loads(body), option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return body
