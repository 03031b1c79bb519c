"""Forged tokens, at every door."""

import base64
import json
import time
from typing import Any

import pytest
from jose import jwt

from shared.auth import TokenCodec
from shared.config import Settings

from .people import Person

pytestmark = pytest.mark.integration

DOORS = (("GET", "/auth/me"), ("GET", "/projects"), ("POST", "/auth/logout-all"))


def segment(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def forgeries(token: str, settings: Settings) -> dict[str, str]:
    """Tokens that must open nothing."""
    header, payload, signature = token.split(".")
    claims = jwt.get_unverified_claims(token)
    key = settings.secret_key.get_secret_value()

    def signed(header: dict[str, Any] | None = None, key: str = key, algorithm: str = "HS256", **changes: Any) -> str:
        body = {name: value for name, value in {**claims, **changes}.items() if value is not None}
        forged: str = jwt.encode(body, key, algorithm=algorithm, headers=header or {"typ": "at+jwt"})
        return forged

    made = {
        "empty": "",
        "no signature": f"{header}.{payload}.",
        "two parts": f"{header}.{payload}",
        "other payload": f"{header}.{segment({**claims, 'sub': claims['sid']})}.{signature}",
        "HS512": signed(algorithm="HS512"),
        "HS384": signed(algorithm="HS384"),
        "plain type": signed({"typ": "JWT"}),
        "critical extension": signed({"typ": "at+jwt", "crit": ["x"], "x": 1}),
        "key id": signed({"typ": "at+jwt", "kid": "../../etc/passwd"}),
        "expired": signed(exp=int(time.time()) - 1),
        "from the future": signed(iat=int(time.time()) + 3600),
        "other instance": signed(iss="pro2", aud="pro2"),
        "other audience": signed(aud="pro2"),
        "empty key": signed(key=" "),
        "guessed key": signed(key="secret"),
        "placeholder key": signed(key="your-super-secret-key-32-chars-minimum"),
        "nested": segment({"a": 1}) + "." + payload + "." + signature,
        "huge": token + "x" * 8192,
    }
    for claim in ("exp", "iat", "iss", "aud", "sub", "sid", "jti"):
        absent: dict[str, Any] = {claim: None}
        made[f"no {claim}"] = signed(**absent)
    made |= {
        f"alg {name}": f"{segment({'alg': name, 'typ': 'at+jwt'})}.{payload}." for name in ("none", "None", "nOnE")
    }
    return made


async def test_forged_tokens_open_nothing(ada: Person, gateway_settings: Settings) -> None:
    good = ada.access_token
    for name, token in forgeries(good, gateway_settings).items():
        ada.access_token = token
        for method, path in DOORS:
            answer = await ada.call(method, path)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), (name, path)
    ada.access_token = good
    assert (await ada.call("GET", "/auth/me")).status_code == 200


async def test_refresh_token_is_no_access_token(ada: Person) -> None:
    ada.access_token = ada.refresh_token
    for method, path in DOORS:
        assert (await ada.call(method, path)).status_code == 401


async def test_token_of_another_instance_under_the_same_key(ada: Person, gateway_settings: Settings) -> None:
    claims = TokenCodec(gateway_settings).read_access(ada.access_token)
    other = TokenCodec(gateway_settings.model_copy(update={"project_id": "pro2"}))
    ada.access_token = other.issue_access(claims.user_id, claims.session_id)
    assert (await ada.call("GET", "/auth/me")).status_code == 401


async def test_session_of_somebody_else(ada: Person, bob: Person, gateway_settings: Settings) -> None:
    codec = TokenCodec(gateway_settings)
    mine, theirs = codec.read_access(ada.access_token), codec.read_access(bob.access_token)
    ada.access_token = codec.issue_access(mine.user_id, theirs.session_id)
    assert (await ada.call("GET", "/auth/me")).status_code == 401
