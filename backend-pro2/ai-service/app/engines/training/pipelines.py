"""Unfitted pipelines of a candidate, and what they say of rows: scores, and probabilities if they have any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from ..source import FloatArray
from .data import REGRESSION
from .families import BASELINE, ENSEMBLE, FAMILIES, Settings
from .features import Feature, columns_of
from .preparation import FEW_LEVELS, prepare


def pipeline(
    name: str, settings: Settings, problem: str, features: Sequence[Feature], seed: int, *, balanced: bool = False
) -> Pipeline:
    """An unfitted pipeline of this family, or of several weighed together; same data and seed, same fit."""
    if name == ENSEMBLE:
        return _together(settings["members"], problem, features, seed, balanced=balanced)
    family = FAMILIES[name]
    settings = {**family.fixed, **settings}
    scale = settings.pop("scale", "standard")
    estimator_class = family.made_for[problem]
    if name == BASELINE and problem == REGRESSION:
        settings = {}
    if family.seeded and estimator_class is not SVR:
        settings["random_state"] = seed
    if balanced and family.weighted and problem != REGRESSION:
        settings["class_weight"] = "balanced"
    estimator = estimator_class(**settings)
    if family.scaled and problem == REGRESSION:
        estimator = TransformedTargetRegressor(estimator, transformer=StandardScaler())
    columns = columns_of(features, FEW_LEVELS)
    return Pipeline([("prepare", prepare(columns, family.style, seed, scale=scale)), ("model", estimator)])


def _together(
    members: Sequence[Mapping[str, Any]], problem: str, features: Sequence[Feature], seed: int, *, balanced: bool
) -> Pipeline:
    made = [
        (f"member {number}", pipeline(one["algorithm"], one["settings"], problem, features, seed, balanced=balanced))
        for number, one in enumerate(members)
    ]
    weights = [one["weight"] for one in members]
    if problem == REGRESSION:
        return Pipeline([("model", VotingRegressor(made, weights=weights))])
    return Pipeline([("model", VotingClassifier(made, voting="soft", weights=weights))])


def learning_rows(name: str, y: Any, rows: Any, limit: int, seed: int) -> Any:
    """At most `limit` of `rows` and what the family takes, at random, with a row of each class."""
    most = min(limit, FAMILIES[name].rows)
    if len(rows) <= most:
        return rows
    mixed = np.random.default_rng(seed).permutation(rows)
    if not np.issubdtype(y.dtype, np.integer):
        return np.sort(mixed[:most])
    _, first = np.unique(y[mixed], return_index=True)
    return np.sort(np.concatenate([mixed[:most], mixed[first[first >= most]]]))


def says_scores(model: Any, x: pd.DataFrame, classes: int) -> FloatArray:
    """What calibration works on, the same as CalibratedClassifierCV takes: shape (rows, classes), or 1 of two."""
    if hasattr(model, "decision_function"):
        scores = np.asarray(model.decision_function(x), dtype=np.float64)
        return scores.reshape(len(x), -1)
    probabilities = np.asarray(model.predict_proba(x), dtype=np.float64)
    return probabilities[:, 1:] if classes == 2 else probabilities


def says_probabilities(model: Any, x: pd.DataFrame) -> FloatArray | None:
    """Shape (rows, classes); None of a model that has none of its own."""
    return np.asarray(model.predict_proba(x), dtype=np.float64) if hasattr(model, "predict_proba") else None
