"""Predictions for all rows of a dataset: partitions on the executor, joined to one file beside the source's columns."""

from __future__ import annotations

import io
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from shared.compute import ComputeError

from ..data_files import as_piece, locate
from ..executor import Executor, somewhere
from ..job import Job
from ..jobs.outcome import JobOutcome
from ..jobs.partitions import batches, open_groups, ranges
from ..pieces import name_of
from ..results import FileMade, Table
from ..training.data import CLASSIFICATION
from ..training.served import Served
from .loaded import served

PREDICTIONS = FileMade("predictions.parquet", "application/vnd.apache.parquet")
PARTS_AT_MOST = 4096


@dataclass(frozen=True, slots=True)
class Form:
    """What stands beside `prediction`: columns of the source, its rows' numbers, and how sure the model is.

    That is `low` and `high` if it knows them, or the probability of each class, as `Served.predict_table` gives them
    for `level`; a `bare` prediction has nothing of it.
    """

    columns: Sequence[str] = ()
    level: float | None = None
    numbered: bool = False
    bare: bool = False


def predict_part(item: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """A piece: `item` {groups: [first, end], row}; a Parquet file of its predictions, as base64 in `part`."""
    model, file = _model(shared), open_groups(locate(shared["data"]))
    features = [feature.name for feature in model.features]
    names = list(dict.fromkeys([*shared["columns"], *features]))
    buffer, row, writer = io.BytesIO(), item["row"], None
    for batch in batches(file, range(*item["groups"]), names):
        part = _part(pa.Table.from_batches([batch]), row, model, shared)
        writer = writer or pq.ParquetWriter(buffer, part.schema, compression="zstd")
        writer.write_table(part)
        row += len(part)
    if writer is not None:
        writer.close()
    return {"rows": row - item["row"], "part": b64encode(buffer.getvalue()).decode()}


def _model(shared: Mapping[str, Any]) -> Served:
    file = shared["file"]
    place = {"content": file["content"]} if "content" in file else {"path": locate(file)}
    return served({"key": file["sha256"], "model": shared["model"], **place})


def _part(table: pa.Table, row: int, model: Served, shared: Mapping[str, Any]) -> pa.Table:
    kept, predicted = table.select(shared["columns"]), model.predict_table(table, shared["level"])
    if shared["numbered"]:
        kept = kept.add_column(0, "row", pa.array(np.arange(row, row + len(table)), pa.int64()))
    return _beside(kept, predicted.select(["prediction"]) if shared["bare"] else predicted)


def _beside(kept: pa.Table, predicted: pa.Table) -> pa.Table:
    """Both; a name of the predictions that the source has too gets a number."""
    taken = set(kept.column_names)
    for name, column in zip(predicted.column_names, predicted.columns, strict=True):
        free, number = name, 2
        while free in taken:
            free, number = f"{name}_{number}", number + 1
        taken.add(free)
        kept = kept.append_column(free, column)
    return kept


def predict_dataset(model: Mapping[str, Any], file: Mapping[str, Any], form: Form, job: Job) -> JobOutcome:
    """Artifact `predictions.parquet`: `prediction`, and beside it what `form` says.

    `model` is the JSON of training, `file` {path, sha256, url} or {content, sha256} the fitted one.

    Raises:
        ComputeError: a feature is absent or of another type than in the data learnt from; `too_few_rows`;
            `level_unavailable`.
    """
    items = _items(job.data.path)
    shared = {"data": as_piece(job.data), "model": model, "file": file, **asdict(form)}
    kept = len(form.columns) + form.numbered

    def work(executor: Executor) -> _Tally:
        answers = executor.stream(name_of(predict_part), items, shared)
        return _join(answers, len(items), job, kept=kept, classifies=model["problem"] == CLASSIFICATION)

    tally, place = somewhere(job, work, prefer_ray=True)
    return _outcome(tally, model, len(items)).done_at(place)


def _items(path: Path) -> list[dict[str, Any]]:
    file = open_groups(path)
    starts = np.cumsum([0, *(file.metadata.row_group(number).num_rows for number in range(file.num_row_groups))])
    if starts[-1] == 0:
        raise ComputeError("too_few_rows", "The dataset has no rows to predict.")
    return [
        {"groups": [first, end], "row": int(starts[first])} for first, end in ranges(len(starts) - 1, PARTS_AT_MOST)
    ]


class _Tally:
    """What is told about predictions that are no longer in memory."""

    def __init__(self) -> None:
        self.rows = 0
        self.classes: dict[str, int] = {}
        self.low, self.high, self.total = np.inf, -np.inf, 0.0

    def add(self, part: pa.Table, column: pa.ChunkedArray, *, classifies: bool) -> None:
        """Count a part in."""
        self.rows += len(part)
        if classifies:
            for entry in column.value_counts().to_pylist():
                name = str(entry["values"])
                self.classes[name] = self.classes.get(name, 0) + entry["counts"]
            return
        values = column.to_numpy()
        self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))
        self.total += float(values.sum())


def _join(answers: Iterator[dict[str, Any]], parts: int, job: Job, *, kept: int, classifies: bool) -> _Tally:
    """Write the parts into one file as they come; the prediction follows the `kept` columns."""
    tally, writer = _Tally(), None
    job.report(0, parts, f"Predicting {parts} partitions")
    try:
        for number, answer in enumerate(answers, 1):
            part = pq.read_table(io.BytesIO(b64decode(answer["part"])))
            writer = writer or pq.ParquetWriter(job.output / PREDICTIONS.name, part.schema, compression="zstd")
            writer.write_table(part)
            tally.add(part, part.column(kept), classifies=classifies)
            job.report(number, parts, f"{number} of {parts} partitions predicted")
    finally:
        if writer is not None:
            writer.close()
    return tally


def _outcome(tally: _Tally, model: Mapping[str, Any], parts: int) -> JobOutcome:
    summary: dict[str, object] = {
        "rows": tally.rows,
        "partitions": parts,
        "problem": model["problem"],
        "target": model["target"],
        "algorithm": model["algorithm"],
    }
    outcome = JobOutcome(summary, artifacts=[PREDICTIONS])
    if tally.classes:
        outcome.tables = [Table("classes", ["class", "rows"], [list(pair) for pair in sorted(tally.classes.items())])]
    elif tally.rows:
        summary |= {"min": tally.low, "max": tally.high, "mean": tally.total / tally.rows}
    return outcome
