"""What makes a good score doubtful: leaks, repeated rows, rare classes, few rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from ..leakage import target_leaks
from ..results import Notice
from .data import TrainingData

TINY_CLASS = 10
IMBALANCED = 0.1
SMALL_SAMPLE = 100


def doubts_of(data: TrainingData, target: str) -> list[Notice]:
    """What a reader of the scores must know of the data."""
    return [*target_leaks(data.x, data.labels, target), *_repeats(data), *_classes(data), *_few_rows(data)]


def _repeats(data: TrainingData) -> Iterator[Notice]:
    keys = pd.util.hash_pandas_object(data.x.assign(**{"\0target": data.y}), index=False)
    repeated = int(keys.duplicated().sum())
    if repeated:
        share = 100 * repeated / len(data.y)
        text = f"{repeated} rows ({share:.2g} %) repeat another row, so that a fold can hold what was learnt from"
        yield Notice("duplicate_rows", f"{text}; scores are a little flattering. Remove repeats, unless they are real.")


def _classes(data: TrainingData) -> Iterator[Notice]:
    if not data.classifies:
        return
    counts = np.bincount(data.y, minlength=len(data.classes))
    tiny = [name for name, count in zip(data.classes, counts, strict=True) if count < TINY_CLASS]
    if tiny:
        text = f"{len(tiny)} classes have fewer than {TINY_CLASS} rows ({', '.join(tiny[:5])}); what is said of them"
        yield Notice("tiny_classes", f"{text} rests on next to nothing.")
    if counts.min() < IMBALANCED * counts.max():
        rarest = data.classes[int(counts.argmin())]
        share = 100 * counts.min() / counts.sum()
        text = f"The rarest class ({rarest}) has {share:.2g} % of the rows; accuracy says little here, look at"
        yield Notice("imbalanced_target", f"{text} balanced_accuracy, and consider class_weight balanced.")


def _few_rows(data: TrainingData) -> Iterator[Notice]:
    rows = len(data.y)
    if len(data.x.columns) > rows:
        text = f"There are more features ({len(data.x.columns)}) than rows ({rows}); only strongly penalised models"
        yield Notice("more_features_than_rows", f"{text} have a chance, and the search can find patterns in noise.")
    if rows < SMALL_SAMPLE:
        yield Notice("small_sample", f"{rows} rows are few: expect the scores to be off by as much as their intervals.")
