"""Scratch directories: private, gone after their block, swept when forgotten."""

import os
import time
from pathlib import Path

import pytest

from shared.scratch import make_scratch, scratch, sweep_scratch


async def test_it_is_private_and_gone_after_the_block(tmp_path: Path) -> None:
    async with scratch(tmp_path / "cache") as folder:
        (folder / "file").write_text("x")
        assert folder.parent == tmp_path / "cache-scratch"
        assert folder.stat().st_mode & 0o077 == 0
    assert not folder.exists()


async def test_it_goes_after_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        async with scratch(tmp_path / "cache") as folder:
            raise KeyError
    assert not folder.exists()


async def test_only_forgotten_ones_are_swept(tmp_path: Path) -> None:
    assert await sweep_scratch(tmp_path / "cache", 60) == 0
    young, old = make_scratch(tmp_path / "cache"), make_scratch(tmp_path / "cache")
    os.utime(old, (time.time() - 120, time.time() - 120))
    assert await sweep_scratch(tmp_path / "cache", 60) == 1
    assert young.exists()
    assert not old.exists()
