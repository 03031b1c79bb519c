"""Parts of uploads that lie, flood or do not fit, and what a presigned URL opens."""

import asyncio
import base64
import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from .calm import Calm, calm
from .conftest import Join
from .places import Place
from .uploader import CROWD, CSV, MEBIBYTE, Uploader
from .wire import Attacker

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module", autouse=True)
def watch(place: Place) -> Iterator[Calm]:
    with calm(place) as watch:
        yield watch


@pytest.fixture
async def uploader(attacker: Attacker, join: Join, place: Place) -> Uploader:
    return Uploader(attacker, join(), place)


def digest(content: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


async def test_lies_about_parts_are_refused(uploader: Uploader) -> None:
    content = b"a,b\n" + b"1,2\n" * (MEBIBYTE // 2 - 1)
    first, second = content[:MEBIBYTE], content[MEBIBYTE:]
    opened = (await uploader.session(len(content), sha256=hashlib.sha256(first).hexdigest())).json()["id"]
    for number, part, told, code in (
        (1, first, digest(second + b"x"), "digest_mismatch"),
        (1, first, "sha-256=:AAAA:", "invalid_digest"),
        (1, first, "sha-256=:" + "=" * 900 + ":", "invalid_digest"),
        (1, first + b"x", None, "wrong_part_size"),
        (1, first[:-1], None, "wrong_part_size"),
        (1, b"", None, "wrong_part_size"),
        (4, first, None, "unknown_part"),
        (10_000, first, None, "unknown_part"),
    ):
        answer = await uploader.put(opened, number, part, told)
        assert (answer.status, answer.code) == (422, code), f"{number} {told}: {answer}"
    for place in ("0", "-1", "10001", "1e3", "x", "99999999999999999999"):
        answer = await uploader.ask("PUT", f"/upload/sessions/{opened}/parts/{place}", data=io.BytesIO(first))
        assert answer.status in (404, 422), answer
    assert uploader.kept() == []
    early = await uploader.ask("POST", f"/upload/sessions/{opened}/complete", json_body={})
    assert (early.status, early.code) == (409, "upload_incomplete")
    assert [(await uploader.put(opened, n, part, digest(part))).status for n, part in ((2, second), (1, first))] == [
        200
    ] * 2
    done = await uploader.ask("POST", f"/upload/sessions/{opened}/complete?wait=60", json_body={})
    assert (done.json()["status"], done.json()["error"]["code"]) == ("failed", "checksum_mismatch"), done


async def test_a_flood_of_one_part_is_one_of_them(uploader: Uploader) -> None:
    opened = (await uploader.session(MEBIBYTE)).json()["id"]
    parts = [b"a,b\n" + b"%d,2\n" % number * (MEBIBYTE // 4 - 1) for number in range(10)]
    answers = await asyncio.gather(*(uploader.put(opened, 1, parts[number % 10]) for number in range(CROWD)))
    assert {answer.status for answer in answers} <= {200, 409, 503}, Counter(answer.status for answer in answers)
    (part,) = (await uploader.ask("GET", f"/upload/sessions/{opened}")).json()["parts"]
    dones = [uploader.ask("POST", f"/upload/sessions/{opened}/complete?wait=60", json_body={}) for _ in range(10)]
    answers = await asyncio.gather(*dones)
    assert len({answer.json()["id"] for answer in answers if answer.status < 300}) == 1
    version = (await uploader.ask("GET", f"/datasets/{uploader.datasets()[0]['id']}/versions/1")).json()
    assert version["sha256"] == part["sha256"]
    assert part["sha256"] in {hashlib.sha256(content).hexdigest() for content in parts}
    assert len(uploader.kept()) == 2


@pytest.mark.parametrize(
    "order",
    [
        {"bytes": 0},
        {"bytes": -1},
        {"bytes": 2**53},
        {"bytes": 1e30},
        {"bytes": 10**12, "part_size": MEBIBYTE},
        {"part_size": 1},
        {"part_size": 2**60},
        {"sha256": "x" * 64},
        {"sha256": "0" * 63},
        {"filename": ""},
        {"mode": "append"},
        {"dataset_id": str(uuid4()), "mode": "append"},
        {"tags": ["x"] * 10_000},
        {"options": {"delimiter": "ab"}},
        {"options": {"types": {"a": "pickle"}}},
        {"key": ["a"] * 1000},
    ],
    ids=lambda order: json.dumps(order)[:30],
)
async def test_sessions_that_cannot_be(uploader: Uploader, order: dict[str, Any]) -> None:
    answer = await uploader.session(8, **order)
    assert answer.status in (404, 413, 422), answer
    presigned = {"project_id": uploader.project_id, "filename": "a.csv", "bytes": 8, **order}
    answer = await uploader.ask("POST", "/upload/presign", json_body=presigned)
    assert answer.status in (404, 413, 422), answer


async def test_a_presigned_url_opens_one_part_only(uploader: Uploader) -> None:
    order = {"project_id": uploader.project_id, "filename": "a.csv", "bytes": len(CSV)}
    made = (await uploader.ask("POST", "/upload/presign", json_body=order)).json()
    url = made["urls"][0]["url"]
    parts = urlsplit(url)
    other = f"{parts.path.rsplit('/', 1)[0]}/other?{parts.query}"
    store = Attacker(f"{parts.scheme}://{parts.netloc}", frozenset())
    async with store as outside:
        for method, path in (
            ("GET", f"{parts.path}?{parts.query}"),
            ("DELETE", f"{parts.path}?{parts.query}"),
            ("PUT", other),
            ("PUT", parts.path),
            ("GET", f"/{parts.path.split('/')[1]}"),
        ):
            assert await _bare(outside, method, path) in (400, 403), (method, path)
    direct = await uploader.put(made["id"], 1, CSV)
    assert (direct.status, direct.code) == (409, "upload_presigned"), direct
    assert uploader.kept() == []


async def _bare(store: Attacker, method: str, path: str) -> int:
    """The store does not speak in problem documents, so its answer is not looked at."""
    async with store._session.request(method, store.base_url + path, data=CSV if method == "PUT" else None) as answer:
        return answer.status
