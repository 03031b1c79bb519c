"""A few requests as a user of the gateway makes them, with the standard library only."""

import http.client
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .errors import BenchError

FULL_NAME = "Bench Mark"
TIMEOUT_SECONDS = 600


@dataclass(frozen=True, slots=True)
class User:
    """Someone who has just registered and logged in."""

    email: str
    token: str


def call(
    method: str,
    url: str,
    *,
    token: str = "",
    body: object | None = None,
    stream: Iterable[bytes] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Any:
    """The JSON of the answer; raise with the problem's text when it is not 2xx."""
    parts = urlsplit(url)
    sent = {"Authorization": f"Bearer {token}"} if token else {}
    data: Iterable[bytes] | bytes | None = stream
    if body is not None:
        data = json.dumps(body).encode()
        sent["Content-Type"] = "application/json"
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=TIMEOUT_SECONDS)
    try:
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.request(method, path, body=data, headers={**sent, **(headers or {})})
        response = connection.getresponse()
        text = response.read()
    except OSError as error:
        raise BenchError(f"{method} {url} got no answer: {error}") from error
    finally:
        connection.close()
    if not 200 <= response.status < 300:
        raise BenchError(f"{method} {url} answered {response.status}: {text[:500].decode(errors='replace')}")
    return json.loads(text) if text else None


def new_user(gateway: str) -> User:
    """Register and log in somebody new."""
    email, password = f"bench-{secrets.token_hex(6)}@example.com", secrets.token_urlsafe(18)
    call("POST", f"{gateway}/api/v1/auth/register", body={"email": email, "password": password, "full_name": FULL_NAME})
    pair = call("POST", f"{gateway}/api/v1/auth/login", body={"email": email, "password": password})
    return User(email, pair["access_token"])
