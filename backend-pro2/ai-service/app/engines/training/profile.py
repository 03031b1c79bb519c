"""What the data looked like that a model learnt from: shares in bins and of levels, to compare later data with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..source import FloatArray
from .data import TrainingData
from .features import Feature, numeric_names

BINS = 10
LEVELS = 20


def profile_of(data: TrainingData, predicted: Any) -> dict[str, Any]:
    """`features` by name, `target` and `prediction`; each numeric {edges, shares} or categorical {levels, shares}.

    Bins reach from -infinity over `edges` to infinity, a value on an edge in the upper one; `shares` are of the rows
    whose value is known, `missing` is of all. Of dates the days since 1970 are binned, of texts the characters.
    """
    target = np.array(data.classes, dtype=object)[data.y] if data.classifies else data.y
    return {
        "features": {feature.name: _of_feature(data.x, feature) for feature in data.features},
        "target": shares_of_levels(target, data.classes) if data.classifies else shares_in_bins(data.y),
        "prediction": shares_of_levels(predicted, data.classes) if data.classifies else shares_in_bins(predicted),
    }


def _of_feature(x: pd.DataFrame, feature: Feature) -> dict[str, Any]:
    if feature.kind == "categorical":
        return shares_of_levels(x[feature.name].to_numpy(), (feature.levels or ())[:LEVELS])
    if feature.kind == "text":
        lengths = x[feature.name].str.len().to_numpy(dtype=np.float64)
        return shares_in_bins(np.where(lengths == 0, np.nan, lengths))
    return shares_in_bins(x[numeric_names(feature)[0]].to_numpy())


def shares_in_bins(values: FloatArray) -> dict[str, Any]:
    """Ten bins of about equal shares, fewer where values repeat."""
    known = values[~np.isnan(values)]
    edges = np.unique(np.quantile(known, np.arange(1, BINS) / BINS)) if len(known) else np.array([])
    counts = np.bincount(np.searchsorted(edges, known, side="right"), minlength=len(edges) + 1)
    return {
        "kind": "numeric",
        "edges": edges.tolist(),
        "shares": (counts / max(len(known), 1)).tolist(),
        "missing": 1 - len(known) / max(len(values), 1),
    }


def shares_of_levels(values: Any, levels: Sequence[str]) -> dict[str, Any]:
    """Of these levels and of all `other` ones."""
    found = pd.Series(values, dtype=object)
    known = found.notna()
    total = max(int(known.sum()), 1)
    counts = found[known].value_counts()
    shares = [float(counts.get(level, 0)) / total for level in levels]
    return {
        "kind": "categorical",
        "levels": list(levels),
        "shares": shares,
        "other": max(0.0, 1 - sum(shares)) if known.any() else 0.0,
        "missing": float((~known).mean()),
    }
