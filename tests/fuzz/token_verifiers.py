"""The real code that verifies credentials, each with good ones for it to accept and forged ones for it to refuse."""

import random
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any, Protocol
from uuid import UUID

from .token_forgery import Forger, near_miss

KEY, RETIRED_KEY = "fuzz-key-" * 5, "retired-key-" * 4
PROJECT = "fuzz"
# Of this moment, so that the same case is the same token in each run; their life outlasts all of us.
ISSUED = datetime(2025, 1, 1, tzinfo=UTC)
LIFE = timedelta(days=36_500)
GOOD = 8


class Verifier(Protocol):
    """What a part of the campaign tries."""

    def forged(self, chance: random.Random) -> tuple[str, Any]:
        """What was done, and something to refuse."""

    def good(self, chance: random.Random) -> Any:
        """Something to accept."""

    def accepts(self, what: Any) -> bool:
        """Whether it passes; an exception that is no refusal is a bug."""


def settings_of(**values: object) -> Any:
    """Settings of an instance as any, with a key of today and one of yesterday."""
    made = {"secret_key": KEY, "secret_keys_previous": (RETIRED_KEY,), "project_id": PROJECT, **values}
    return import_module("shared.config").Settings(_env_file=None, **made)


def _ids(chance: random.Random, count: int = GOOD) -> list[UUID]:
    return [UUID(int=chance.getrandbits(128), version=4) for _ in range(count)]


def _good_tokens(codec: Any, kind: str, chance: random.Random) -> tuple[str, ...]:
    return tuple(codec._issue(kind, user, *_ids(chance, 2), ISSUED, LIFE) for user in _ids(chance))


def _passes(read: Callable[[], object], refusal: type[Exception]) -> bool:
    try:
        read()
    except refusal:
        return False
    return True


class Tokens:
    """`TokenCodec`, by one of its two readers."""

    def __init__(self, kind: str, chance: random.Random) -> None:
        codec_of: Any = import_module("shared.auth").TokenCodec
        self.codec = codec_of(settings_of())
        kinds = {name: _good_tokens(self.codec, name, chance) for name in ("access", "refresh")}
        own = kinds.pop(kind)
        (others,) = kinds.values()
        retired = codec_of(settings_of(secret_key=RETIRED_KEY, secret_keys_previous=()))
        self._good = own + _good_tokens(retired, kind, chance)
        self._forger = Forger(own, others, KEY, PROJECT)
        self._read = {"access": self.codec.read_access, "refresh": self.codec.read_refresh}[kind]
        self._refusal = import_module("shared.errors").Unauthorized

    def forged(self, chance: random.Random) -> tuple[str, Any]:
        return self._forger.forged(chance)

    def good(self, chance: random.Random) -> Any:
        return chance.choice(self._good)

    def accepts(self, what: Any) -> bool:
        return _passes(lambda: self._read(what), self._refusal)


class Headers(Tokens):
    """`CredentialReader`, which reads an Authorization header for gateway and services alike: access tokens in it."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__("access", chance)
        module = import_module("shared.credentials")
        self._reader = module.CredentialReader(self.codec, module.KeyRing(_nobody))

    def forged(self, chance: random.Random) -> tuple[str, Any]:
        if chance.random() < 0.7:
            what, token = self._forger.forged(chance)
            return what, b"Bearer " + token.encode("utf-8", "surrogatepass")
        return "another header", chance.choice(_HEADERS).format(token=chance.choice(self._good)).encode()

    def good(self, chance: random.Random) -> Any:
        return chance.choice((b"Bearer ", b"bearer ", b"BEARER ")) + chance.choice(self._good).encode()

    def accepts(self, what: Any) -> bool:
        return self._reader.read(what).principal is not None


_HEADERS = (
    *("{token}", "Bearer", "Bearer  {token}", "Bearer\t{token}", "Basic {token}", "Token {token}", "Bearer: {token}"),
    *("Bearer {token} ", "Bearer {token},", "Bearer {token}, Bearer {token}", 'Bearer "{token}"', " Bearer {token}"),
    *(
        "Bearer {token}\x00",
        "Bearer\u00a0{token}",
        "Bearer%20{token}",
        "JWT {token}",
        "Bearer {token}#",
        "{token} Bearer",
    ),
)


async def _nobody(sha256: bytes) -> None:
    """No API key is known."""


class Keys:
    """`KeyRing` behind `CredentialReader`: API keys, of which the database knows some."""

    def __init__(self, chance: random.Random) -> None:
        api_keys, credentials = import_module("shared.api_keys"), import_module("shared.credentials")
        self._known = frozenset(_key(chance) for _ in range(GOOD))
        digests = {api_keys.api_key_sha256(key.encode()) for key in self._known}
        user, key_id = _ids(chance, 2)
        principal = credentials.principal_of_key(user, key_id, frozenset({"datasets:read"}), None)

        async def find(sha256: bytes) -> Any:
            return principal if sha256 in digests else None

        codec = import_module("shared.auth").TokenCodec(settings_of())
        self._reader = credentials.CredentialReader(codec, credentials.KeyRing(find))
        self._listed = sorted(self._known)

    def forged(self, chance: random.Random) -> tuple[str, Any]:
        return "near miss", near_miss(chance.choice(self._listed), self._known, chance)

    def good(self, chance: random.Random) -> Any:
        return chance.choice(self._listed)

    def accepts(self, what: Any) -> bool:
        found = self._reader.read(b"Bearer " + what.encode("utf-8", "surrogatepass"))
        if found.look_up is not None:
            found = _at_once(self._reader.look_up(found.look_up))
        return found.principal is not None


def _key(chance: random.Random) -> str:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    return "adp_" + "".join(chance.choices(letters, k=8)) + "_" + "".join(chance.choices(letters + "-_", k=43))


def _at_once(work: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine comes to that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits for something")


class Models:
    """`ModelSigner`: what a row says of a model's file, and the signature under it."""

    def __init__(self, chance: random.Random) -> None:
        module = import_module("ai-service.app.services.model_signatures")
        served = import_module("ai-service.app.repositories.served_models").ServedModel
        self._signer, self._refusal = module.ModelSigner(settings_of()), module.ModelNotGenuine
        retired = module.ModelSigner(settings_of(secret_key=RETIRED_KEY, secret_keys_previous=()))
        self._good = []
        for signer in (self._signer, retired):
            for project in _ids(chance):
                what = {"project_id": project, "model_id": _ids(chance, 1)[0], "version": chance.randint(1, 99)}
                sha256 = f"{chance.getrandbits(256):064x}"
                signature = signer.sign(*what.values(), sha256)
                self._good.append(served(name="m", key="k", sha256=sha256, signature=signature, **what))

    def forged(self, chance: random.Random) -> tuple[str, Any]:
        row, other = chance.sample(self._good, 2)
        name = chance.choice(("project_id", "model_id", "version", "sha256", "signature"))
        if name == "signature":
            return "signature", replace(row, signature=_changed(row.signature, chance))
        value = getattr(other, name)
        return name, replace(row, **{name: value + 1 if value == getattr(row, name) else value})

    def good(self, chance: random.Random) -> Any:
        return chance.choice(self._good)

    def accepts(self, what: Any) -> bool:
        return _passes(lambda: self._signer.require_genuine(what), self._refusal)


class Secrets:
    """`SecretBox`: encrypted keys of webhooks, bound to their rows."""

    def __init__(self, chance: random.Random) -> None:
        module = import_module("api-gateway.app.core.webhook_secrets")
        self._box, self._refusal = module.SecretBox(settings_of()), module.SecretUnreadable
        retired = module.SecretBox(settings_of(secret_key=RETIRED_KEY, secret_keys_previous=()))
        keys = [module.SigningKey(b"k" * 32)]
        self._good = [(row, box.close(row, keys)) for box in (self._box, retired) for row in _ids(chance)]

    def forged(self, chance: random.Random) -> tuple[str, Any]:
        (row, sealed), (other, _) = chance.sample(self._good, 2)
        return ("another row", (other, sealed)) if chance.random() < 0.2 else ("bytes", (row, _changed(sealed, chance)))

    def good(self, chance: random.Random) -> Any:
        return chance.choice(self._good)

    def accepts(self, what: Any) -> bool:
        return _passes(lambda: self._box.open(*what), self._refusal)


def _changed(data: bytes, chance: random.Random) -> bytes:
    """The bytes with one of them flipped, left out or added."""
    place = chance.randrange(len(data))
    flipped = data[:place] + bytes([data[place] ^ (1 << chance.randrange(8))]) + data[place + 1 :]
    return chance.choice((flipped, flipped, data[:place], data[:place] + data[place + 1 :], data + b"\x00"))


def verifiers(chance: random.Random) -> dict[str, Verifier]:
    """By the name of their part."""
    return {
        "access tokens": Tokens("access", chance),
        "refresh tokens": Tokens("refresh", chance),
        "headers": Headers(chance),
        "API keys": Keys(chance),
        "models": Models(chance),
        "webhook secrets": Secrets(chance),
    }
