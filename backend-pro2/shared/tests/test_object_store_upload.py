"""How an upload is cut into parts, and what it cleans up, against a scripted server."""

import asyncio
from collections.abc import AsyncIterator, Mapping

import pytest

from shared.errors import ServiceUnavailable
from shared.object_store.errors import StoreRefused, refusal
from shared.object_store.http import SignedHttp
from shared.object_store.upload import PART_BYTES, Upload


class ScriptedHttp(SignedHttp):
    """Answers like S3; `fail` names the request that is refused; `log` tells what was asked, `held` the bytes alive."""

    def __init__(self, fail: str = "", answer: bytes = b"<UploadId>u&amp;1</UploadId>") -> None:
        self.fail = fail
        self.answer = answer
        self.log: list[str] = []
        self.parts: list[int] = []

    async def put(self, key: str, data: bytes | bytearray, query: Mapping[str, str]) -> str:
        name = f"PUT {query.get('partNumber', '-')}"
        await asyncio.sleep(0.01)
        self._note(name)
        self.parts.append(len(data))
        return f'"tag{len(self.parts)}"'

    async def send(
        self, method: str, key: str, query: Mapping[str, str], data: bytes | bytearray = b""
    ) -> tuple[Mapping[str, str], bytes]:
        self._note(f"{method} {','.join(sorted(query))}")
        return {}, self.answer

    def _note(self, name: str) -> None:
        self.log.append(name)
        if name == self.fail:
            raise StoreRefused(403, "AccessDenied")


async def upload(http: ScriptedHttp, size: int) -> list[str]:
    discarded: list[str] = []

    async def discard(key: str) -> None:
        discarded.append(key)

    async with Upload(http, "k", discard) as target:
        async for chunk in pieces(size):
            await target.write(chunk)
        await target.finish()
    assert target.size == size
    return discarded


async def pieces(size: int) -> AsyncIterator[bytes]:
    for start in range(0, size, 1_000_003):
        yield bytes(min(1_000_003, size - start))


@pytest.mark.parametrize("size", [0, 1, PART_BYTES])
async def test_what_fits_one_part_is_one_request(size: int) -> None:
    http = ScriptedHttp()
    await upload(http, size)
    assert (http.log, http.parts) == (["PUT -"], [size])


async def test_parts_are_of_one_size_and_in_order() -> None:
    http = ScriptedHttp()
    await upload(http, 2 * PART_BYTES + 5)
    assert http.parts == [PART_BYTES, PART_BYTES, 5]
    assert http.log == ["POST uploads", "PUT 1", "PUT 2", "PUT 3", "POST uploadId"]


@pytest.mark.parametrize("fail", ["PUT 1", "PUT 3", "POST uploadId"])
async def test_a_refusal_aborts_and_discards(fail: str) -> None:
    http = ScriptedHttp(fail)
    discarded: list[str] = []

    async def discard(key: str) -> None:
        discarded.append(key)

    with pytest.raises(ServiceUnavailable):
        async with Upload(http, "k", discard) as target:
            async for chunk in pieces(2 * PART_BYTES + 5):
                await target.write(chunk)
            await target.finish()
    assert http.log[-1] == "DELETE uploadId"
    assert discarded == ["k"]


async def test_an_error_inside_a_success_is_an_error() -> None:
    http = ScriptedHttp(answer=b"<UploadId>u</UploadId><Error><Code>InternalError</Code></Error>")
    with pytest.raises(ServiceUnavailable):
        await upload(http, PART_BYTES + 1)
    assert http.log[-1] == "DELETE uploadId"


async def test_a_begin_without_an_id_is_an_error() -> None:
    with pytest.raises(ServiceUnavailable):
        await upload(ScriptedHttp(answer=b"<html>"), PART_BYTES + 1)


async def test_a_failing_clean_up_does_not_hide_the_cause() -> None:
    with pytest.raises(ValueError, match="the cause"):
        async with Upload(ScriptedHttp("DELETE uploadId"), "k", _away) as target:
            async for chunk in pieces(PART_BYTES + 5):
                await target.write(chunk)
            raise ValueError("the cause")


async def _away(key: str) -> None:
    raise ServiceUnavailable("away")


def test_an_error_s_code_is_found_whatever_its_label() -> None:
    refused = refusal(404, b'<?xml version="1.0"?><Error>\n <Code>NoSuchKey</Code></Error>')
    assert (refused.code, refused.is_absence) == ("NoSuchKey", True)
    assert refusal(502, b"<html>bad gateway").code == ""
