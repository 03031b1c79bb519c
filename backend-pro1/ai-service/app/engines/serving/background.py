"""Rows to compare with: each feature as its profile says it was in the training data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ..source import FloatArray
from ..training.features import DAY_SECONDS, Feature
from ..training.served import Served

ROWS = 64


def background_of(model: Served, seed: int) -> pd.DataFrame:
    """So many rows; the features are independent of each other, since a profile says nothing of them together.

    Each feature's values are spread evenly over its distribution and mixed: a Latin hypercube sample (McKay, Beckman
    and Conover 1979, Technometrics 21).
    """
    random = np.random.default_rng(seed)
    profile = model.model["profile"]["features"]
    places = (np.arange(ROWS) + 0.5) / ROWS
    columns = {
        feature.name: _values(feature, profile[feature.name], random.permutation(places)) for feature in model.features
    }
    return model.frame_of_table(pa.table(columns))


def stacked(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """The rows of both."""
    return framed({str(name): np.concatenate([first[name].to_numpy(), second[name].to_numpy()]) for name in first})


def framed(columns: Mapping[str, Any]) -> pd.DataFrame:
    """The columns as they are: pandas would make NaN of the None of missing texts, which estimators tell apart."""
    return pd.DataFrame({name: pd.Series(values, dtype=values.dtype) for name, values in columns.items()})


def _values(feature: Feature, profile: Mapping[str, Any], places: FloatArray) -> pa.Array:
    """Values at these places of the distribution function; the first places are those of missing values."""
    missing = places < profile["missing"]
    inner = np.clip((places - profile["missing"]) / max(1 - profile["missing"], 1e-9), 0, 1)
    if feature.kind == "text":
        return pa.array([""] * len(places), pa.string())
    if feature.kind == "categorical":
        levels = np.array([*profile["levels"], None], dtype=object)
        edges = np.cumsum(profile["shares"])
        found = levels[np.searchsorted(edges, inner, side="right").clip(0, len(levels) - 1)]
        return pa.array([None if gone else value for value, gone in zip(found, missing, strict=True)], pa.string())
    numbers = np.interp(inner, *_quantiles(feature, profile))
    if feature.kind == "date":
        times = pa.array((numbers * DAY_SECONDS * 1e6).astype(np.int64), pa.timestamp("us"), mask=missing)
        return times.cast(pa.date32(), safe=False) if feature.type == "date" else times
    return pa.array(np.where(missing, np.nan, numbers))


def _quantiles(feature: Feature, profile: Mapping[str, Any]) -> tuple[FloatArray, FloatArray]:
    low, high = _ends(feature)
    below = np.concatenate([[0.0], np.cumsum(profile["shares"])])
    return below, np.array([low, *profile["edges"], high])


def _ends(feature: Feature) -> tuple[float, float]:
    if feature.kind != "date":
        return float(feature.low or 0), float(feature.high or 0)
    low, high = (pd.Timestamp(str(end)) for end in (feature.low, feature.high))
    return low.timestamp() / DAY_SECONDS, high.timestamp() / DAY_SECONDS
