"""Look into a file without keeping it: what it is, its columns, its first rows, and how it would be read."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.config import MEBIBYTE
from shared.draining import drain
from shared.errors import APIException
from shared.resources import Resources
from shared.scratch import scratch

from ..schemas.uploads import InspectionFields
from .engine import Engine
from .file_kinds import HEAD_BYTES as KIND_BYTES
from .file_kinds import require_data
from .incoming import Form, Received, checked, follow, missing
from .local_files import local_disk

# The beginning says enough of kinds that are read line by line; of the others the engine wants the end, too.
LINES = frozenset({"csv", "jsonl", "arff"})
HEAD_BYTES = 8 * MEBIBYTE
WHOLE_BYTES = 64 * MEBIBYTE
SAMPLE_ROWS = 20
FUNCTION = "inspect_file:inspect"


class Inspections:
    """Use case of `/upload/inspect`."""

    def __init__(self, resources: Resources, engine: Engine) -> None:
        self._settings = resources.settings
        self._engine = engine

    async def inspect(self, form: Form) -> dict[str, Any]:
        """What the form's file is found to be (answer: engines.inspect_file); nothing of it is kept.

        Raises:
            Invalid: `empty_file`, `missing_field`, or what the engine has against the file.
            PayloadTooLarge, UnsupportedMediaType, BadRequest: the file or the form is not taken.
            RequestTimeout: `query_timeout`. ServiceUnavailable: too much is being computed.
        """
        async with scratch(self._settings.cache_dir) as folder:
            try:
                job = await self._receive(form, folder)
            except APIException:
                await drain(form.body)
                raise
            return await self._engine.run(FUNCTION, job)

    async def _receive(self, form: Form, folder: Path) -> dict[str, Any]:
        received, kept = Received(), Kept(folder / "raw")

        async def take(chunks: AsyncIterator[bytes]) -> None:
            await kept.take(self._settings.max_upload_bytes, received.filename, chunks)

        await follow(form, received, take)
        if not received.has_file:
            raise missing("file")
        fields = InspectionFields.parse(received.values)
        return {
            "source": str(kept.path),
            "filename": received.filename,
            "scratch": str(folder),
            "options": fields.ingest_options(),
            "max_columns": self._settings.max_columns,
            "max_unpacked_bytes": self._settings.max_unpacked_bytes,
            "sample_rows": SAMPLE_ROWS,
            "partial": kept.is_partial,
        }


@dataclass(slots=True)
class Kept:
    """As much of a file on local disk as it takes to look into it; `is_partial` says that more has come."""

    path: Path
    is_partial: bool = False

    async def take(self, limit: int, filename: str, chunks: AsyncIterator[bytes]) -> None:
        """Write the beginning and let the rest pass.

        Raises:
            PayloadTooLarge: more than `limit` bytes. What `checked` raises.
            ServiceUnavailable: the local disk failed.
        """
        size, most = 0, HEAD_BYTES
        with local_disk(), self.path.open("xb") as target:
            async for chunk in checked(chunks, limit, None):
                if not size and require_data(chunk[:KIND_BYTES], filename).kind not in LINES:
                    most = WHOLE_BYTES
                if size < most:
                    await asyncio.to_thread(target.write, chunk[: most - size])
                size += len(chunk)
        self.is_partial = size > most
