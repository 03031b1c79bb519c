"""Datasets as a client of the gateway makes them: upload, wait, remove."""

import json
import secrets
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .client import User, call
from .errors import BenchError

BLOCK = 1 << 20
POLL_SECONDS = 0.5
LIMIT_SECONDS = 900


def upload(api: str, user: User, project_id: str, path: Path) -> Any:
    """Send the file as a form, a megabyte at a time; the dataset."""
    boundary = secrets.token_hex(16)
    part = f"--{boundary}\r\nContent-Disposition: form-data; name="
    head = f'{part}"project_id"\r\n\r\n{project_id}\r\n{part}"file"; filename="{path.name}"\r\nContent-Type: text/csv'
    head += "\r\n\r\n"
    tail = f"\r\n--{boundary}--\r\n"
    length = len(head) + path.stat().st_size + len(tail)
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Content-Length": str(length)}
    body = _form(head.encode(), path, tail.encode())
    return call("POST", f"{api}/upload/file", token=user.token, stream=body, headers=headers)


def put_directly(api: str, user: User, project_id: str, path: Path) -> None:
    """Send the file straight to the object store, by a signed URL; the upload is then given up."""
    size = path.stat().st_size
    body = {"project_id": project_id, "filename": path.name, "bytes": size, "part_size": size}
    session = call("POST", f"{api}/upload/presign", token=user.token, body=body)
    [part] = session["urls"]
    url = urlsplit(part["url"])
    connection = HTTPConnection(url.hostname or "127.0.0.1", url.port, timeout=LIMIT_SECONDS)
    headers = {"Content-Length": str(size)}
    connection.request("PUT", f"{url.path}?{url.query}", body=_blocks(path), headers=headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status != 200:
        raise BenchError(f"the object store answered {answer.status}")
    call("DELETE", f"{api}/upload/sessions/{session['id']}", token=user.token)


def wait_for(api: str, user: User, task_id: str) -> None:
    """Return when the task has succeeded."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < deadline:
        task = call("GET", f"{api}/tasks/{task_id}", token=user.token)
        if task["status"] == "succeeded":
            return
        if task["status"] not in {"queued", "running"}:
            raise BenchError(f"the ingest task is {task['status']}: {json.dumps(task['error'])}")
        time.sleep(POLL_SECONDS)
    raise BenchError(f"the ingest task did not end within {LIMIT_SECONDS} s")


def remove(api: str, user: User, dataset_id: str) -> None:
    """Call off what the dataset does and remove it with its files."""
    call("DELETE", f"{api}/datasets/{dataset_id}?purge=true", token=user.token)


def _form(head: bytes, path: Path, tail: bytes) -> Iterator[bytes]:
    yield head
    yield from _blocks(path)
    yield tail


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            yield block
