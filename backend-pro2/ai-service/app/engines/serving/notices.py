"""What is unusual in rows to predict: values that are missing, unknown, or beyond those learnt from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..results import Notice
from ..training.features import Feature

NAMED_AT_MOST = 10


def notices_of(frame: pd.DataFrame, features: Sequence[Feature]) -> list[Notice]:
    """For each kind of what is unusual the features and in how many rows they have it."""
    found: dict[str, dict[str, int]] = {"missing_values": {}, "unknown_categories": {}, "beyond_training": {}}
    for feature in features:
        if feature.kind == "categorical":
            _of_levels(frame[feature.name], feature, found)
        elif feature.kind == "numeric":
            _of_numbers(frame[feature.name].to_numpy(), feature, found)
    return [Notice(code, _SENTENCES[code].format(_listed(counts))) for code, counts in found.items() if counts]


def without_interval(predictions: Sequence[Mapping[str, Any]], conformal: Mapping[str, Any]) -> list[Notice]:
    """Why limits are null, if some are."""
    if None not in conformal.get("widths", ()):
        return []
    rows = sum(one["interval"]["low"] is None for one in predictions)
    text = f"The model has learnt from too few rows like these for intervals of level {conformal['level']:g}"
    return [Notice("no_interval", f"{text}: {rows} of {len(predictions)} have none.")] if rows else []


_SENTENCES = {
    "missing_values": "Missing, and replaced as in the training: {0}.",
    "unknown_categories": "A category that the model has not learnt, and treats like its rare ones: {0}.",
    "beyond_training": "Below the smallest or above the largest value of the training: {0}; predictions extrapolate.",
}


def _of_levels(column: pd.Series[Any], feature: Feature, found: Mapping[str, dict[str, int]]) -> None:
    known = column.notna()
    _note(found["missing_values"], feature.name, int((~known).sum()))
    _note(found["unknown_categories"], feature.name, int((known & ~column.isin(feature.levels or ())).sum()))


def _of_numbers(values: Any, feature: Feature, found: Mapping[str, dict[str, int]]) -> None:
    missing = np.isnan(values)
    _note(found["missing_values"], feature.name, int(missing.sum()))
    if isinstance(feature.low, (int, float)) and isinstance(feature.high, (int, float)):
        beyond = (values < feature.low) | (values > feature.high)
        _note(found["beyond_training"], feature.name, int(beyond.sum()))


def _note(counts: dict[str, int], name: str, rows: int) -> None:
    if rows:
        counts[name] = rows


def _listed(counts: Mapping[str, int]) -> str:
    named = [f"{name} (in {rows} {'row' if rows == 1 else 'rows'})" for name, rows in counts.items()]
    more = f" and {len(named) - NAMED_AT_MOST} more" if len(named) > NAMED_AT_MOST else ""
    return ", ".join(named[:NAMED_AT_MOST]) + more
