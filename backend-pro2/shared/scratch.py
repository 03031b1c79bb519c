"""Directories for the files of one job, beside the cache; those that a killed process forgot are swept."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path


def make_scratch(cache_dir: Path) -> Path:
    """A fresh directory on the disk of the cache; its maker removes it."""
    parent = scratch_folder(cache_dir)
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=parent))


@asynccontextmanager
async def scratch(cache_dir: Path) -> AsyncIterator[Path]:
    """The same for a block, after which it is gone."""
    folder = await asyncio.to_thread(make_scratch, cache_dir)
    try:
        yield folder
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def sweep_scratch(cache_dir: Path, seconds: float) -> int:
    """Remove what nobody touched for so long; how many directories that were."""
    return await asyncio.to_thread(_remove_old, scratch_folder(cache_dir), seconds)


def scratch_folder(cache_dir: Path) -> Path:
    """Where they are all made."""
    # Beside the cache, which holds files only.
    return cache_dir.resolve().with_name(f"{cache_dir.resolve().name}-scratch")


def _remove_old(parent: Path, seconds: float) -> int:
    if not parent.is_dir():
        return 0
    old = [folder for folder in parent.iterdir() if folder.stat().st_mtime < time.time() - seconds]
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)
    return len(old)
