"""The form of API keys, and what is kept of them."""

import base64
import hashlib

import pytest

from shared.api_keys import API_KEY_PREFIX, api_key_sha256, is_api_key, new_api_key


def test_a_key_holds_32_random_bytes_and_is_known_by_its_digest() -> None:
    keys = [new_api_key() for _ in range(200)]
    assert len({made.key for made in keys}) == len({made.sha256 for made in keys}) == 200
    for made in keys:
        assert is_api_key(made.key.encode())
        assert made.key.startswith(made.prefix + "_")
        assert made.prefix.startswith(API_KEY_PREFIX)
        assert len(made.prefix) == len(API_KEY_PREFIX) + 8
        assert len(made.key) < 100
        secret = made.key[len(made.prefix) + 1 :]
        assert len(base64.urlsafe_b64decode(secret + "=")) == 32
        assert made.sha256 == hashlib.sha256(made.key.encode()).digest() == api_key_sha256(made.key.encode())


KEY = "adp_AbCd1234_" + "x-_9" * 10 + "xyz"


@pytest.mark.parametrize(
    "text",
    [
        KEY[:-1],
        KEY + "A",
        KEY + "\n",
        " " + KEY,
        KEY.upper(),
        KEY.replace("adp_", "adq_"),
        KEY[:8] + "-" + KEY[9:],
        KEY[:20] + "é" + KEY[21:],
        KEY[:20] + "\x00" + KEY[21:],
        "adp_",
        "",
    ],
)
def test_what_is_no_key_is_not_looked_up(text: str) -> None:
    assert is_api_key(KEY.encode())
    assert not is_api_key(text.encode())
