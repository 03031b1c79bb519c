"""The preparation of a fitted model as a few array operations: scikit-learn's own costs milliseconds for a single row.

Only what adds up column by column is done so, and only where it gives what scikit-learn gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from ..source import FloatArray
from ..training.features import Feature
from ..training.served import Served
from .background import background_of, stacked

CELLS_AT_MOST = 2_000_000
TOLERANCE = 1e-9
UNKNOWN = "\x00unknown"


def quicken(model: Served) -> Served:
    """The same model, whose estimator is the quick one if there is one that gives the same."""
    try:
        quick = _quick(model)
        same = quick is not None and _agree(model, quick)
    except (AttributeError, KeyError, TypeError, ValueError):
        # An estimator of another make than those known here; it is used as it is.
        return model
    return Served(quick, model.model) if same else model


class QuickEstimator:
    """Prepares a frame by arrays, then asks the fitted estimator."""

    def __init__(self, parts: Sequence[Any], estimator: Any) -> None:
        self._parts = parts
        self._estimator = estimator
        self.classes_ = getattr(estimator, "classes_", None)

    def predict(self, frame: pd.DataFrame) -> Any:
        """As the estimator's."""
        return self._estimator.predict(self._prepared(frame))

    def predict_proba(self, frame: pd.DataFrame) -> Any:
        """As the estimator's."""
        return self._estimator.predict_proba(self._prepared(frame))

    def _prepared(self, frame: pd.DataFrame) -> FloatArray:
        return np.hstack([part(frame) for part in self._parts])


class _Numbers:
    """Numbers as they are, or with medians for what is missing, indicators of that, and scaled."""

    def __init__(self, names: Sequence[str], fitted: Any) -> None:
        self._names = names
        self._plain = not isinstance(fitted, Pipeline)
        if not self._plain:
            fill, scale = fitted.named_steps["fill"], fitted.named_steps["scale"]
            if type(scale) is not StandardScaler:
                raise TypeError("another scaler")
            self._fill, self._told = fill.statistics_, fill.indicator_.features_
            self._mean, self._scale = scale.mean_, scale.scale_

    def __call__(self, frame: pd.DataFrame) -> FloatArray:
        values = np.column_stack([frame[name].to_numpy(dtype=np.float64) for name in self._names])
        if self._plain:
            return values
        missing = np.isnan(values)
        filled = np.where(missing, self._fill, values)
        return np.asarray((np.hstack([filled, missing[:, self._told]]) - self._mean) / self._scale)


class _Categories:
    """Columns that are encoded one by one: what each level of each becomes is asked for once.

    There is a number for each column, or what comes out is a sum over columns.
    """

    def __init__(self, features: Sequence[Feature], fitted: Any) -> None:
        self._levels = {f.name: {level: place for place, level in enumerate(f.levels or ())} for f in features}
        asked: list[dict[str, Any]] = [dict.fromkeys(self._levels)]
        for name, places in self._levels.items():
            asked += [{**asked[0], name: level} for level in (*places, UNKNOWN)]
        answer = fitted.transform(pd.DataFrame(asked, dtype=object))
        told = np.asarray(answer.toarray() if hasattr(answer, "toarray") else answer, dtype=np.float64)
        self._is_sum = told.shape[1] != len(self._levels)
        if told.size > CELLS_AT_MOST or (self._is_sum and np.isnan(told).any()):
            raise ValueError("too many levels, or not a sum")
        self._base, start = told[0], 1
        self._changes: dict[str, FloatArray] = {}
        for number, (name, places) in enumerate(self._levels.items()):
            end = start + len(places) + 1
            # What is missing is the base itself, and stands last.
            own = np.vstack([told[start:end], told[:1]])
            self._changes[name] = own - told[0] if self._is_sum else own[:, number]
            start = end

    def __call__(self, frame: pd.DataFrame) -> FloatArray:
        found = np.tile(self._base, (len(frame), 1))
        for number, (name, changes) in enumerate(self._changes.items()):
            own = changes[_places(frame[name].to_numpy(), self._levels[name])]
            if self._is_sum:
                found += own
            else:
                found[:, number] = own
        return found


def _places(texts: Any, levels: Mapping[str, int]) -> npt.NDArray[np.intp]:
    unknown, missing = len(levels), len(levels) + 1
    return np.array([missing if text is None else levels.get(text, unknown) for text in texts], dtype=np.intp)


def _quick(model: Served) -> QuickEstimator | None:
    estimator = model.estimator
    if isinstance(estimator, Pipeline):
        return QuickEstimator(_parts(estimator, model), estimator[-1])
    (calibrated,) = estimator.calibrated_classifiers_
    inner = calibrated.estimator
    outer, last = copy(estimator), copy(calibrated)
    last.estimator = inner[-1]
    outer.calibrated_classifiers_ = [last]
    return QuickEstimator(_parts(inner, model), outer)


def _parts(pipeline: Pipeline, model: Served) -> list[Any]:
    known = {feature.name: feature for feature in model.features}
    parts: list[Any] = []
    for name, fitted, columns in pipeline[0].transformers_:
        if name == "numbers":
            parts.append(_Numbers(columns, fitted))
        elif name in ("categories", "levels"):
            parts.append(_Categories([known[column] for column in columns], fitted))
        elif len(columns):
            raise TypeError("a part that is not known here")
    return parts


def _agree(model: Served, quick: QuickEstimator) -> bool:
    frame = background_of(model, 0)
    # Rows in which what can be missing or unknown is.
    strange = frame.head(4).copy()
    for feature in model.features:
        if feature.kind == "categorical":
            strange[feature.name] = pd.Series([None, UNKNOWN, None, UNKNOWN], dtype=object)
        elif feature.kind == "numeric":
            strange.loc[1:2, feature.name] = np.nan
    rows = stacked(frame, strange)
    other = Served(quick, model.model)
    mine, theirs = (one.probabilities(rows) if one.classifies else one.numbers(rows) for one in (other, model))
    return bool(np.allclose(mine, theirs, rtol=TOLERANCE, atol=TOLERANCE))
