"""What to warn of before a model is trained: leakage, identifiers, few rows, and rows that stand on both sides."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from .id_columns import id_reason
from .leakage import target_leaks
from .results import Notice
from .source import FloatArray

TINY_ROWS = 50
ROWS_A_CLASS = 10


def training_warnings(x: pd.DataFrame, y: npt.NDArray[np.object_] | FloatArray, target: str) -> list[Notice]:
    """Warnings about training data: `target_leakage`, `id_feature`, `tiny_sample`, `duplicate_rows`.

    Numeric columns of `x` are floats with NaN, others texts with None; `y` has shape (rows,) without missing values,
    floats for a regression, texts for classes.
    """
    return [*target_leaks(x, y, target), *id_features(x), *_tiny(x, y), *_repeated(x, y)]


def split_warnings(train: pd.DataFrame, test: pd.DataFrame) -> list[Notice]:
    """Warns with `duplicates_across_split` of rows of `test` that `train` has too, in all columns that are given."""
    if len(train) == 0 or len(test) == 0:
        return []
    known = np.isin(_fingerprints(test[list(train.columns)]), _fingerprints(train))
    shared = int(known.sum())
    if shared == 0:
        return []
    text = f"{shared} of {len(test)} rows of the test part ({shared / len(test):.1%}) are in the training part too, so "
    return [Notice("duplicates_across_split", f"{text}the score is too good: remove duplicates before splitting.")]


def id_features(x: pd.DataFrame) -> list[Notice]:
    """Warns with `id_feature` of each column that numbers or names the rows."""
    notices = []
    for name, column in x.items():
        reason = id_reason(str(name), _arrow(column))
        if reason is not None:
            text = f"Feature {str(name)!r} looks like an identifier of rows ({reason}); it tells nothing of new rows."
            notices.append(Notice("id_feature", text))
    return notices


def _arrow(column: pd.Series) -> pa.ChunkedArray:
    values = pa.array(column, from_pandas=True)
    if pa.types.is_floating(values.type):
        present = column.dropna().to_numpy(dtype=np.float64)
        # Whole numbers are read as floats where values may be missing.
        if len(present) and np.isfinite(present).all() and (present == np.floor(present)).all():
            values = pa.array(column, pa.int64(), from_pandas=True) if np.abs(present).max() < 2**53 else values
    return pa.chunked_array([values])


def _tiny(x: pd.DataFrame, y: npt.NDArray[np.object_] | FloatArray) -> list[Notice]:
    if len(y) < TINY_ROWS or len(y) < x.shape[1]:
        text = f"There are {len(y)} rows for {x.shape[1]} features; scores from so few rows vary widely."
        return [Notice("tiny_sample", text)]
    if y.dtype != np.object_:
        return []
    counts = pd.Series(y).value_counts()
    if int(counts.min()) >= ROWS_A_CLASS:
        return []
    text = f"Class {str(counts.idxmin())!r} has {int(counts.min())} rows; what is said of it rests on very little."
    return [Notice("tiny_sample", text)]


def _repeated(x: pd.DataFrame, y: npt.NDArray[np.object_] | FloatArray) -> list[Notice]:
    rows = _fingerprints(x.assign(**{"\0target": y}))
    repeated = len(rows) - len(np.unique(rows))
    if repeated == 0:
        return []
    text = f"{repeated} of {len(rows)} rows repeat an earlier one; where a split puts them on both sides, the score is "
    return [Notice("duplicate_rows", f"{text}too good.")]


def _fingerprints(x: pd.DataFrame) -> npt.NDArray[np.uint64]:
    return np.asarray(pd.util.hash_pandas_object(x, index=False), dtype=np.uint64)
