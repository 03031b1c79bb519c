"""Helpers of the tests of training: a run of the computing child's function, and data of published examples."""

import csv
import gzip
import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import sklearn

from ..app.engines.training import evaluation, forecasts, importance, refit
from ..app.engines.training.run import train
from ..app.engines.training.served import Served, load

_TITANIC = "datasets/tests/data/openml/id_40945/data-v1-dl-16826755.arff.gz"
_NUMBERS = frozenset({"pclass", "survived", "age", "sibsp", "parch", "fare", "body"})


@contextmanager
def unforked() -> Iterator[None]:
    """Pieces run in this process, which is quicker than a process for each."""
    with ExitStack() as patches:
        for module in (evaluation, forecasts, importance, refit):
            patches.enter_context(patch.object(module, "isolated", lambda call, _until, _bytes: call()))
        yield


def trained(folder: Path, table: pa.Table, parameters: dict[str, Any], **more: Any) -> tuple[dict[str, Any], Served]:
    """The answer of a training, and its model as it is served."""
    number = len(list(folder.iterdir()))
    path, output = folder / f"{number}.parquet", folder / f"{number}"
    output.mkdir()
    pq.write_table(table, path)
    data = {"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    job = {"type": "train", "parameters": parameters, "seed": 3, "data": data, "output": str(output), **more}
    answer = train(job, lambda _done, _total, _message: None)
    return answer, load(output / "model.skops", answer["model"])


def mixed(rows: int = 240) -> pa.Table:
    """All kinds of columns, gaps among them; `y` and `large` depend on `x` and `kind`."""
    random = np.random.default_rng(9)
    x, kind = random.normal(size=rows), random.choice(["a", "b", "c"], rows)
    words = np.array(["red", "green", "blue", "old", "new", "big", "small", "wide"])
    return pa.table(
        {
            "x": [None if number % 20 == 0 else value for number, value in enumerate(x.tolist())],
            "kind": [None if number % 30 == 0 else value for number, value in enumerate(kind.tolist())],
            "flag": random.random(rows) > 0.5,
            "at": pa.array(random.integers(0, 10**9, rows), pa.timestamp("s")),
            "words": [" ".join(random.choice(words, 4)) for _ in range(rows)],
            "y": x * 2 + (kind == "a") * 3 + random.normal(scale=0.3, size=rows),
            "large": np.where(x + (kind == "a") + random.normal(scale=0.3, size=rows) > 0.4, "yes", "no").tolist(),
        }
    )


def titanic() -> pa.Table:
    """1,309 passengers: OpenML's data set 40945, which scikit-learn brings for its own tests."""
    text = gzip.decompress((Path(sklearn.__file__).parent / _TITANIC).read_bytes()).decode()
    head, _, body = text.partition("@data\n")
    names = [line.split("'")[1] for line in head.splitlines() if line.startswith("@attribute")]
    columns = dict(zip(names, zip(*csv.reader(body.splitlines()), strict=True), strict=True))
    return pa.table({name: _read(name, values) for name, values in columns.items()})


def _read(name: str, values: tuple[str, ...]) -> pa.Array:
    known = [None if value == "?" else value for value in values]
    if name in _NUMBERS:
        kind = pa.int64() if name in ("pclass", "survived", "sibsp", "parch") else pa.float64()
        return pa.array([None if value is None else float(value) for value in known], pa.float64()).cast(kind)
    return pa.array(known, pa.string())
