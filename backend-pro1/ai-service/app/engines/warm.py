"""Imported by the fork server of a worker: loads all engines, and does once what each child would else do for itself.

A process's first chart compiles altair's patterns and reads the description of every installed package, its first cast
fills Arrow's registry, and so on: together they take longer than a small analysis. No thread is left behind.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .analysis import analyse

_ORDERS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("describe", {}),
    ("correlation", {"columns": ["x", "y"]}),
    ("regression", {"method": "ols", "target": "y", "features": ["x"]}),
)


def rehearse() -> None:
    """Analyse a small table."""
    rows = range(40)
    columns = {"x": [float(row) for row in rows], "y": [float(row * row % 7) for row in rows]}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "data.parquet"
        pq.write_table(pa.table({**columns, "kind": ["ab"[row % 2] for row in rows]}), path)
        for kind, parameters in _ORDERS:
            data = {"path": str(path), "sha256": ""}
            job = {"type": kind, "parameters": parameters, "seed": 0, "data": data, "output": folder}
            analyse(job, lambda _done, _total, _message: None)


rehearse()
