"""What webhooks are signed with: made, read from what a user chose, and kept encrypted under SECRET_KEY."""

import base64
import binascii
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.config import Settings

PREFIX = "whsec_"
NEW_BYTES = 32
LEAST_BYTES, MOST_BYTES = 24, 64
LEAST_TEXT = 16
MOST_KEYS = 3
_MARK_BYTES = 4
_NONCE_BYTES = 12


class SecretUnreadable(Exception):
    """No key of this instance opens it: SECRET_KEY was changed without keeping the old one."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that signs until then; None: for as long as no other takes its place."""

    key: bytes
    until: datetime | None = None


def new_key() -> bytes:
    """A random key."""
    return os.urandom(NEW_BYTES)


def key_of(text: str) -> bytes:
    """The key that a user chose: the form of Standard Webhooks, else a text whose bytes are the key.

    Raises:
        ValueError: it is of neither kind.
    """
    if text.startswith(PREFIX):
        return _from_standard(text.removeprefix(PREFIX))
    key = text.encode()
    if len(text) < LEAST_TEXT or len(key) > MOST_BYTES or not text.isprintable():
        raise ValueError(
            f"must be {PREFIX} and base64 of {LEAST_BYTES} to {MOST_BYTES} bytes, or a text of "
            f"{LEAST_TEXT} to {MOST_BYTES} printable characters"
        )
    return key


def shown(key: bytes) -> str:
    """The form in which libraries of Standard Webhooks take a key."""
    return PREFIX + base64.b64encode(key).decode()


def succeed(keys: Sequence[SigningKey], key: bytes, now: datetime, grace: timedelta) -> tuple[SigningKey, ...]:
    """The keys once `key` is the present one; those from before sign for another `grace` at most."""
    end = now + grace
    old = (SigningKey(one.key, min(one.until or end, end)) for one in keys if one.key != key)
    kept = [one for one in old if one.until is not None and one.until > now]
    return (SigningKey(key), *kept[: MOST_KEYS - 1])


class SecretBox:
    """Encrypts the keys of one webhook, bound to its id.

    What comes out begins with a mark of the key that encrypted it, by which rows under a retired one are found.
    """

    def __init__(self, settings: Settings) -> None:
        secrets = (settings.secret_key, *settings.secret_keys_previous)
        derived = [_derive(secret.get_secret_value().encode()) for secret in secrets]
        self.mark = derived[0][0]
        self._present = derived[0][1]
        self._ciphers = derived

    def close(self, webhook_id: UUID, keys: Sequence[SigningKey]) -> bytes:
        """The keys, encrypted under the present SECRET_KEY."""
        plain = orjson.dumps([[base64.b64encode(one.key).decode(), one.until] for one in keys])
        nonce = os.urandom(_NONCE_BYTES)
        return self.mark + nonce + self._present.encrypt(nonce, plain, webhook_id.bytes)

    def open(self, webhook_id: UUID, sealed: bytes) -> tuple[SigningKey, ...]:
        """The keys that `close` took, the present one first.

        Raises:
            SecretUnreadable: they are under no key that this instance knows.
        """
        start = _MARK_BYTES + _NONCE_BYTES
        for mark, cipher in self._ciphers:
            if sealed[:_MARK_BYTES] == mark:
                try:
                    plain = cipher.decrypt(sealed[_MARK_BYTES:start], sealed[start:], webhook_id.bytes)
                except (InvalidTag, ValueError):
                    # ValueError: cut so short that not even the nonce is whole.
                    continue
                return tuple(_read(key, until) for key, until in orjson.loads(plain))
        raise SecretUnreadable

    def is_stale(self, sealed: bytes) -> bool:
        """Whether it is under a retired key."""
        return sealed[:_MARK_BYTES] != self.mark


def _derive(secret: bytes) -> tuple[bytes, AESGCM]:
    material = HKDF(SHA256(), _MARK_BYTES + 32, salt=None, info=b"webhook-secrets").derive(secret)
    return material[:_MARK_BYTES], AESGCM(material[_MARK_BYTES:])


def _read(key: str, until: str | None) -> SigningKey:
    return SigningKey(base64.b64decode(key), None if until is None else datetime.fromisoformat(until))


def _from_standard(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not LEAST_BYTES <= len(key) <= MOST_BYTES:
        raise ValueError(f"after {PREFIX} there must be base64 of {LEAST_BYTES} to {MOST_BYTES} bytes")
    return key
