"""Predictions for data of any size: a model fitted once, applied to partitions, written part by part."""

from __future__ import annotations

import io
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from shared.compute import ComputeError

from ...schemas.columns import NUMERIC_OR_TEXT, ColumnUse
from ...schemas.job_parameters import PredictionParameters
from ..data_files import as_piece, locate
from ..executor import Executor, somewhere
from ..job import Job
from ..pieces import name_of
from ..results import FileMade, Notice, Table
from ..source import Source, type_name
from .candidates import CLASSIFICATION, FAMILIES, pipeline
from .model_files import dump_model, load_model
from .outcome import JobOutcome
from .partitions import batches, open_groups, ranges
from .training_data import TIMES, Features, TrainingData, load_training, to_frame

PREDICTIONS = FileMade("predictions.parquet", "application/vnd.apache.parquet")
PARTS_AT_MOST = 4096
CLASS_TYPES = {"integer": pa.int64(), "boolean": pa.bool_()}


def predict_partition(item: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """A piece: `item` {groups: [first, end], row}; a Parquet file of its predictions, as base64 in `part`."""
    model, file = load_model(shared["model"]), open_groups(locate(shared["data"]))
    features = Features(tuple(shared["numeric"]), tuple(shared["categorical"]))
    types = {field.name: type_name(field.type) for field in file.schema_arrow}
    buffer, row, writer = io.BytesIO(), item["row"], None
    for batch in batches(file, range(*item["groups"]), features.names):
        x = to_frame(pa.Table.from_batches([batch]), features, types)
        part = _predicted(model, x, row, shared)
        writer = writer or pq.ParquetWriter(buffer, part.schema, compression="zstd")
        writer.write_table(part)
        row += len(part)
    if writer is not None:
        writer.close()
    return {"rows": row - item["row"], "part": b64encode(buffer.getvalue()).decode()}


def batch_prediction(source: Source, parameters: PredictionParameters, job: Job) -> JobOutcome:
    """Artifact `predictions.parquet`: `row`, `prediction`, and the probability of each class of a classification.

    `job.training` {algorithm, parameters, target, features, problem, seed, data} says what to fit first.

    Raises:
        ComputeError: a feature is absent or of another type than in the data learnt from; those of `load_training`.
    """
    training: Mapping[str, Any] = job.training or {}
    job.report(0, 0, "Fitting the model")
    data, model, target_type = _fit(training)
    _require(source, data)
    classifies = data.problem == CLASSIFICATION
    shared = {
        "data": as_piece(job.data),
        "model": dump_model(model),
        "numeric": data.features.numeric,
        "categorical": data.features.categorical,
        "target_type": target_type,
        "classifies": classifies,
        "probabilities": classifies and parameters.probabilities,
    }
    items = _items(job.data.path)
    if not items:
        raise ComputeError("too_few_rows", "The dataset has no rows to predict.")

    def work(executor: Executor) -> _Tally:
        return _join(executor.stream(name_of(predict_partition), items, shared), len(items), job)

    tally, place = somewhere(job, work, prefer_ray=True)
    return _outcome(tally, data, training, len(items)).done_at(place)


def _fit(training: Mapping[str, Any]) -> tuple[TrainingData, Any, str]:
    path, seed, target = Path(training["data"]["path"]), training["seed"], training["target"]
    asked = None if training["features"] is None else tuple(training["features"])
    Source(path).require([ColumnUse(target, "target"), *(ColumnUse(name, "features") for name in asked or ())])
    data = load_training(path, target, asked, training["problem"], seed)
    name, settings = training["algorithm"], training["parameters"]
    if data.problem not in FAMILIES[name].made_for:
        raise ComputeError("invalid_parameters", f"train.algorithm: {name} does not suit a {data.problem}.")
    settings = FAMILIES[name].grid[0] if settings is None else settings
    model = pipeline(name, settings, data.problem, data.features.numeric, data.features.categorical, seed)
    return data, model.fit(data.x, data.y), Source(path).types[target]


def _require(source: Source, data: TrainingData) -> None:
    numeric = frozenset(NUMERIC_OR_TEXT - {"string"}) | TIMES
    uses = [ColumnUse(name, "features", numeric) for name in data.features.numeric]
    source.require([*uses, *(ColumnUse(name, "features") for name in data.features.categorical)])


def _items(path: Path) -> list[dict[str, Any]]:
    file = open_groups(path)
    starts = np.cumsum([0, *(file.metadata.row_group(number).num_rows for number in range(file.num_row_groups))])
    return [
        {"groups": [first, end], "row": int(starts[first])} for first, end in ranges(len(starts) - 1, PARTS_AT_MOST)
    ]


def _predicted(model: Any, x: Any, row: int, shared: Mapping[str, Any]) -> pa.Table:
    predicted = model.predict(x)
    columns: dict[str, Any] = {"row": pa.array(np.arange(row, row + len(x)), pa.int64())}
    if not shared["classifies"]:
        return pa.table({**columns, "prediction": pa.array(predicted, pa.float64())})
    kind = CLASS_TYPES.get(shared["target_type"], pa.string())
    columns["prediction"] = pa.array(predicted.tolist(), pa.string()).cast(kind)
    if shared["probabilities"]:
        chances = model.predict_proba(x)
        columns |= {f"probability_{name}": chances[:, number] for number, name in enumerate(model.classes_)}
    return pa.table(columns)


class _Tally:
    """What is told about predictions that are no longer in memory."""

    def __init__(self) -> None:
        self.rows = 0
        self.classes: dict[str, int] = {}
        self.low, self.high, self.total = np.inf, -np.inf, 0.0

    def add(self, part: pa.Table) -> None:
        """Count a part in."""
        self.rows += len(part)
        column = part.column("prediction")
        if not pa.types.is_floating(column.type):
            for entry in column.value_counts().to_pylist():
                name = str(entry["values"])
                self.classes[name] = self.classes.get(name, 0) + entry["counts"]
            return
        values = column.to_numpy()
        self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))
        self.total += float(values.sum())


def _join(answers: Iterator[dict[str, Any]], parts: int, job: Job) -> _Tally:
    """Write the parts into one file as they come."""
    tally, writer = _Tally(), None
    job.report(0, parts, f"Predicting {parts} partitions")
    try:
        for number, answer in enumerate(answers, 1):
            part = pq.read_table(io.BytesIO(b64decode(answer["part"])))
            writer = writer or pq.ParquetWriter(job.output / PREDICTIONS.name, part.schema, compression="zstd")
            writer.write_table(part)
            tally.add(part)
            job.report(number, parts, f"{number} of {parts} partitions predicted")
    finally:
        if writer is not None:
            writer.close()
    return tally


def _outcome(tally: _Tally, data: TrainingData, training: Mapping[str, Any], parts: int) -> JobOutcome:
    summary: dict[str, object] = {
        "rows": tally.rows,
        "partitions": parts,
        "problem": data.problem,
        "target": training["target"],
        "algorithm": training["algorithm"],
        "features": data.features.names,
        "trained_rows": len(data.y),
    }
    outcome = JobOutcome(summary, artifacts=[PREDICTIONS])
    if tally.classes:
        outcome.tables = [Table("classes", ["class", "rows"], [list(pair) for pair in sorted(tally.classes.items())])]
    elif tally.rows:
        summary |= {"min": tally.low, "max": tally.high, "mean": tally.total / tally.rows}
    if data.sampled:
        text = f"The model learnt from a random sample of {len(data.y)} of {data.total} rows."
        outcome.warnings = [Notice("rows_sampled", text)]
    return outcome
