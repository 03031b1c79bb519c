"""Uploads by the careless and the malicious: names, floods, races, lies, and clients that vanish (A73-A76)."""

import asyncio
import re
import socket
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import pytest

from .bombs import POLYGLOT
from .calm import Calm, calm
from .conftest import Join
from .people import People
from .places import Place
from .raw import request
from .uploader import CROWD, CSV, FORM_KIND, MEBIBYTE, Uploader, form
from .wire import Attacker, own_address

pytestmark = pytest.mark.e2e

NAMES = (
    "../../../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "/etc/passwd",
    "\u202ecod.exe\u202c",
    "\u2066x\u2069\u200b\ufeff",
    "a\r\nSet-Cookie: x=y",
    "a\x00b",
    "a\x1b[31mb",
    "a\x7fb",
    "<script>alert(1)</script>",
    '"; filename="x.html',
    "x.html",
    "a" * 10_000,
    "é" * 120,
    "😀",
    "%2e%2e%2f",
    "CON",
    ".",
    " ",
    "'; DROP TABLE datasets;--",
    "=HYPERLINK(1)",
)
FORMULAS = ('=HYPERLINK("http://127.0.0.1/","x")', "+cmd|' /C calc'!A0", "-1+1|cmd", "@SUM(1)", "\t=1", "\r=1", "=1+1")


@pytest.fixture(scope="module", autouse=True)
def watch(place: Place) -> Iterator[Calm]:
    with calm(place) as watch:
        yield watch


@pytest.fixture
async def uploader(attacker: Attacker, join: Join, place: Place) -> Uploader:
    return Uploader(attacker, join(), place)


def raw(place: Place, token: str, body: bytes, length: int) -> bytes:
    """A whole upload as bytes."""
    heads = [f"Authorization: Bearer {token}", f"Content-Type: {FORM_KIND}", f"Content-Length: {length}"]
    return request("POST", "/api/v1/upload/file", *heads, body=body)


def vanish(place: Place, sent: bytes) -> None:
    """Say so much, and go without a word."""
    parts = urlsplit(place.gateway)
    link = socket.create_connection((parts.hostname, parts.port), timeout=5, source_address=(own_address(), 0))
    link.sendall(sent)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    link.close()


async def test_names_are_only_names(uploader: Uploader) -> None:
    dataset = (await uploader.upload(wait=60)).json()
    for name in NAMES:
        filed = await uploader.session(8, filename=name)
        assert filed.status in (201, 422), f"{name!r}: {filed}"
        patched = await uploader.ask("PATCH", f"/datasets/{dataset['id']}", json_body={"name": name})
        assert patched.status in (200, 422), f"{name!r}: {patched}"
        again = await uploader.upload(name=name)
        # What may be a name at one door may be one at the other, where it is taken by now.
        assert again.status in ((409,) if patched.status == 200 else (400, 422)), f"{name!r}: {again}"
        if patched.status == 200:
            assert patched.json()["name"] == name.strip()
            await _look_at_downloads(uploader, dataset["id"])
    assert not [key for key in uploader.kept() if ".." in key or "passwd" in key]


async def _look_at_downloads(uploader: Uploader, dataset_id: str) -> None:
    for query in ("format=csv", "raw=true"):
        answer = await uploader.ask("GET", f"/datasets/{dataset_id}/download?{query}")
        assert answer.status == 200, answer
        heads = answer.headers
        assert re.match(r'attachment; filename="[^"/\\\x00-\x1f]+"', heads["content-disposition"]), heads
        told = unquote(heads["content-disposition"].partition("filename*=")[2])
        assert not set(told) & set("/\\\r\n\x00\u202e"), told
        assert "html" not in heads["content-type"]
        assert heads["x-content-type-options"] == "nosniff"
        assert "sandbox" in heads["content-security-policy"]


async def test_a_polyglot_comes_back_as_a_download_only(uploader: Uploader) -> None:
    dataset = (await uploader.upload(POLYGLOT, filename="x.html", wait=60)).json()
    if dataset["status"] == "ready":
        await _look_at_downloads(uploader, dataset["id"])


async def test_no_cell_is_a_formula_for_a_spreadsheet(uploader: Uploader) -> None:
    cells = "\n".join('"{}",1'.format(text.replace('"', '""')) for text in FORMULAS)
    dataset = (await uploader.upload(f"text,=n\n{cells}\n".encode(), wait=60)).json()
    assert dataset["status"] == "ready", dataset
    download = (await uploader.ask("GET", f"/datasets/{dataset['id']}/download?format=csv")).body.decode()
    assert not re.search(r'(^|,|\n)"?[-=+@\t\r]', download), download
    page = await uploader.ask("GET", f"/datasets/{dataset['id']}/profile/report")
    assert b"default-src 'none'" in page.headers["content-security-policy"].encode()


async def test_a_hundred_with_one_key_are_one(uploader: Uploader) -> None:
    key = str(uuid4())
    answers = await asyncio.gather(*(uploader.upload(key=key) for _ in range(100)))
    assert {answer.status for answer in answers} <= {202, 409, 503}
    assert {answer.code for answer in answers if answer.status == 409} <= {"idempotency_in_flight"}
    assert len({answer.json()["id"] for answer in answers if answer.status == 202}) == 1
    assert len(uploader.datasets()) == 1
    other = await uploader.upload(CSV + b"3,4\n", key=key)
    assert (other.status, other.code) == (422, "idempotency_mismatch"), other
    again = await uploader.upload(key=key)
    assert (again.status, again.headers["idempotency-replayed"]) == (202, "true")
    assert len(uploader.datasets()) == 1


async def test_a_quota_is_never_exceeded(uploader: Uploader, people: People) -> None:
    limit, path = 20 * MEBIBYTE, f"/projects/{uploader.project_id}/quotas"
    people.administrator.ok("PUT", path, json={"max_bytes": limit})
    content = b"a,b\n" + b"1,2\n" * (MEBIBYTE // 4 - 1)
    files = [uploader.upload(content, name=f"n{number}") for number in range(CROWD // 2)]
    sessions = [uploader.session(MEBIBYTE) for _ in range(CROWD // 2)]
    answers = await asyncio.gather(*files, *sessions)
    counts = Counter(answer.status for answer in answers)
    assert set(counts) <= {201, 202, 403, 503}, counts
    assert {answer.code for answer in answers if answer.status == 403} == {"quota_exceeded"}
    used = people.administrator.ok("GET", path)["bytes"]
    assert used["used"] <= limit, used
    assert counts[201] + counts[202] <= 20
    if not counts[503]:
        assert counts[201] + counts[202] >= 19
    assert len(uploader.datasets()) == counts[202]


STAGES = {
    "the head": 0.0,
    "a field": 0.005,
    "the file's head": 0.02,
    "the file": 0.5,
    "the last byte": 0.9999,
}


async def test_who_vanishes_leaves_nothing(uploader: Uploader, place: Place) -> None:
    token = uploader.person.tokens["access_token"]
    body = form(b"a,b\n" + b"1,2\n" * 8000, project_id=uploader.project_id)
    for share in STAGES.values():
        for _ in range(4):
            await asyncio.to_thread(vanish, place, raw(place, token, body[: int(len(body) * share)], len(body)))
    opened = (await uploader.session(2 * MEBIBYTE)).json()
    heads = [f"Authorization: Bearer {token}", "Content-Type: application/octet-stream", f"Content-Length: {MEBIBYTE}"]
    path = f"/api/v1/upload/sessions/{opened['id']}/parts/1"
    for share in (0.0, 0.3, 0.99):
        sent = request("PUT", path, *heads, body=bytes(int(MEBIBYTE * share)))
        await asyncio.to_thread(vanish, place, sent)
    state: dict[str, Any] = {}
    for _ in range(300):
        state = (await uploader.ask("GET", f"/upload/sessions/{opened['id']}")).json()
        if not uploader.kept():
            break
        await asyncio.sleep(0.1)
    assert state["missing"] == [1, 2]
    assert uploader.kept() == []
    assert uploader.datasets() == []
