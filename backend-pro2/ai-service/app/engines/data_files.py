"""A Parquet file wherever a piece of work runs: by its path, else downloaded; always verified."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import urllib.request
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from shared.compute import ComputeError

from .job import DataFile

BLOCK = 1 << 20
DOWNLOAD_SECONDS = 60.0


def as_piece(data: DataFile) -> dict[str, str]:
    """The file as JSON that `locate` understands on another machine."""
    return {"path": str(data.path), "sha256": data.sha256, "url": data.url}


def locate(piece: Mapping[str, Any]) -> Path:
    """A path to the verified file.

    Raises:
        ComputeError: `data_unreachable` if neither path nor address yield it, `corrupt_object` if its bytes changed.
    """
    path, sha256, url = Path(piece["path"]), piece["sha256"], piece["url"]
    if _is(path, sha256):
        return path
    if not url.startswith(("http://", "https://")):
        raise ComputeError("data_unreachable", "The dataset's file cannot be reached from where the work runs.")
    return _download(url, sha256)


def _download(url: str, sha256: str) -> Path:
    target = Path(tempfile.gettempdir()) / f"dataset-{sha256}.parquet"
    if _is(target, sha256):
        return target
    with (
        tempfile.NamedTemporaryFile(dir=target.parent, suffix=".part", delete=False) as part,
        urllib.request.urlopen(url, timeout=DOWNLOAD_SECONDS) as response,  # noqa: S310 - scheme checked above
    ):
        shutil.copyfileobj(response, part, BLOCK)
    if hash_of(Path(part.name)) != sha256:
        Path(part.name).unlink()
        raise ComputeError("corrupt_object", "The dataset's file does not match its checksum.")
    return Path(part.name).replace(target)


def _is(path: Path, sha256: str) -> bool:
    try:
        state = path.stat()
    except OSError:
        return False
    return _verified(path, state.st_size, state.st_mtime_ns) == sha256


@lru_cache(maxsize=16)
def _verified(path: Path, size: int, modified: int) -> str:  # noqa: ARG001 - they tell that the file has changed
    # Once for all pieces that this process is given: a large file takes seconds.
    return hash_of(path) if path.is_file() else ""


def hash_of(path: Path) -> str:
    """SHA-256 in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
