"""Small fitted models with all that training tells of them, for tests of their use."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..app.engines.training.conformal import conform_classes, conform_numbers
from ..app.engines.training.data import Question, load
from ..app.engines.training.model_files import dump_model
from ..app.engines.training.pipelines import pipeline
from ..app.engines.training.profile import profile_of
from ..app.engines.training.scores import Said, measured

ROWS = 400


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model's file, its JSON, and the file it has learnt from."""

    path: Path
    model: dict[str, Any]
    data: Path
    rows: list[dict[str, Any]]

    def job(self, **more: Any) -> dict[str, Any]:
        """A job of engines.serving.online."""
        return {"key": str(self.path), "path": str(self.path), "model": self.model, **more}

    def offline(self, kind: str, output: Path, data: Path | None = None, **more: Any) -> dict[str, Any]:
        """A job of engines.serving.offline."""
        read, own = data or self.data, hashlib.sha256(self.path.read_bytes()).hexdigest()
        return {
            "type": kind,
            "parameters": {},
            "seed": 0,
            "data": {"path": str(read), "sha256": hashlib.sha256(read.read_bytes()).hexdigest()},
            "file": {"path": str(self.path), "sha256": own, "url": ""},
            "model": self.model,
            "columns": [],
            "output": str(output),
            **more,
        }


def table_of(seed: int = 0) -> pa.Table:
    """Two numbers with gaps, a whole one, a category; `y` follows from them, `big` is whether it is large."""
    random = np.random.default_rng(seed)
    a, b = random.normal(size=ROWS), random.normal(10, 3, size=ROWS)
    kind = np.array(["red", "green", "blue"], dtype=object)[random.integers(0, 3, ROWS)]
    count = random.integers(0, 50, ROWS)
    y = 3 * a - b + (kind == "red") * 2 + count / 20 + random.normal(scale=0.5, size=ROWS)
    a[::17], kind[::23] = np.nan, None
    big = np.where(y > np.median(y), "yes", "no")
    columns = {"a": pa.array(a, from_pandas=True), "b": b, "kind": pa.array(kind, pa.string()), "count": count}
    return pa.table({**columns, "y": y, "big": big})


def fit(folder: Path, algorithm: str, target: str = "y", settings: dict[str, Any] | None = None) -> Fitted:
    """A model that has learnt all rows of `table_of()`."""
    data_path, path = folder / "data.parquet", folder / "model.skops"
    table = table_of()
    pq.write_table(table, data_path, row_group_size=150)
    data = load(Question(data_path, target, ("a", "b", "kind", "count"), "auto", 1000, 0))
    model = pipeline(algorithm, settings or {}, data.problem, data.features, 0).fit(data.x, data.labels)
    dump_model(model, path)
    folds = np.arange(len(data.y)) % 5
    predicted = model.predict_proba(data.x) if data.classifies else model.predict(data.x)
    conform = conform_classes if data.classifies else conform_numbers
    said = Said(data.y, predicted)
    told = {
        "problem": data.problem,
        "target": target,
        "target_type": data.target_type,
        "features": [feature.as_json() for feature in data.features],
        "ignored": list(data.ignored),
        "algorithm": algorithm,
        "classes": list(data.classes) or None,
        "metric": "roc_auc" if data.classifies else "r2",
        "metrics": measured(said, np.zeros(len(data.y)), 0, 0.95, classifies=data.classifies),
        "conformal": conform(data.y, predicted, folds, 0.9),
        "profile": profile_of(data, model.predict(data.x)),
        "rows": len(data.y),
    }
    rows = table.select(["a", "b", "kind", "count"]).to_pylist()
    return Fitted(path, told, data_path, rows)
