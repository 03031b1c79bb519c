"""Reasons of predictions: Shapley values against rows drawn from the profile of the training data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from shared.compute import ComputeError

from ..source import FloatArray
from ..training.features import Feature, numeric_names
from ..training.served import Served
from .background import background_of, framed, stacked
from .sample import some_rows
from .shapley import Attribution, BoolArray, IndexArray, attribute

STATES_AT_ONCE = 20_000
# Families whose prediction is a sum of functions of single features, whatever the preparation.
ADDITIVE = frozenset({"baseline", "linear", "ridge", "lasso", "linear_svm"})


def explain_rows(model: Served, job: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The frame of the rows, and `method`, `explanations` and `mean_absolute`.

    Raises:
        ComputeError: `invalid_rows`, `unknown_class`; of a dataset as `Served.predict_table`.
    """
    frame = model.frame_of(job["rows"]) if job["rows"] is not None else _sampled_rows(model, job)
    background = background_of(model, job["seed"])
    classes = _classes(model, frame, job["of_class"])
    found = [_attribution(model, frame.iloc[[n]], background, classes[n], job["seed"]) for n in range(len(frame))]
    explanations = [_explanation(model, frame.iloc[n], attribution, classes[n]) for n, attribution in enumerate(found)]
    mean = np.abs([attribution.contributions for attribution in found]).mean(axis=0)
    order = np.argsort(-mean, kind="stable")
    ranked = [{"feature": model.features[place].name, "mean_absolute": mean[place]} for place in order]
    return frame, {"method": found[0].method, "explanations": explanations, "mean_absolute": ranked}


def _sampled_rows(model: Served, job: Mapping[str, Any]) -> pd.DataFrame:
    names = [feature.name for feature in model.features]
    table, _ = some_rows(Path(job["data"]["path"]), names, job["sample"], job["seed"])
    return model.frame_of_table(table)


def _classes(model: Served, frame: pd.DataFrame, asked: str | None) -> list[int]:
    """The number of the class that is explained, of each row; 0 of a regression."""
    if not model.classifies:
        if asked is not None:
            raise ComputeError("unknown_class", "of_class: the model predicts numbers, not classes.")
        return [0] * len(frame)
    names = [str(name) for name in model.model["classes"]]
    if asked is None:
        best: list[int] = model.decided(model.probabilities(frame)).tolist()
        return best
    if asked not in names:
        detail = f"of_class: the model knows no class {asked!r}; its classes are {', '.join(names[:20])}."
        raise ComputeError("unknown_class", detail)
    return [names.index(asked)] * len(frame)


def _attribution(model: Served, row: pd.DataFrame, background: pd.DataFrame, place: int, seed: int) -> Attribution:
    both = stacked(row, background)
    columns = [_columns(feature) for feature in model.features]
    arrays = {name: both[name].to_numpy() for names in columns for name in names}

    def value(from_row: BoolArray, rows: IndexArray) -> FloatArray:
        parts = []
        for start in range(0, len(rows), STATES_AT_ONCE):
            here = slice(start, start + STATES_AT_ONCE)
            parts.append(_outputs(model, _mixed(arrays, columns, from_row[here], rows[here] + 1), place))
        return np.concatenate(parts)

    additive = not model.classifies and model.model["algorithm"] in ADDITIVE
    return attribute(value, len(columns), len(background), seed, is_additive=additive)


def _columns(feature: Feature) -> list[str]:
    return numeric_names(feature) if feature.kind in ("numeric", "date") else [feature.name]


def _mixed(arrays: Mapping[str, Any], columns: list[list[str]], from_row: BoolArray, rows: IndexArray) -> pd.DataFrame:
    """Features that are the row's, which is the first, and others that are those of the background."""
    taken: dict[str, Any] = {}
    for number, names in enumerate(columns):
        places = np.where(from_row[:, number], 0, rows)
        taken |= {name: arrays[name][places] for name in names}
    return framed(taken)


def _outputs(model: Served, frame: pd.DataFrame, place: int) -> FloatArray:
    return model.probabilities(frame)[:, place] if model.classifies else model.numbers(frame)


def _explanation(model: Served, row: Any, found: Attribution, place: int) -> dict[str, Any]:
    order = np.argsort(-np.abs(found.contributions), kind="stable")
    contributions = [
        {
            "feature": model.features[number].name,
            "value": row[_columns(model.features[number])[0]],
            "contribution": found.contributions[number],
            "std_error": found.errors[number],
        }
        for number in order
    ]
    of = {"class": model.model["classes"][place]} if model.classifies else {}
    prediction = found.base + found.contributions.sum()
    return {**of, "prediction": prediction, "base": found.base, "contributions": contributions}
