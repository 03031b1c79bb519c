"""API keys: how one is made, recognised and digested. The secret is random, so SHA-256 is all that has to be kept."""

import base64
import hashlib
import re
import secrets
import string
from typing import NamedTuple

API_KEY_PREFIX = "adp_"
SECRET_BYTES = 32
_PUBLIC_CHARACTERS = 8
_ALPHABET = string.ascii_letters + string.digits
_SHAPE = re.compile(rb"adp_[A-Za-z0-9]{8}_[A-Za-z0-9_-]{43}")


class NewKey(NamedTuple):
    """A key that is shown once, the beginning by which its owner knows it again, and what the database keeps."""

    key: str
    prefix: str
    sha256: bytes


def new_api_key() -> NewKey:
    """A key of 56 characters with 32 random bytes in it."""
    prefix = API_KEY_PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_PUBLIC_CHARACTERS))
    secret = base64.urlsafe_b64encode(secrets.token_bytes(SECRET_BYTES)).rstrip(b"=").decode()
    key = f"{prefix}_{secret}"
    return NewKey(key, prefix, api_key_sha256(key.encode()))


def is_api_key(token: bytes) -> bool:
    """Whether this has the form of a key, so that looking it up is worth while."""
    return _SHAPE.fullmatch(token) is not None


def api_key_sha256(key: bytes) -> bytes:
    """What is stored of a key."""
    return hashlib.sha256(key).digest()
