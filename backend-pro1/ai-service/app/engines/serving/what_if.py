"""Predictions for a row as it is, and with some of its values changed."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from shared.compute import ComputeError

from ..training.served import Served

POINTS_AT_MOST = 2000


def points_of(model: Served, job: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The frame of all rows that were predicted, and `original` and `points`.

    Raises:
        ComputeError: `invalid_rows`, `grid_too_large`.
    """
    row = job["row"]
    changes = job["changes"] or [dict(point) for point in _grid(model, job["grid"])]
    frame = model.frame_of([row, *({**row, **change} for change in changes)])
    original, *changed = model.predict_frame(frame)
    points = [
        {"changes": change, "prediction": predicted, "difference": _difference(original, predicted)}
        for change, predicted in zip(changes, changed, strict=True)
    ]
    return frame, {"original": original, "points": points}


def _grid(model: Served, axes: list[dict[str, Any]]) -> list[tuple[tuple[str, Any], ...]]:
    values = [[(axis["feature"], value) for value in _values(model, axis)] for axis in axes]
    if (size := int(np.prod([len(axis) for axis in values]))) > POINTS_AT_MOST:
        detail = f"The grid has {size} points, more than {POINTS_AT_MOST}. Ask for fewer points of a feature."
        raise ComputeError("grid_too_large", detail)
    return list(product(*values))


def _values(model: Served, axis: Mapping[str, Any]) -> list[Any]:
    if axis["values"] is not None:
        return list(axis["values"])
    feature = next((one for one in model.features if one.name == axis["feature"]), None)
    if feature is None:
        raise ComputeError("invalid_rows", f"grid: {axis['feature']!r} is not a feature of the model.")
    if feature.levels is not None:
        return list(feature.levels[: axis["points"]])
    if feature.kind != "numeric" or not isinstance(feature.low, (int, float)):
        raise ComputeError("invalid_rows", f"grid: name the `values` of {feature.name!r}; it is a {feature.kind}.")
    if feature.type == "boolean":
        return [False, True]
    line = np.linspace(feature.low, float(feature.high or 0), axis["points"])
    found: list[Any] = (np.unique(np.round(line).astype(int)) if feature.type == "integer" else line).tolist()
    return found


def _difference(original: Mapping[str, Any], predicted: Mapping[str, Any]) -> float | None:
    """Of the value, or of the probability of the original's class."""
    if "probabilities" in original:
        name = max(original["probabilities"], key=original["probabilities"].get)
        return float(predicted["probabilities"][name] - original["probabilities"][name])
    if original["value"] is None or predicted["value"] is None:
        return None
    return float(predicted["value"] - original["value"])
