"""What a file is by its content, and what is unpacked of it: the name decides nothing, and no bomb goes off."""

import gzip
import struct
import time
import zipfile
from io import BytesIO

import pyarrow as pa
import pytest

from shared.errors import Invalid, UnsupportedMediaType

from ..app.engines.readers import kinds
from ..app.engines.readers.kinds import FileKind
from ..app.services.file_kinds import require_data
from .reading import read_file, refusal
from .sample_files import zipped

LINES = '{"a": 1}\n{"a": 2}\n'


def _zstd(text: str) -> bytes:
    return bytes(pa.compress(text.encode(), codec="zstd", asbytes=True))


@pytest.mark.parametrize(
    ("head", "filename", "kind"),
    [
        (b"a,b\n1,2\n", "x.parquet", "csv"),
        (b"PAR1,x\n1,2\n", "x.csv", "csv"),
        (b"PAR1\x15\x04\x15", "x.csv", "parquet"),
        (LINES.encode(), "x.csv", "jsonl"),
        (b"\xef\xbb\xbf" + LINES.encode(), "", "jsonl"),
        (b'[\n  {"a": 1}\n]', "x.csv", "json"),
        (b'{"data": [{"a": 1}]}', "", "json"),
        (b'{"a": 1}', "x.ndjson", "jsonl"),
        (b"{a},b\n1,2\n", "", "csv"),
        (b"% note\n\n@RELATION x\n@attribute a real\n", "", "arff"),
        (b"% a long note", "x.arff", "arff"),
        ("é,ü\n".encode("latin-1"), "", "csv"),
        ("a,b".encode("utf-16"), "", "csv"),
        (zipped({"[Content_Types].xml": "", "xl/workbook.xml": ""}), "x.csv", "xlsx"),
    ],
)
def test_kinds_by_content(head: bytes, filename: str, kind: str) -> None:
    assert require_data(head, filename) == FileKind(kind)  # type: ignore[arg-type]


def test_what_is_packed_is_looked_into() -> None:
    assert require_data(gzip.compress(LINES.encode()), "x.gz") == FileKind("jsonl", "gzip")
    assert require_data(_zstd("a,b\n")) == FileKind(None, "zstd")
    assert require_data(zipped({"a.csv": "a,b\n"})) == FileKind(None, "zip")


@pytest.mark.parametrize(
    "head",
    [
        b"\x89PNG\r\n\x1a\n,a,b\n1,2\n",
        b"MZ\x90\x00\x03",
        b"\x7fELF\x02",
        b"%PDF-1.7\n1,2\n3,4\n",
        b"a,b\n1,\x00\n",
        b"SQLite format 3\x00",
        b"<!DOCTYPE html><table>",
        b"  <html>\n",
        b"<svg onload=alert(1)>",
        b"\x80\x04\x95pickle",
        b"\x93NUMPY\x01\x00v\x00",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        b"PARE\x00\x01",
        b"PK\x05\x06" + bytes(18),
        gzip.compress(b"\x89PNG\r\n\x1a\n" + bytes(99)),
        zipped({"word/document.xml": ""}),
        zipped({"mimetype": "application/vnd.oasis.opendocument.spreadsheet"}),
    ],
)
def test_kinds_that_are_refused(head: bytes) -> None:
    with pytest.raises(UnsupportedMediaType, match="Accepted: CSV"):
        require_data(head, "innocent.csv")


def test_nothing_at_all() -> None:
    with pytest.raises(Invalid) as caught:
        require_data(b"")
    assert caught.value.code == "empty_file"


@pytest.mark.parametrize(
    ("content", "packed_as"),
    [
        (gzip.compress(LINES.encode()), "gzip"),
        (gzip.compress(LINES.encode()[:9]) + gzip.compress(LINES.encode()[9:]) + bytes(512), "gzip"),
        (_zstd(LINES), "zstd"),
        (_zstd(LINES[:9]) + _zstd(LINES[9:]), "zstd"),
        (zipped({"../../etc/a.jsonl": LINES, "__MACOSX/._a.jsonl": "x", "b/": ""}), "zip"),
    ],
)
def test_unpacked(content: bytes, packed_as: str) -> None:
    table = read_file(content, "a.csv")
    assert (table.rows, table.report["packed_as"]) == ([(1,), (2,)], packed_as)


def test_bombs_end_early() -> None:
    rows = "1,2\n" * 5_000_000
    stored = gzip.compress(rows.encode(), 9) * 20
    assert len(stored) < 500_000
    assert refusal(stored) == "decompression_bomb"
    assert refusal(zipped({"a.csv": rows})) == "decompression_bomb"
    assert refusal(_zstd(rows)) == "decompression_bomb"


def test_unpacked_size_is_bounded() -> None:
    assert refusal(gzip.compress(b"a,b\n1,2\n" * 100), max_unpacked_bytes=500) == "decompression_bomb"


@pytest.mark.parametrize(
    "content", [gzip.compress(gzip.compress(b"a,b\n1,2\n")), zipped({"a.zip": zipped({"a.csv": "a,b\n1,2\n"})})]
)
def test_packed_twice(content: bytes) -> None:
    assert refusal(content) == "nested_archive"


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(b"a,b\n1,2\n" * 1000)[:-9],
        gzip.compress(b"a,b\n1,2\n" * 9000)[:20] + bytes(20),
        _zstd("a,b\n1,2\n" * 1000)[:-5],
        zipped({"a.csv": "a,b\n1,2\n" * 1000})[:-40],
        zipped({"a.csv": "a,b\n1,2\n" * 1000}).replace(b"\x03\x04", b"\x03\x04" + bytes(3), 1),
    ],
)
def test_damage(content: bytes) -> None:
    assert refusal(content) == "damaged_archive"


def test_a_file_without_a_name_is_one() -> None:
    # What follows a null byte does not count.
    assert read_file(zipped({"q": "a,b\n1,2\n"}).replace(b"q", b"\0")).rows == [(1, 2)]


def test_other_archives() -> None:
    assert refusal(zipped({"a.csv": "a", "b.csv": "b"})) == "not_one_file"
    assert refusal(zipped({"a/": ""})) == "not_one_file"
    assert refusal(zipped({"[Content_Types].xml": "", "word/document.xml": ""})) == "unsupported_file"
    assert refusal(zipped({"a.png": b"\x89PNG\r\n\x1a\n"})) == "unsupported_file"


def test_encrypted_and_odd_methods() -> None:
    plain = bytearray(zipped({"a.csv": "a,b\n1,2\n"}))
    directory = plain.index(b"PK\x01\x02")
    plain[6] |= 1
    plain[directory + 8] |= 1
    assert refusal(bytes(plain)) == "encrypted_file"
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a.csv", "a,b\n1,2\n")
    odd = bytearray(file.getvalue())
    for place in (8, odd.index(b"PK\x01\x02") + 10):
        odd[place : place + 2] = struct.pack("<H", 99)
    assert refusal(bytes(odd)) == "unsupported_file"


def test_a_long_list_of_members_is_not_read() -> None:
    content = bytearray(zipped({"a.csv": "a"}))
    end = content.index(b"PK\x05\x06")
    content[end + 12 : end + 16] = struct.pack("<L", 2**30)
    assert refusal(bytes(content)) == "decompression_bomb"


@pytest.mark.parametrize("head", [b"\n" * 8191 + b"x", b" \n" * 4000 + b"x", b"%\n" * 4000 + b"x", b"%" * 8192])
def test_blank_lines_take_no_time(head: bytes) -> None:
    # Services look at the beginning of every upload themselves.
    started = time.process_time()
    assert require_data(head, "a.csv").kind == "csv"
    assert time.process_time() - started < 1


def test_comments_and_blank_lines_above_a_relation() -> None:
    assert require_data(b"\n  % made by hand\n%\n \n@RELATION r\n", "a").kind == "arff"


def test_packed_in_itself_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    quine = b"\x1f\x8b\x08\x00 unpacks to itself"
    monkeypatch.setattr(kinds, "_gzip_head", lambda head: head)
    assert require_data(quine, "r.gz") == FileKind(None, "gzip")
