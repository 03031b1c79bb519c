"""Fixtures of the data service's tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared.testing.fixtures import database, object_store, redis, resources, server_settings, settings, workspace

from ..app.engines.ingest import ingest

__all__ = ["database", "object_store", "redis", "resources", "server_settings", "settings", "workspace"]

IngestText = Callable[..., dict[str, Any]]


def quiet(_done: int, _total: int, _message: str) -> None:
    """Progress that nobody watches."""


@pytest.fixture
def ingest_text(tmp_path: Path) -> IngestText:
    """Ingest text or bytes as the computing child would; the Parquet file is tmp_path / data.parquet."""

    def run(content: str | bytes, *, max_columns: int = 1000) -> dict[str, Any]:
        source = tmp_path / "source"
        source.write_bytes(content if isinstance(content, bytes) else content.encode())
        job = {"source": str(source), "parquet": str(tmp_path / "data.parquet"), "scratch": str(tmp_path)}
        return ingest({**job, "max_columns": max_columns, "memory_mb": 1024, "threads": 1}, quiet)

    return run
