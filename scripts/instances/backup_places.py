"""Where backups are kept: a folder, or a bucket behind the S3 API."""

import hashlib
import os
import re
import shutil
import tempfile
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import minio
import urllib3
from minio.deleteobjects import DeleteObject
from minio.error import InvalidResponseError, S3Error

from console import Refusal

CHUNK_BYTES = 1024 * 1024
# S3 takes ten thousand parts: 80 GB of an object, which the services keep far below, and 1.3 TB of a dump.
PART_BYTES = 8 * 1024 * 1024
DUMP_PART_BYTES = 128 * 1024 * 1024
REFUSALS = (S3Error, InvalidResponseError)
_ABSENT = frozenset({"NoSuchKey", "NoSuchBucket", "NotFound", "NoSuchObject", "404"})
_CODE = re.compile(r"<Code>([A-Za-z0-9]{1,64})</Code>")
S3_VARIABLES = ("BACKUP_S3_ENDPOINT_URL", "BACKUP_S3_ACCESS_KEY", "BACKUP_S3_SECRET_KEY")


def code_of(error: S3Error | InvalidResponseError) -> str:
    """S3's name for a refusal, or its status; rclone labels its XML as text, which the SDK takes for broken."""
    if isinstance(error, S3Error):
        return str(error.code)
    found = _CODE.search(error._body or "")  # noqa: SLF001 - no public accessor
    return found[1] if found else str(error._code)  # noqa: SLF001


def is_absence(error: S3Error | InvalidResponseError) -> bool:
    """Whether what was asked for does not exist."""
    return code_of(error) in _ABSENT


@dataclass(frozen=True)
class File:
    """What was written, measured on its way."""

    name: str
    bytes: int
    sha256: str


class Measure:
    """Counts and hashes what passes."""

    def __init__(self) -> None:
        self.bytes = 0
        self._digest = hashlib.sha256()

    def over(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """The same chunks."""
        for chunk in chunks:
            self.bytes += len(chunk)
            self._digest.update(chunk)
            yield chunk

    @property
    def sha256(self) -> str:
        """Of all that has passed, in hexadecimal."""
        return self._digest.hexdigest()


class Place(Protocol):
    """A folder of files, which appear whole or not at all. Failures are OSError or of the minio SDK."""

    def write(self, name: str, chunks: Iterator[bytes]) -> File:
        """Write a file, in place of one that is there."""

    def read(self, name: str) -> Iterator[bytes]:
        """Its bytes."""

    def size(self, name: str) -> int | None:
        """Its bytes in number; None if there is no such file."""

    def folders(self) -> list[str]:
        """Names of the folders in it, sorted."""

    def inside(self, name: str) -> "Place":
        """The folder of that name."""

    def remove(self) -> None:
        """Remove it with everything in it."""


@dataclass(frozen=True)
class Folder:
    """A folder of this machine, for its owner's eyes only."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def write(self, name: str, chunks: Iterator[bytes]) -> File:
        """Write beside it first, so that what has the name is whole and on the disk."""
        target, measure = self.path / name, Measure()
        _make_private(target.parent)
        handle, draft = tempfile.mkstemp(dir=target.parent, prefix=".part-")
        try:
            with os.fdopen(handle, "wb") as file:
                for chunk in measure.over(chunks):
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            Path(draft).replace(target)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
        return File(name, measure.bytes, measure.sha256)

    def read(self, name: str) -> Iterator[bytes]:
        """Its bytes, a mebibyte at a time."""
        with (self.path / name).open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk

    def size(self, name: str) -> int | None:
        """By the file system; a link is no file of ours."""
        path = self.path / name
        return path.stat().st_size if path.is_file() and not path.is_symlink() else None

    def folders(self) -> list[str]:
        """By name."""
        return sorted(path.name for path in self.path.iterdir() if path.is_dir()) if self.path.is_dir() else []

    def inside(self, name: str) -> "Folder":
        """A folder below."""
        return Folder(self.path / name)

    def remove(self) -> None:
        """The manifest goes first: what is half removed must not look complete."""
        (self.path / "manifest.json").unlink(missing_ok=True)
        shutil.rmtree(self.path, ignore_errors=True)


def _make_private(folder: Path) -> None:
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)


@dataclass(frozen=True)
class Bucket:
    """What lies below a prefix of a bucket."""

    sdk: minio.Minio
    bucket: str
    prefix: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def write(self, name: str, chunks: Iterator[bytes]) -> File:
        """In parts; S3 shows an object when all of it is there."""
        measure = Measure()
        size = DUMP_PART_BYTES if name.endswith(".dump") else PART_BYTES
        self.sdk.put_object(
            self.bucket, self.prefix + name, _Stream(measure.over(chunks)), -1,  # type: ignore[arg-type]
            part_size=size, num_parallel_uploads=1,
        )  # fmt: skip
        return File(name, measure.bytes, measure.sha256)

    def read(self, name: str) -> Iterator[bytes]:
        """Its bytes, as they come; a body that ends too early raises."""
        answer = self.sdk.get_object(self.bucket, self.prefix + name)
        try:
            yield from answer.stream(CHUNK_BYTES)
        finally:
            answer.close()
            answer.release_conn()

    def size(self, name: str) -> int | None:
        """By one question to the server."""
        try:
            return self.sdk.stat_object(self.bucket, self.prefix + name).size
        except REFUSALS as error:
            if is_absence(error):
                return None
            raise

    def folders(self) -> list[str]:
        """The first parts of the names below the prefix."""
        found = self.sdk.list_objects(self.bucket, prefix=self.prefix)
        names = [(entry.object_name or "")[len(self.prefix) :] for entry in found if entry.is_dir]
        return sorted(name.rstrip("/") for name in names)

    def inside(self, name: str) -> "Bucket":
        """A longer prefix."""
        return Bucket(self.sdk, self.bucket, f"{self.prefix}{name}/")

    def contents(self) -> Iterator[str]:
        """All names below the prefix."""
        for entry in self.sdk.list_objects(self.bucket, prefix=self.prefix, recursive=True):
            yield (entry.object_name or "")[len(self.prefix) :]

    def delete(self, names: Iterator[str]) -> None:
        """Remove files, absent ones too.

        Raises:
            Refusal: the server refuses one.
        """
        listed = (DeleteObject(self.prefix + name) for name in names)
        for error in self.sdk.remove_objects(self.bucket, listed):
            raise Refusal(f"{self}: {error.name} cannot be removed: {error.code}")

    def remove(self) -> None:
        """The manifest goes first: what is half removed must not look complete."""
        self.sdk.remove_object(self.bucket, f"{self.prefix}manifest.json")
        self.delete(self.contents())


class _Stream:
    """An iterator of chunks as the SDK wants to read it."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int) -> bytes:
        """Some bytes, up to `size`; none at the end."""
        if not self._rest:
            self._rest = next((chunk for chunk in self._chunks if chunk), b"")
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken


def connect(endpoint_url: str, access_key: str, secret_key: str, region: str) -> minio.Minio:
    """A client with patience for large transfers that goes on after a connection that broke."""
    address = urllib.parse.urlsplit(endpoint_url)
    retries = urllib3.Retry(4, backoff_factor=0.2, status_forcelist=(500, 502, 503, 504), raise_on_status=False)
    timeout = urllib3.Timeout(connect=5, read=60)
    pool = urllib3.PoolManager(maxsize=16, timeout=timeout, retries=retries)
    secure = address.scheme == "https"
    return minio.Minio(
        endpoint=address.netloc, access_key=access_key, secret_key=secret_key, secure=secure, region=region,
        http_client=pool,
    )  # fmt: skip


def place_of(text: str, environment: Mapping[str, str]) -> Place:
    """The place that an option names.

    Raises:
        Refusal: it is no place, or a variable for S3 is missing.
    """
    if not text.startswith("s3://"):
        return Folder(Path(text).absolute())
    bucket, _, prefix = text.removeprefix("s3://").partition("/")
    if missing := [name for name in S3_VARIABLES if not environment.get(name)]:
        raise Refusal(f"{text} needs {', '.join(missing)} in the environment; see scripts/backup.sh --help")
    endpoint, access_key, secret_key = (environment[name] for name in S3_VARIABLES)
    if not bucket or urllib.parse.urlsplit(endpoint).scheme not in {"http", "https"}:
        raise Refusal("give s3://BUCKET/PREFIX, and in BACKUP_S3_ENDPOINT_URL an address like https://s3.example.org")
    sdk = connect(endpoint, access_key, secret_key, environment.get("BACKUP_S3_REGION") or "us-east-1")
    prefix = prefix.strip("/")
    return Bucket(sdk, bucket, f"{prefix}/" if prefix else "")
