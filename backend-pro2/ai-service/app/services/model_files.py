"""Files of models: fetched once their signature holds, and handed out with what tells of them."""

import asyncio
import json
import zipfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.object_store import read_file
from shared.resources import Resources
from shared.scratch import scratch
from shared.version import VERSION

from ..repositories.model_versions import ModelVersion
from .model_signatures import ModelSigner

MODEL_FILE = "model.skops"
# Equal content, equal bytes: no time of day in the archive.
_DATED = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Export:
    """An archive with a model, ready to be streamed; `sha256` is that of the model's file in it."""

    name: str
    sha256: str
    chunks: AsyncIterator[bytes]


async def fetch_model(resources: Resources, found: ModelVersion) -> Path:
    """A local copy of the model's file, whose signature and hash have been checked.

    Raises:
        ModelNotGenuine: the signature does not hold. CorruptObject, ServiceUnavailable: the store.
    """
    ModelSigner(resources.settings).require_genuine(found)
    return await resources.cache.fetch(found.key, found.sha256)


async def export_model(resources: Resources, found: ModelVersion, card: str) -> Export:
    """A zip archive of the model's file, `manifest.json` and the card.

    Raises:
        As `fetch_model`.
    """
    path = await fetch_model(resources, found)
    texts = {"manifest.json": json.dumps(manifest_of(found), indent=2, ensure_ascii=False), "card.md": card}
    return Export(f"model-{found.model_id}-v{found.version}.zip", found.sha256, _archive(resources, path, texts))


def manifest_of(found: ModelVersion) -> dict[str, Any]:
    """What is needed to load the file elsewhere, to check it and to train it again."""
    told = found.details
    kept = ("features", "target_type", "classes", "parameters", "baseline", "libraries", "seed")
    return {
        "model_id": str(found.model_id),
        "name": found.name,
        "version": found.version,
        "problem": found.problem,
        "target": found.target,
        "algorithm": found.algorithm,
        "metrics": found.metrics,
        **{member: told.get(member) for member in kept},
        "data": {
            "dataset_id": str(found.dataset_id),
            "version": found.dataset_version,
            "sha256": found.dataset_sha256,
            "rows": found.row_count,
        },
        "file": {"name": MODEL_FILE, "format": "skops", "bytes": found.bytes, "sha256": found.sha256},
        "code_version": VERSION,
        "created_at": found.created_at.isoformat(),
    }


async def _archive(resources: Resources, path: Path, texts: Mapping[str, str]) -> AsyncIterator[bytes]:
    async with scratch(resources.settings.cache_dir) as folder:
        archive = folder / "model.zip"
        await asyncio.to_thread(_pack, archive, path, texts)
        async for chunk in read_file(archive):
            yield chunk


def _pack(archive: Path, path: Path, texts: Mapping[str, str]) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for name, text in texts.items():
            target.writestr(zipfile.ZipInfo(name, _DATED), text, zipfile.ZIP_DEFLATED)
        # The file is compressed already.
        with target.open(zipfile.ZipInfo(MODEL_FILE, _DATED), "w") as inside, path.open("rb") as source:
            while chunk := source.read(1 << 20):
                inside.write(chunk)
