"""Forms as streams: any chunking, any order, nothing malformed."""

from collections.abc import AsyncIterator

import pytest

from shared.errors import APIException, BadRequest, Invalid, PayloadTooLarge, UnsupportedMediaType

from ..app.services.file_kinds import require_data
from ..app.services.form_stream import FieldValue, FileBytes, FileEnd, FileStart, FormEvent, read_form

KIND = "multipart/form-data; boundary=xyz"
FIELD = b'--xyz\r\nContent-Disposition: form-data; name="project_id"\r\n\r\n42\r\n'
FILE = b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\nContent-Type: text/csv\r\n\r\n'
END = b"\r\n--xyz--\r\n"
DATA = b"a,b\r\n--xy\r\n1,2\n"


async def _chunks(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def _read(body: bytes, *, size: int = 1 << 16, kind: str = KIND) -> list[FormEvent]:
    return [event async for event in read_form(kind, _chunks(body, size))]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1 << 16])
async def test_any_chunking_gives_the_same_file(size: int) -> None:
    events = await _read(FIELD + FILE + DATA + END, size=size)
    assert events[:2] == [FieldValue("project_id", "42"), FileStart("file", "a.csv")]
    assert b"".join(event.data for event in events if isinstance(event, FileBytes)) == DATA
    assert events[-1] == FileEnd()


async def test_fields_may_follow_the_file() -> None:
    events = await _read(FILE + DATA + b"\r\n" + FIELD + b"--xyz--\r\n")
    assert (events[0], events[-1]) == (FileStart("file", "a.csv"), FieldValue("project_id", "42"))


async def test_an_empty_file() -> None:
    assert await _read(FILE + END) == [FileStart("file", "a.csv"), FileEnd()]


@pytest.mark.parametrize(
    ("body", "kind", "error"),
    [
        (b"", KIND, BadRequest),
        (b"rubbish", KIND, BadRequest),
        (FIELD, KIND, BadRequest),
        (FIELD + FILE + DATA, KIND, BadRequest),
        (FIELD + b"--xyz\r\nX: y\r\n\r\n1" + END, KIND, BadRequest),
        (b'--xyz\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff' + END, KIND, BadRequest),
        (b'--xyz\r\nContent-Disposition: form-data; name="a"\r\n\r\n\x00' + END, KIND, BadRequest),
        (b'--xyz\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"x" * 20_000 + END, KIND, PayloadTooLarge),
        (b"--xyz\r\n" + b"X: " + b"y" * 9000 + b"\r\n\r\n1" + END, KIND, BadRequest),
        (FIELD * 21 + b"--xyz--\r\n", KIND, PayloadTooLarge),
        (FIELD + b"--xyz--\r\n", "application/json", UnsupportedMediaType),
        (FIELD + b"--xyz--\r\n", "multipart/form-data", BadRequest),
        (FIELD + b"--xyz--\r\n", f"multipart/form-data; boundary={'x' * 71}", BadRequest),
        (FIELD + b"--xyz--\r\n", "", UnsupportedMediaType),
    ],
)
async def test_what_is_no_form(body: bytes, kind: str, error: type[APIException]) -> None:
    with pytest.raises(error):
        await _read(body, kind=kind)


@pytest.mark.parametrize(
    "head",
    [
        b"\x89PNG\r\n\x1a\n",
        b"MZ\x90\x00\x03",
        b"\x7fELF\x02",
        b"PK\x05\x06\x00",
        b"BZh91AY&SY\x00",
        b"\xd0\xcf\x11\xe0\xa1",
        b"<!DOCTYPE html>\n<html>",
        b"\xef\xbb\xbf\n <HTML lang='en'>",
        b"%PDF-1.7\n",
        b"a,b\n1,\x00\n",
        b"\x00\x01\x02",
        b"SQLite format 3\x00",
    ],
)
def test_kinds_that_are_refused(head: bytes) -> None:
    with pytest.raises(UnsupportedMediaType) as caught:
        require_data(head)
    assert "CSV" in caught.value.detail


@pytest.mark.parametrize(
    "head",
    [
        b"a,b\n1,2\n",
        b"MZ,x\n1,2\n",
        "é,ü\n".encode("latin-1"),
        "a,b".encode("utf-16"),
        b'{"a": 1}\n',
        b"PK\x03\x04\x14",
        b"PAR1\x15\x04",
        b"\x1f\x8b\x08",
        b"\x28\xb5\x2f\xfd\x00",
    ],
)
def test_kinds_that_are_taken(head: bytes) -> None:
    require_data(head)


def test_nothing_at_all() -> None:
    with pytest.raises(Invalid) as caught:
        require_data(b"")
    assert caught.value.code == "empty_file"
