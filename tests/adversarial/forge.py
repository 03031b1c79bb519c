"""Makes tokens of every wrong kind, byte by byte, so that no library's own checks stand in the way."""

import base64
import hashlib
import hmac
import json
import random
import string
from collections.abc import Callable
from typing import Any
from uuid import uuid4

Digest = Callable[..., Any]
ALPHABET = string.ascii_letters + string.digits + "-_"


def encode(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def decode(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(decode(token.split(".")[1]))
    return claims


def sign(head: str, payload: str, key: bytes, digest: Digest = hashlib.sha256) -> str:
    """A token from two segments."""
    mac = hmac.digest(key, f"{head}.{payload}".encode(), digest) if key else b""
    return f"{head}.{payload}.{encode(mac)}"


class Forge:
    """Variations of one good access token, signed with the instance's own key unless said otherwise."""

    def __init__(self, good: str, key: str) -> None:
        self.good = good
        self.key = key.encode()
        self.head, self.payload, self.signature = good.split(".")
        self.claims = claims_of(good)

    def with_claims(self, **changes: object) -> str:
        """Changed claims; `...` removes one."""
        claims = {name: value for name, value in (self.claims | changes).items() if value is not ...}
        return self.with_payload(json.dumps(claims).encode())

    def with_payload(self, payload: bytes) -> str:
        return sign(self.head, encode(payload), self.key)

    def with_head(self, digest: Digest = hashlib.sha256, key: bytes | None = None, **members: object) -> str:
        """A header of one's own, around the same claims."""
        head = {"alg": "HS256", "typ": "at+jwt"} | members
        return sign(encode(json.dumps(head).encode()), self.payload, self.key if key is None else key, digest)

    def with_key(self, key: str) -> str:
        return sign(self.head, self.payload, key.encode() or b"\x00")

    def unsigned(self, algorithm: str) -> str:
        head = encode(json.dumps({"alg": algorithm, "typ": "at+jwt"}).encode())
        return f"{head}.{self.payload}."


def wrong_signatures(forge: Forge) -> dict[str, str]:
    """Right claims under no signature, another algorithm's, or another key's (A1 to A3)."""
    unsigned = {f"alg {name!r}": forge.unsigned(name) for name in ("none", "None", "NONE", "nOnE", "", "HS256")}
    algorithms = {
        "HS384": forge.with_head(hashlib.sha384, alg="HS384"),
        "HS512": forge.with_head(hashlib.sha512, alg="HS512"),
        "RS256": forge.with_head(alg="RS256"),
        "ES256": forge.with_head(alg="ES256"),
        "HS512 said, HS256 done": forge.with_head(alg="HS512"),
        "HS256 said, HS512 done": sign(forge.head, forge.payload, forge.key, hashlib.sha512),
    }
    words = ("", "secret", "your-super-secret-key-32-chars-minimum", forge.key.decode().upper(), uuid4().hex * 2)
    keys = {f"key {number}": forge.with_key(word) for number, word in enumerate(words)}
    stripped = {
        "no signature": f"{forge.head}.{forge.payload}.",
        "two parts": f"{forge.head}.{forge.payload}",
        "four parts": f"{forge.good}.{forge.signature}",
        "five parts, as encrypted": f"{forge.good}.{forge.signature}.{forge.signature}",
        "signature of another": f"{forge.head}.{encode(b'{}')}.{forge.signature}",
        "padded": forge.good + "=",
        "spaced": forge.good.replace(".", " . "),
        "twice": f"{forge.good} {forge.good}",
        "quoted": f'"{forge.good}"',
    }
    return unsigned | algorithms | keys | stripped


def odd_heads(forge: Forge) -> dict[str, str]:
    """Right signature under a header that tries to steer the reader (A11)."""
    members: dict[str, dict[str, Any]] = {
        "crit": {"crit": ["exp"]},
        "crit b64": {"crit": ["b64"], "b64": False},
        "jku": {"jku": "http://127.0.0.1:9/keys"},
        "x5u": {"x5u": "http://127.0.0.1:9/chain"},
        "jwk": {"jwk": {"kty": "oct", "k": encode(b"attacker")}},
        "kid path": {"kid": "../../../../dev/null"},
        "kid sql": {"kid": "x' UNION SELECT 'key'--"},
        "kid list": {"kid": ["a"] * 500},
        "typ JWT": {"typ": "JWT"},
        "typ refresh": {"typ": "rt+jwt"},
        "typ absent": {"typ": None},
        "alg list": {"alg": ["HS256"]},
        "zip": {"zip": "DEF"},
    }
    odd = {name: forge.with_head(**member) for name, member in members.items()}
    texts = {
        "spaces": b'{"alg": "HS256", "typ": "at+jwt"}',
        "order": b'{"typ":"at+jwt","alg":"HS256"}',
        "doubled": b'{"alg":"none","alg":"HS256","typ":"at+jwt"}',
        "deep": b"[" * 990 + b"]" * 990,
        "deeper": b'{"a":' * 400 + b"1" + b"}" * 400,
        "no json": b"\xff\xfe",
        "empty": b"",
        "list": b"[]",
    }
    own_head = decode(forge.head)
    return odd | {
        name: sign(encode(text), forge.payload, forge.key) for name, text in texts.items() if text != own_head
    }


def odd_claims(forge: Forge, other_project: str) -> dict[str, str]:
    """Right signature over claims that are absent, of another kind, or somebody else's."""
    made = {f"{name} absent": forge.with_claims(**{name: ...}) for name in forge.claims}
    kinds: tuple[object, ...] = (
        None,
        "",
        "x",
        [],
        {},
        [1],
        {"a": 1},
        -1,
        10**30,
        1e308,
        float("nan"),
        float("inf"),
        "\x00",
    )
    for name in forge.claims:
        # A moment before 1970 is an odd time to have been issued, but a time.
        sensible = -1 if name == "iat" else ...
        made |= {f"{name} = {kind!r}": forge.with_claims(**{name: kind}) for kind in kinds if kind != sensible}
    mine = forge.claims["aud"]
    for name in ("iss", "aud"):
        values: tuple[object, ...] = (other_project, mine.upper(), f"{mine} ", [mine], [mine, other_project], {mine: 1})
        made |= {f"{name} = {value!r}": forge.with_claims(**{name: value}) for value in values}
    now = forge.claims["iat"]
    made |= {
        "expired": forge.with_claims(iat=now - 7200, exp=now - 1),
        "expired at the epoch": forge.with_claims(exp=0),
        "not yet": forge.with_claims(iat=now + 3600, exp=now + 7200),
        "nbf to come": forge.with_claims(nbf=now + 3600),
        "no session": forge.with_claims(sid=str(uuid4())),
        "no uuid": forge.with_claims(sub="1 OR 1=1"),
        "uuid and more": forge.with_claims(sid=f"{forge.claims['sid']}0"),
    }
    return made | {f"payload {number}": forge.with_payload(text) for number, text in enumerate(_PAYLOADS)}


_PAYLOADS = (b"", b"null", b"[]", b'"x"', b"{", b"\xff\xfe", b"\xef\xbb\xbf{}", b"[" * 900 + b"]" * 900, b"{}" * 2)


def mutant(token: str, chance: random.Random) -> str:
    """The token after some random accident."""
    segments = token.split(".")
    kind = chance.randrange(7)
    place = chance.randrange(len(token))
    if kind == 0:
        return token[:place] + chance.choice(ALPHABET) + token[place + 1 :]
    if kind == 1:
        return token[:place] + chr(ord(token[place]) ^ (1 << chance.randrange(7))) + token[place + 1 :]
    if kind == 2:
        return token[:place] + token[place + chance.randrange(1, 4) :]
    if kind == 3:
        return token[:place] + "".join(chance.choices(ALPHABET, k=chance.randrange(1, 9))) + token[place:]
    if kind == 4:
        chance.shuffle(segments)
        return ".".join(segments)
    if kind == 5:
        other = chance.randrange(len(token))
        return token[: min(place, other)] + token[max(place, other) :]
    return ".".join(segment[: chance.randrange(len(segment) + 1)] or segment for segment in segments)


def says_the_same(left: str, right: str) -> bool:
    """Whether two spellings are one token: base64 leaves bits over at the end of a segment that mean nothing."""
    try:
        return [decode(segment) for segment in left.split(".")] == [decode(segment) for segment in right.split(".")]
    except ValueError:
        return False
