"""Forged credentials by the million: each follows from chance, and is none that the instance has given out."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256, sha384, sha512
from typing import Any

from ..adversarial.forge import (
    ALPHABET,
    Digest,
    Forge,
    decode,
    encode,
    mutant,
    odd_claims,
    odd_heads,
    sign,
    wrong_signatures,
)

_DIGESTS: tuple[Digest, ...] = (sha256, sha256, sha384, sha512)
_ALGORITHMS: tuple[object, ...] = (
    "none",
    "None",
    "NONE",
    "HS256",
    "HS384",
    "HS512",
    "RS256",
    "ES256",
    "PS256",
    "EdDSA",
    "hs256",
    "",
    None,
    0,
    [],
)
_MEMBERS: dict[str, tuple[Any, ...]] = {
    "kid": ("0", "../../../dev/null", "' OR 1=1--", None, ["a"], "http://127.0.0.1:9/"),
    "typ": ("JWT", "rt+jwt", "at+JWT", "", None, "at+jwt "),
    "crit": (["exp"], ["b64"], [], "exp", None),
    "b64": (False, True, 0),
    "zip": ("DEF", None),
    "cty": ("JWT", "at+jwt"),
    "jku": ("http://127.0.0.1:9/keys",),
    "jwk": ({"kty": "oct", "k": encode(b"attacker")}, None),
    "x5c": (["MIIB"], None),
    "epk": ({}, None),
}
_NO_IDS: tuple[object, ...] = ("", "x", None, 0, [], {}, "1 OR 1=1", "0" * 31, "\x00", "g" * 32, "{}", True)
_WORDS = (
    "",
    "Bearer",
    "null",
    "undefined",
    "..",
    "...",
    "eyJhbGciOiJub25lIn0.e30.",
    "a.b.c",
    "-._",
    "\u00e9.\u00e9.\u00e9",
)


@dataclass(frozen=True)
class Forger:
    """An attacker who has seen good tokens of one kind, and even the key; `others` are good ones of the other kind."""

    good: tuple[str, ...]
    others: tuple[str, ...]
    key: str
    project: str

    @cached_property
    def _forges(self) -> list[Forge]:
        return [Forge(token, self.key) for token in self.good]

    @cached_property
    def _known(self) -> list[str]:
        """What a list of known tricks makes of each good token."""
        made = [
            token
            for forge in self._forges
            for tricks in (wrong_signatures(forge), odd_heads(forge), odd_claims(forge, f"{self.project}x"))
            for name, token in tricks.items()
            # A session is known to be none by its row alone; and what was to come an hour after our good ones is past.
            if name not in ("no session", "nbf to come")
        ]
        return [token for token in made if not self._is_good(token)]

    @cached_property
    def _meanings(self) -> frozenset[tuple[bytes, ...]]:
        return frozenset(_meaning(token) for token in self.good)

    def _is_good(self, token: str) -> bool:
        """Whether it is another spelling of a good one: base64 leaves bits over that mean nothing."""
        try:
            return _meaning(token) in self._meanings
        except ValueError:
            return False

    def forged(self, chance: random.Random) -> tuple[str, str]:
        """What was done, and a token that nobody may accept."""
        while True:
            name, make = chance.choice(_TRICKS)
            token = make(self, chance)
            if not self._is_good(token):
                return name, token

    def accident(self, chance: random.Random) -> str:
        token = chance.choice(self.good)
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            token = mutant(token, chance) or "x"
        return token

    def known(self, chance: random.Random) -> str:
        token = chance.choice(self._known)
        return token if chance.random() < 0.7 else mutant(token, chance)

    def pasted(self, chance: random.Random) -> str:
        """Segments of several good tokens, and of the other kind."""
        parts = [chance.choice(self.good + self.others).split(".")[place] for place in range(3)]
        token = ".".join(parts)
        # Of one token only it is that token, or one of the other kind, which is refused as such.
        return token if chance.random() < 0.9 else f"{token}.{parts[0]}"

    def head(self, chance: random.Random) -> str:
        """Right claims below a header of one's own, under some key and digest."""
        forge = chance.choice(self._forges)
        head: dict[str, Any] = {"alg": chance.choice(_ALGORITHMS)}
        for name in chance.sample(list(_MEMBERS), chance.randint(1, 3)):
            head[name] = chance.choice(_MEMBERS[name])
        segment = encode(json.dumps(head, separators=chance.choice(((",", ":"), (", ", ": ")))).encode())
        key = chance.choice((forge.key, forge.key, b"", b"attacker", forge.key[::-1], forge.head.encode()))
        return sign(segment, forge.payload, key, chance.choice(_DIGESTS))

    def claim(self, chance: random.Random) -> str:
        """Claims that must not pass, under the right key and header."""
        forge = chance.choice(self._forges)
        return forge.with_claims(**_bad_claims(chance, self.project))

    def stranger(self, chance: random.Random) -> str:
        """What another instance signs: ours with its key, or in its name with the same key."""
        forge = chance.choice(self._forges)
        other = chance.choice(
            (f"{self.project}x", self.project.upper(), f" {self.project}", "pro2", "", [self.project])
        )
        if chance.random() < 0.5:
            key = bytes(chance.randrange(1, 256) for _ in range(chance.choice((1, 32, 64))))
            return sign(forge.head, forge.payload, key)
        return forge.with_claims(**dict.fromkeys(chance.choice((("iss",), ("aud",), ("iss", "aud"))), other))

    def other_kind(self, chance: random.Random) -> str:
        """A good token of the other kind; or its claims below our header, which its own signature does not fit."""
        head, payload, signature = chance.choice(self.others).split(".")
        return f"{chance.choice((head, self._forges[0].head))}.{payload}.{signature}"

    def noise(self, chance: random.Random) -> str:
        if chance.random() < 0.3:
            return chance.choice(_WORDS)
        return ".".join("".join(chance.choices(ALPHABET, k=chance.choice((0, 1, 4, 40, 200)))) for _ in range(3))


def _meaning(token: str) -> tuple[bytes, ...]:
    return tuple(decode(segment) for segment in token.split("."))


def _bad_claims(chance: random.Random, project: str) -> dict[str, Any]:
    day = 86_400
    return chance.choice(
        (
            {"exp": chance.randrange(1, 1_700_000_000), "iat": 0},
            {"iat": 4_000_000_000 + chance.randrange(day), "exp": 4_000_000_000 + 2 * day},
            {"nbf": 4_000_000_000 + chance.randrange(day)},
            {"iat": 2_000_000_000, "exp": 1_999_999_999 - chance.randrange(day)},
            {chance.choice(("sub", "sid", "jti")): chance.choice(_NO_IDS)},
            {chance.choice(("iss", "aud", "sub", "sid", "jti", "iat", "exp")): ...},
            {chance.choice(("iat", "exp")): chance.choice((None, "", [], {}, 1e400, float("nan"), "soon", -(10**20)))},
            {"aud": chance.choice(([project, "x"], [project], {project: 1}, None, project + "\x00"))},
            {"iss": chance.choice(([project], None, 0, project + " "))},
        )
    )


Trick = Callable[[Forger, random.Random], str]
_TRICKS: tuple[tuple[str, Trick], ...] = (
    ("accident", Forger.accident),
    ("accident", Forger.accident),
    ("accident", Forger.accident),
    ("known trick", Forger.known),
    ("pasted together", Forger.pasted),
    ("header", Forger.head),
    ("claims", Forger.claim),
    ("another instance", Forger.stranger),
    ("another kind", Forger.other_kind),
    ("noise", Forger.noise),
)


def near_miss(key: str, known: frozenset[str], chance: random.Random) -> str:
    """An API key that is almost one."""
    while True:
        word = chance.choice(
            (
                lambda: mutant(key, chance),
                lambda: key.swapcase(),
                lambda: key[:13] + "".join(chance.choices(ALPHABET, k=43)),
                lambda: key[:4] + "".join(chance.choices(ALPHABET[:-2], k=8)) + key[12:],
                lambda: key[: -chance.randint(1, 5)],
                lambda: key + chance.choice(ALPHABET),
                lambda: chance.choice((" ", "\t", "adp_", "\u00a0")) + key,
                lambda: key[:-1] + chance.choice(ALPHABET),
            )
        )()
        if word not in known:
            return word
