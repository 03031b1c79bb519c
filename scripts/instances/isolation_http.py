"""Crossings over HTTP: what one instance's user, or who knows its key, tries at another's services."""

import base64
from ipaddress import ip_address, ip_network
from itertools import product
from typing import Any
from urllib.parse import urlsplit

from jose import jwt

from bucket import object_store
from instance import PORT_VARIABLES
from isolation import Crossing, NotApplicable, Side, Undecided, credential
from isolation_containers import door, inner_addresses
from isolation_guests import CONTENT, api, send
from modes import LOCAL

STORES = ("postgres", "redis", "object-store")


def crossings() -> list[Crossing]:
    """Those of this module."""
    return [
        credential("tokens", "access token at the gateway", _access_at_gateway),
        credential("tokens", "access token at the data service", _access_at_data),
        credential("tokens", "access token at the AI service", _access_at_ai),
        credential("tokens", "refresh token", _refresh),
        credential("tokens", "API key", _api_key),
        credential("tokens", "password of a user", _password),
        credential("tokens", "token forged with the other's SECRET_KEY", _forged),
        credential("tokens", "token with its claims rewritten", _rewritten),
        credential("data", "ids of a project, dataset and task", _ids),
        credential("data", "presigned upload URL", _presigned),
        Crossing("services", "webhooks to inner addresses", _webhooks, _webhook_outside),
        credential("services", "Flower with the other's password", _flower),
    ]


def _url(at: Side, service: str, path: str) -> str:
    address = door(at, service)
    return f"http://{address.host}:{address.port}{path}"


def _answer(method: str, url: str, bearer: str = "", **options: Any) -> tuple[int, Any]:
    try:
        status, body = send(method, url, bearer, **options)
    except OSError as error:
        raise Undecided(f"nobody answers at {urlsplit(url).netloc}") from error
    if status == 429 or status >= 500:
        raise Undecided(f"{urlsplit(url).netloc} answers {status}")
    return status, body


def _unless(status: int, refusal: int) -> str:
    """What opened, if the answer is anything but the refusal."""
    return "" if status == refusal else f"answers {status}"


def _access_at_gateway(who: Side, at: Side) -> str:
    status, _ = _answer("GET", api(at.instance, "/auth/me"), who.guest.access)
    return _unless(status, 401)


def _access_at_data(who: Side, at: Side) -> str:
    url = _url(at, "data-service", f"/manage/datasets/{at.guest.dataset_id}")
    status, _ = _answer("GET", url, who.guest.access)
    return _unless(status, 401)


def _access_at_ai(who: Side, at: Side) -> str:
    status, _ = _answer("GET", _url(at, "ai-service", f"/tasks/{at.guest.task_id}"), who.guest.access)
    return _unless(status, 401)


def _refresh(who: Side, at: Side) -> str:
    status, body = _answer("POST", api(at.instance, "/auth/refresh"), json={"refresh_token": who.guest.refresh})
    if status == 200 and who is at:
        # Used up by that: the next one is tried with what it gave.
        who.guest.refresh = body["refresh_token"]
    return _unless(status, 401)


def _api_key(who: Side, at: Side) -> str:
    status, _ = _answer("GET", api(at.instance, "/projects?limit=1"), who.guest.api_key)
    return _unless(status, 401)


def _password(who: Side, at: Side) -> str:
    login = {"email": who.guest.email, "password": who.guest.password}
    status, _ = _answer("POST", api(at.instance, "/auth/login"), json=login)
    return _unless(status, 401)


def _forged(who: Side, at: Side) -> str:
    """Everything as `at` would write it, for its own user's session, but signed with what `who` has."""
    claims = jwt.get_unverified_claims(at.guest.access)
    key = who.instance.values.get("SECRET_KEY", "")
    token = jwt.encode(claims, key, algorithm="HS256", headers={"typ": "at+jwt"})
    status, _ = _answer("GET", api(at.instance, "/auth/me"), token)
    return _unless(status, 401)


def _rewritten(who: Side, at: Side) -> str:
    """The other's header and signature round the claims that open this door."""
    header, payload, signature = who.guest.access.split(".")
    if who is not at:
        payload = at.guest.access.split(".")[1]
    status, _ = _answer("GET", api(at.instance, "/auth/me"), f"{header}.{payload}.{signature}")
    return _unless(status, 401)


def _ids(who: Side, at: Side) -> str:
    guest = who.guest
    paths = (f"/projects/{guest.project_id}", f"/datasets/{guest.dataset_id}", f"/tasks/{guest.task_id}")
    asked = {path: _answer("GET", api(at.instance, path), at.guest.access)[0] for path in paths}
    return ", ".join(f"{path.split('/')[1]} answers {status}" for path, status in asked.items() if status != 404)


def _presigned(who: Side, at: Side) -> str:
    """The URL at the other store: as that store's, under the host that was signed, and with the other's bucket."""
    parts = urlsplit(who.guest.upload_url)
    _, bucket, key = parts.path.split("/", 2)
    store = door(at, "object-store")
    netloc = f"{store.host}:{store.port}"
    for name, host in product({bucket, at.instance.values["S3_BUCKET"]}, {netloc, parts.netloc}):
        url = parts._replace(netloc=netloc, path=f"/{name}/{key}").geturl()
        status, _ = _answer("PUT", url, body=CONTENT, headers={"host": host})
        if 200 <= status < 300:
            if who is not at:
                object_store(at.instance).remove_object(name, key)
            return f"bucket {name} took the object"
    return ""


def _webhooks(who: Side, at: Side) -> str:
    targets = _inside(at)
    networks = [ip_network(text.strip()) for text in who.instance.values.get("WEBHOOK_NETWORKS", "").split(",") if text]
    if any(ip_address(host) in network for _, host, _ in targets for network in networks):
        raise NotApplicable("WEBHOOK_NETWORKS lets webhooks go there")
    taken = [service for service, host, port in targets if _takes_webhook(who, f"http://{host}:{port}/")]
    return ", ".join(f"{service}: taken" for service in taken)


def _webhook_outside(who: Side, _: Side) -> str:
    return "taken" if _takes_webhook(who, "https://example.com/") else ""


def _takes_webhook(who: Side, url: str) -> bool:
    """Whether the instance takes it; what it takes is removed before anything happens that it would tell of."""
    place = api(who.instance, f"/projects/{who.guest.project_id}/webhooks")
    status, body = _answer("POST", place, who.guest.access, json={"url": url, "events": ["dataset.ready"]})
    if status != 201:
        return False
    _answer("DELETE", f"{place}/{body['id']}", who.guest.access)
    return True


def _inside(side: Side) -> list[tuple[str, str, int]]:
    """Service, address and port as they are inside: this machine's, or the containers'."""
    if side.mode != LOCAL:
        return inner_addresses(side)
    ours = [*PORT_VARIABLES, *(name for name in STORES if not side.instance.is_external(name))]
    return [(name, "127.0.0.1", side.instance.address(name).port) for name in ours]


def _flower(who: Side, at: Side) -> str:
    if not (who.instance.flower_enabled and at.instance.flower_enabled):
        raise NotApplicable("FLOWER_ENABLED is false")
    address = who.instance.address("flower")
    credentials = base64.b64encode(f"{address.user}:{address.password}".encode()).decode()
    headers = {"authorization": f"Basic {credentials}"}
    status, _ = _answer("GET", _url(at, "flower", "/api/workers"), headers=headers)
    return _unless(status, 401)
