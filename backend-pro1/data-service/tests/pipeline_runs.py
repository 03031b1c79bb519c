"""Pipelines over small tables, for tests: rows in, rows out."""

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared.compute.protocol import ComputeError

from ..app.engines.pipelines import pipeline
from .conftest import quiet

DATASET = "0190d6a8-7c1e-7b3a-9f42-5d7c1a2b3c4d"
Table = Mapping[str, Sequence[Any]]


def day(text: str) -> dt.date:
    """A date."""
    return dt.date.fromisoformat(text)


def moment(text: str) -> dt.datetime:
    """A moment without a zone."""
    return dt.datetime.fromisoformat(text)


class Runs:
    """Runs steps over tables given as columns of values."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = 0

    def file(self, table: Table | pa.Table) -> str:
        """The table as a Parquet file."""
        self._files += 1
        path = self._folder / f"input_{self._files}.parquet"
        pq.write_table(table if isinstance(table, pa.Table) else pa.table(dict(table)), path)
        return str(path)

    def job(
        self, table: Table | pa.Table, *steps: dict[str, Any], other: Table | pa.Table | None = None
    ) -> dict[str, Any]:
        """The job of a run."""
        inputs = {"main": self.file(table)} | ({} if other is None else {DATASET: self.file(other)})
        limits = {"max_columns": 1000, "memory_mb": 512, "threads": 2}
        paths = {"parquet": str(self._folder / "out.parquet"), "scratch": str(self._folder)}
        return {"steps": list(steps), "inputs": inputs, "salt": "5a" * 32, **paths, **limits}

    def answer(
        self, table: Table | pa.Table, *steps: dict[str, Any], other: Table | pa.Table | None = None
    ) -> dict[str, Any]:
        """What a run writes and says, without the profile."""
        job = self.job(table, *steps, other=other)
        rows, warnings, reports = pipeline.write(job, quiet)
        written = pq.read_table(job["parquet"])
        assert written.num_rows == rows
        return {"rows": rows, "warnings": warnings, "steps": reports, "table": written.to_pydict()}

    def columns(
        self, table: Table | pa.Table, *steps: dict[str, Any], other: Table | pa.Table | None = None
    ) -> dict[str, Any]:
        """The columns that a run writes."""
        found: dict[str, Any] = self.answer(table, *steps, other=other)["table"]
        return found

    def preview(
        self, table: Table | pa.Table, *steps: dict[str, Any], other: Table | pa.Table | None = None
    ) -> dict[str, Any]:
        """What a preview answers."""
        job = self.job(table, *steps, other=other)
        return pipeline.preview({**job, "limit": 100, "sample_rows": 1000}, quiet)

    def refusal(
        self, table: Table | pa.Table, *steps: dict[str, Any], other: Table | pa.Table | None = None
    ) -> ComputeError:
        """Why the steps cannot be run."""
        with pytest.raises(ComputeError) as caught:
            pipeline.write(self.job(table, *steps, other=other), quiet)
        return caught.value
