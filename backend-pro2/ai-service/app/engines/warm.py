"""Imported by the fork server of a worker: loads all engines, and does once what each child would else do for itself.

A process's first chart compiles altair's patterns and reads the description of every installed package, its first cast
fills Arrow's registry, and so on: together they take longer than a small analysis. No thread is left behind.
"""

from __future__ import annotations

import os
import sys
import tempfile
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .analysis import analyse

_ROWS = range(40)
_COLUMNS: dict[str, list[Any]] = {
    "x": [float(row) for row in _ROWS],
    "y": [float(row * row % 7) for row in _ROWS],
    "kind": ["ab"[row % 2] for row in _ROWS],
}
_ORDERS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("describe", {}),
    ("correlation", {"columns": ["x", "y"]}),
    ("regression", {"method": "ols", "target": "y", "features": ["x"]}),
)


def _file() -> int:
    """A Parquet file without a name, which is gone with the last process that holds it."""
    if sys.platform == "linux":
        descriptor = os.memfd_create("rehearsal")
    else:
        with tempfile.TemporaryFile() as unnamed:
            descriptor = os.dup(unnamed.fileno())
    with os.fdopen(os.dup(descriptor), "wb") as target:
        pq.write_table(pa.table(_COLUMNS), target)
    return descriptor


_DATA = {"path": f"/dev/fd/{_file()}", "sha256": ""}


def rehearse() -> None:
    """Analyse a small table; children that wait for a job do so too, to have what it takes in memory of their own."""
    for kind, parameters in _ORDERS:
        job = {"type": kind, "parameters": parameters, "seed": 0, "data": _DATA, "output": ""}
        analyse(job, lambda _done, _total, _message: None)


rehearse()
