"""Files inside gzip, Zstandard or ZIP, unpacked in bounded memory; names inside archives are never used as paths."""

import errno
import stat
import struct
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from shared.compute.protocol import ComputeError

from .kinds import HEAD_BYTES, FileKind, Packing, recognise, unsupported
from .source import Source

CHUNK = 1024 * 1024
MAX_RATIO = 100
# Below this size no ratio is harmful, and small files of zeros compress well.
RATIO_MATTERS_FROM = 16 * 1024 * 1024
MAX_DIRECTORY_BYTES = 16 * 1024 * 1024
_NOISE = ("__macosx", ".ds_store", "thumbs.db", "desktop.ini")
_END = struct.Struct("<4s4H2LH")
_END_MAGIC, _END64_MAGIC = b"PK\x05\x06", b"PK\x06\x06"


@dataclass(frozen=True, slots=True)
class Opened:
    """A file without its packing: where it is, what it is, and how it was packed."""

    source: Source
    found: FileKind
    packed_as: Packing | None = None


def open_source(source: Source) -> Opened:
    """Recognise `source`, and unpack it into its scratch directory if it is packed.

    Raises:
        ComputeError: `unsupported_file`, `decompression_bomb`, `nested_archive`, `damaged_archive`, `encrypted_file`,
            `not_one_file`.
    """
    found = _recognise(source.path, source.filename)
    if found.packing is None:
        return Opened(source, found)
    target = source.scratch / "unpacked"
    inner_name = source.filename.rpartition(".")[0] or source.filename
    if found.packing == "zip":
        inner_name = _unzip(source.path, target, source.max_unpacked_bytes)
    else:
        _write(_stream(source.path, found.packing), target, source.max_unpacked_bytes)
    inner = _recognise(target, inner_name)
    if inner.packing is not None:
        raise ComputeError("nested_archive", "The file is packed twice. Unpack it once and upload that.")
    return Opened(source.at(target), inner, found.packing)


@contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """A ZIP file whose list of members is small enough to read.

    Raises:
        ComputeError: `encrypted_file`, `decompression_bomb`, `damaged_archive`, also for damage that the block finds.
    """
    try:
        if _directory_bytes(path) > MAX_DIRECTORY_BYTES:
            raise ComputeError("decompression_bomb", "The ZIP file lists too many members. Pack one file.")
        with zipfile.ZipFile(path) as archive:
            if any(info.flag_bits & 1 for info in archive.infolist()):
                raise ComputeError("encrypted_file", "The file is encrypted. Upload it without a password.")
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, struct.error) as error:
        raise _damaged("ZIP") from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        raise _damaged("ZIP") from error
    except NotImplementedError as error:
        raise unsupported("The ZIP file uses a method of packing that is not read here.") from error


def guarded(chunks: Iterator[tuple[bytes, int]], limit: int) -> Iterator[bytes]:
    """The bytes of (bytes, packed bytes read so far), until they are more than `limit` or than MAX_RATIO allows.

    Raises:
        ComputeError: `decompression_bomb`.
    """
    size = 0
    for data, packed in chunks:
        size += len(data)
        if size > limit:
            raise ComputeError("decompression_bomb", f"Unpacked, the file has more than {limit} bytes.")
        if size > RATIO_MATTERS_FROM and size > MAX_RATIO * max(packed, 1):
            detail = f"Unpacked, the file is more than {MAX_RATIO} times as large. Upload it unpacked."
            raise ComputeError("decompression_bomb", detail)
        yield data


def member_chunks(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Generator[tuple[bytes, int]]:
    """A member's bytes, each chunk with the packed bytes that it took at most."""
    packed = min(member.compress_size, Path(str(archive.filename)).stat().st_size)
    with archive.open(member) as file:
        while data := file.read(CHUNK):
            yield data, packed


def _recognise(path: Path, filename: str) -> FileKind:
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    found = recognise(head, filename)
    if not head.startswith(b"PK\x03\x04"):
        return found
    return FileKind("xlsx") if _is_workbook(path) else FileKind(None, "zip")


def _is_workbook(path: Path) -> bool:
    with open_zip(path) as archive:
        names = {info.filename.lstrip("/").lower() for info in archive.infolist()}
    if "xl/workbook.xml" in names:
        return True
    if "[content_types].xml" in names or "mimetype" in names:
        raise unsupported("This is an Office document other than an XLSX workbook.")
    return False


def _unzip(path: Path, target: Path, limit: int) -> str:
    """Unpack the one data file; its name, to be used as a hint only."""
    with open_zip(path) as archive:
        member = _only_member(archive)
        _write(member_chunks(archive, member), target, limit)
    return PurePosixPath(member.filename).name


def _only_member(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = [info for info in archive.infolist() if _is_data(info)]
    if len(members) != 1:
        detail = f"The ZIP file holds {len(members)} files. Pack exactly one, or upload them one by one."
        raise ComputeError("not_one_file", detail)
    return members[0]


def _is_data(info: zipfile.ZipInfo) -> bool:
    parts = PurePosixPath(info.filename.lower()).parts
    link = stat.S_ISLNK(info.external_attr >> 16)
    # Not is_dir(), which looks at the last letter of a name that may have none.
    folder = info.filename.endswith("/")
    return not folder and not link and not any(part in _NOISE or part.startswith("._") for part in parts)


def _write(chunks: Generator[tuple[bytes, int]], target: Path, limit: int) -> None:
    # Closed at once, also when it is refused half way: it holds the file open.
    with closing(chunks), target.open("wb") as file:
        for data in guarded(chunks, limit):
            file.write(data)


def _stream(path: Path, packing: Packing) -> Generator[tuple[bytes, int]]:
    with path.open("rb") as file:
        yield from _gunzipped(file) if packing == "gzip" else _unzstandard(path)


def _gunzipped(file: IO[bytes]) -> Iterator[tuple[bytes, int]]:
    """All members of a gzip file, one after the other, as gzip itself does; zeros after the last are padding."""
    reader, pending, begun = zlib.decompressobj(wbits=31), b"", False
    try:
        while pending := pending or file.read(CHUNK):
            if reader.eof:
                pending = pending.lstrip(b"\0")
                reader, begun = zlib.decompressobj(wbits=31), False
                continue
            begun = True
            data = reader.decompress(pending, CHUNK)
            pending = reader.unused_data if reader.eof else reader.unconsumed_tail
            yield data, file.tell() - len(pending)
    except zlib.error as error:
        raise _damaged("gzip") from error
    if begun and not reader.eof:
        raise _damaged("gzip")


def _unzstandard(path: Path) -> Iterator[tuple[bytes, int]]:
    # Imported here: it is large, and few files need it.
    import pyarrow as pa

    try:
        with pa.OSFile(str(path), "rb") as raw, pa.CompressedInputStream(raw, "zstd") as stream:
            while data := stream.read(CHUNK):
                yield data, raw.tell()
    except (OSError, pa.ArrowException) as error:
        raise _damaged("Zstandard") from error


def _directory_bytes(path: Path) -> int:
    """How large a ZIP file says its list of members is, so that a long one is refused before it is read."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 65_557 - 76))
        tail = file.read()
    start = tail.rfind(_END_MAGIC)
    if start < 0 or len(tail) - start < _END.size:
        raise _damaged("ZIP")
    listed = int(_END.unpack_from(tail, start)[5])
    long_form = tail.rfind(_END64_MAGIC, 0, start)
    if listed == 0xFFFFFFFF and long_form >= 0:
        return int(struct.unpack_from("<Q", tail, long_form + 40)[0])
    return listed


def _damaged(kind: str) -> ComputeError:
    return ComputeError("damaged_archive", f"The {kind} file is damaged or cut short. Pack and upload it again.")
