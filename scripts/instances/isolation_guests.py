"""A throw-away person at an instance, who owns one of each thing and takes it all along again."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import urllib3

from console import Refusal
from instance import Instance

SECONDS = 30.0
INGEST_SECONDS = 20
BUSY, PAUSES = frozenset({429, 503}), (1.0, 3.0)
CONTENT = b"a,b\n1,2\n3,4\n"

_pool = urllib3.PoolManager(num_pools=50, retries=False, timeout=SECONDS)


@dataclass
class Guest:
    """An account with tokens, a key, a project, a dataset, its task and an upload begun."""

    email: str
    password: str
    user_id: str = ""
    access: str = ""
    refresh: str = ""
    api_key: str = ""
    project_id: str = ""
    dataset_id: str = ""
    task_id: str = ""
    upload_id: str = ""
    upload_url: str = ""


def send(method: str, url: str, bearer: str = "", **options: Any) -> tuple[int, Any]:
    """One request, made again where the service has no time: the status and the decoded body.

    Raises:
        OSError: nobody answers.
    """
    headers = dict(options.pop("headers", {})) | ({"authorization": f"Bearer {bearer}"} if bearer else {})
    for pause in (*PAUSES, None):
        try:
            answer = _pool.request(method, url, headers=headers, **options)
        except urllib3.exceptions.HTTPError as error:
            raise ConnectionError("does not answer") from error
        if answer.status not in BUSY or pause is None:
            break
        time.sleep(pause)
    return answer.status, _decoded(answer.data)


def _decoded(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None


def api(instance: Instance, path: str) -> str:
    """The address of a path of the gateway's API."""
    return f"{reached(instance, 'api-gateway')}/api/v1{path}"


def reached(instance: Instance, service: str) -> str:
    """Where this machine reaches a service that speaks HTTP."""
    address = instance.address(service)
    return f"http://{address.host}:{address.port}"


def arrive(instance: Instance) -> Guest:
    """Register somebody new, who makes one of each thing.

    Raises:
        Refusal: the instance does not let a new person do that.
    """
    guest = Guest(f"isolation-{uuid4().hex[:16]}@example.org", uuid4().hex)
    try:
        _settle(instance, guest)
    except BaseException:
        leave(instance, guest)
        raise
    return guest


def leave(instance: Instance, guest: Guest) -> bool:
    """Delete the account and what it owns; whether nothing of it is left."""
    try:
        if not guest.access and not _log_in(instance, guest):
            return True
        if guest.upload_id:
            send("DELETE", api(instance, f"/upload/sessions/{guest.upload_id}"), guest.access)
        status, _ = send("DELETE", api(instance, "/users/me"), guest.access)
    except OSError:
        return False
    return status == 204


def _log_in(instance: Instance, guest: Guest) -> bool:
    """Whether there is such an account: whoever is interrupted while registering does not know."""
    status, body = send("POST", api(instance, "/auth/login"), json={"email": guest.email, "password": guest.password})
    guest.access = body["access_token"] if status == 200 else ""
    return status == 200


def _settle(instance: Instance, guest: Guest) -> None:
    login = {"email": guest.email, "password": guest.password}
    guest.user_id = _made(instance, guest, "/auth/register", json=login)["id"]
    tokens = _made(instance, guest, "/auth/login", json=login)
    guest.access, guest.refresh = tokens["access_token"], tokens["refresh_token"]
    guest.project_id = _made(instance, guest, "/projects", json={"name": "Isolation check"})["id"]
    guest.api_key = _made(instance, guest, "/auth/api-keys", json={"name": "Isolation check"})["key"]
    file = {"project_id": guest.project_id, "file": ("isolation.csv", CONTENT, "text/csv")}
    dataset = _made(instance, guest, f"/upload/file?wait={INGEST_SECONDS}", fields=file)
    guest.dataset_id, guest.task_id = dataset["id"], dataset["task_id"]
    order = {"project_id": guest.project_id, "filename": "isolation.csv", "bytes": len(CONTENT)}
    upload = _made(instance, guest, "/upload/presign", json=order)
    guest.upload_id, guest.upload_url = upload["id"], upload["urls"][0]["url"]


def _made(instance: Instance, guest: Guest, path: str, **options: Any) -> Mapping[str, Any]:
    try:
        status, body = send("POST", api(instance, path), guest.access, **options)
    except OSError as error:
        raise Refusal(
            f"{instance.name} does not answer at {reached(instance, 'api-gateway')}: "
            f"start it with ./scripts/start-dev.sh --project {instance.name}"
        ) from error
    if not 200 <= status < 300 or not isinstance(body, dict):
        code = body.get("code", "") if isinstance(body, dict) else ""
        raise Refusal(f"{instance.name}: POST {path.partition('?')[0]} answered {status} {code}".rstrip())
    return body
