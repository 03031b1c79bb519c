"""A version as a file to take away."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

from shared.object_store import read_file
from shared.resources import Resources
from shared.scratch import make_scratch

from ..repositories.versions import Version
from ..schemas.datasets import DownloadFormat
from .datasets import Datasets

MEDIA_TYPES = {
    DownloadFormat.CSV: "text/csv; charset=utf-8",
    DownloadFormat.JSONL: "application/x-ndjson",
    DownloadFormat.PARQUET: "application/vnd.apache.parquet",
    DownloadFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True, slots=True)
class Download:
    """Bytes to stream, and what is known of them beforehand."""

    content: AsyncIterator[bytes]
    filename: str
    media_type: str
    bytes: int
    rows: int
    sha256: str

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the response: it is saved, not shown, runs nothing, and can be verified."""
        return {
            "Content-Disposition": disposition(self.filename),
            "Content-Length": str(self.bytes),
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Row-Count": str(self.rows),
            "X-Content-SHA256": self.sha256,
        }


class Downloads:
    """Use case of `/manage/datasets/{id}/download`."""

    def __init__(self, resources: Resources, datasets: Datasets) -> None:
        self._settings = resources.settings
        self._store = resources.object_store
        self._datasets = datasets

    async def open(
        self, dataset_id: UUID, user_id: UUID, kind: DownloadFormat, *, raw: bool, number: int | None = None
    ) -> Download:
        """A ready version in the format asked for.

        Raises:
            NotFound: the dataset or that version of it.
            Conflict: `dataset_not_ready`.
            Invalid: `too_wide_for_xlsx`.
        """
        version = await self._datasets.version(dataset_id, user_id, number)
        if kind is DownloadFormat.PARQUET:
            content = self._store.get_stream(str(version.parquet_key))
            figures = (version.parquet_bytes or 0, version.row_count or 0, str(version.parquet_sha256))
            return Download(content, f"{version.name}.parquet", MEDIA_TYPES[kind], *figures)
        return await self._export(version, user_id, kind, raw=raw)

    async def _export(self, version: Version, user_id: UUID, kind: DownloadFormat, *, raw: bool) -> Download:
        folder = await asyncio.to_thread(make_scratch, self._settings.cache_dir)
        target = folder / f"export.{kind}"
        job = {"target": str(target), "format": str(kind), "raw": raw, "scratch": str(folder)}
        seconds = self._settings.task_timeout_seconds
        try:
            made = await self._datasets.compute(version, user_id, "export:export", job, timeout_seconds=seconds)
        except BaseException:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            raise
        figures = (made["bytes"], made["rows"], made["sha256"])
        return Download(_once(target), f"{version.name}.{kind}", MEDIA_TYPES[kind], *figures)


def disposition(filename: str) -> str:
    """Content-Disposition for a download of that name (RFC 6266): plain letters for all, the true name for most.

    No name leads to another folder, or reads otherwise than it is written.
    """
    filename = "".join(letter if letter.isprintable() and letter not in "/\\" else "_" for letter in filename)
    plain = "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in " ._-()") else "_" for letter in filename
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"


async def _once(path: Path) -> AsyncIterator[bytes]:
    """The file's bytes; then its directory goes."""
    try:
        async for chunk in read_file(path):
            yield chunk
    finally:
        await asyncio.to_thread(shutil.rmtree, path.parent, ignore_errors=True)
