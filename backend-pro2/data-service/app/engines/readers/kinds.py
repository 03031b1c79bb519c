"""What kind of file some bytes begin. The content decides; the name only breaks ties between kinds of text."""

import re
import zlib
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

import orjson

from shared.compute.protocol import ComputeError

Kind = Literal["csv", "json", "jsonl", "parquet", "xlsx", "arff"]
Packing = Literal["gzip", "zstd", "zip"]

HEAD_BYTES = 8192
ACCEPTED = "CSV or TSV, JSON, JSON Lines, Parquet, XLSX and ARFF, plain or in one gzip, Zstandard or ZIP file"

_PACKINGS: tuple[tuple[bytes, Packing], ...] = (
    (b"PK\x03\x04", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
)
# Not looked into twice: a gzip file may unpack to itself.
_STREAMS = tuple(magic for magic, name in _PACKINGS if name != "zip")
_MAGIC = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a program"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ", "an xz file"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"PARE", "an encrypted Parquet file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\xd0\xcf\x11\xe0", "an old Office document or an encrypted workbook; save it as XLSX without a password"),
    (b"ARROW1", "an Arrow file; save it as Parquet"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x93NUMPY", "a NumPy file"),
    (b"\x80\x02", "a Python pickle"),
    (b"\x80\x03", "a Python pickle"),
    (b"\x80\x04", "a Python pickle"),
    (b"\x80\x05", "a Python pickle"),
)
_WIDE = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_CONTROLS = bytes(code for code in range(32) if code not in b"\t\n\v\f\r\x1b")
_MARKUP = re.compile(rb"<(!doctype|\?xml|!--|html|head|body|svg|script)", re.IGNORECASE)
_JSON = re.compile(rb'\{\s*["}]|\[\s*[\[{\]]')
# Possessive: of blank lines there are otherwise as many ways to read them as there are subsets.
_ARFF = re.compile(rb"(?:\s++|%[^\n]*+\n)*+@relation\s", re.IGNORECASE)
_OFFICE = re.compile(rb"PK\x03\x04.{26}(word|ppt|visio|mimetype|content\.xml|xl/workbook\.bin)", re.DOTALL)
_WORKBOOK = re.compile(rb"PK\x03\x04.{26}(\[Content_Types\]\.xml|_rels/|xl/|docProps/|customXml/)", re.DOTALL)
_LINE_SUFFIXES = (".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class FileKind:
    """What is known from the first bytes: `kind` is None where only unpacking can tell."""

    kind: Kind | None
    packing: Packing | None = None


def recognise(head: bytes, filename: str = "") -> FileKind:
    """The kind of a file that begins with `head`, HEAD_BYTES or all of it.

    Raises:
        ComputeError: `unsupported_file`, for something else than what is accepted.
    """
    if head.startswith(b"PAR1") and not _is_text(head):
        return FileKind("parquet")
    packing = next((name for magic, name in _PACKINGS if head.startswith(magic)), None)
    if packing:
        return _packed(head, packing, filename)
    for magic, kind in _MAGIC:
        # A magic number of letters may as well begin the name of a column.
        if head.startswith(magic) and not (magic.isalnum() and _is_text(head)):
            raise unsupported(f"This is {kind}.")
    if head.startswith(_WIDE):
        return FileKind("csv")
    if not _is_text(head):
        raise unsupported("This is not a text file.")
    return FileKind(_text_kind(head.removeprefix(b"\xef\xbb\xbf"), PurePath(filename.lower()).suffix))


def unsupported(what: str) -> ComputeError:
    """Refuses a kind of file."""
    return ComputeError("unsupported_file", f"{what} Accepted: {ACCEPTED}.")


def _packed(head: bytes, packing: Packing, filename: str) -> FileKind:
    if packing == "zip":
        if _OFFICE.match(head):
            raise unsupported("This is an Office document other than an XLSX workbook.")
        return FileKind("xlsx") if _WORKBOOK.match(head) else FileKind(None, packing)
    if packing == "gzip" and (inner := _gzip_head(head)) and len(inner) >= 4 and not inner.startswith(_STREAMS):
        found = recognise(inner, PurePath(filename).stem)
        if found.packing is None:
            return FileKind(found.kind, packing)
    return FileKind(None, packing)


def _gzip_head(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(head, HEAD_BYTES)
    except zlib.error:
        # Damage is told by whoever unpacks the whole file.
        return b""


def _text_kind(head: bytes, suffix: str) -> Kind:
    start = head.lstrip()
    if _MARKUP.match(start):
        raise unsupported("This is HTML or XML.")
    if _ARFF.match(head) or (suffix == ".arff" and start[:1] in b"%@"):
        return "arff"
    if not _JSON.match(start) and not (suffix in (".json", *_LINE_SUFFIXES) and start[:1] in (b"{", b"[")):
        return "jsonl" if suffix in _LINE_SUFFIXES else "csv"
    return "jsonl" if suffix in _LINE_SUFFIXES or _is_lines(start) else "json"


def _is_lines(text: bytes) -> bool:
    """Whether the first line is an object of its own and another begins on the second."""
    first, newline, rest = text.partition(b"\n")
    if not newline or not rest.lstrip().startswith(b"{"):
        return False
    try:
        return isinstance(orjson.loads(first), dict)
    except orjson.JSONDecodeError:
        return False


def _is_text(head: bytes) -> bool:
    return len(head.translate(None, _CONTROLS)) == len(head)
