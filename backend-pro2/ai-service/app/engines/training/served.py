"""A trained model in use: rows or tables in, values with intervals or probabilities out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from shared.compute import ComputeError

from ...schemas.columns import NUMERIC
from ..source import FloatArray, type_name
from .conformal import at_level, half_widths, in_sets
from .data import CLASSIFICATION
from .features import TIMES, Feature, frame_of
from .model_files import load_model
from .rows import table_of
from .scores import decided

CLASS_TYPES = {"integer": pa.int64(), "boolean": pa.bool_(), "number": pa.float64()}
# A tenth of a second: what is left of times as days.
SAME_DAYS = 1e-6


def load(source: Path | bytes, model: Mapping[str, Any]) -> Served:
    """The model whose file is `source`, and whose JSON is `model`.

    Raises:
        ComputeError: `unsafe_model`.
    """
    estimator = load_model(source)
    if not hasattr(estimator, "predict"):
        raise ComputeError("unsafe_model", "The model's file holds no model; train anew.")
    return Served(estimator, model)


class Served:
    """A loaded model; all methods are free of side effects."""

    def __init__(self, estimator: Any, model: Mapping[str, Any]) -> None:
        self.estimator, self.model = estimator, model
        self.features = tuple(Feature.of(feature) for feature in model["features"])
        self.ignored = frozenset({*model.get("ignored", ()), model["target"]})
        self.classifies = model["problem"] == CLASSIFICATION
        self._conformal: Mapping[str, Any] = model["conformal"]
        self._order: Any = None
        self._names: list[str] = []
        if self.classifies:
            self._names = [str(name) for name in model["classes"]]
            found = [str(name) for name in estimator.classes_]
            self._order = [found.index(name) for name in self._names]
            self._values = pa.array(self._names, pa.string()).cast(self._class_type()).to_pylist()

    def frame_of(self, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
        """What the estimator reads.

        Raises:
            ComputeError: `invalid_rows`: a member is unknown or has a value of a wrong type.
        """
        return frame_of(table_of(rows, self.features, self.ignored), self.features)

    def frame_of_table(self, table: pa.Table) -> pd.DataFrame:
        """The same of a table that may have more columns.

        Raises:
            ComputeError: `column_not_found`, `not_numeric` or `unsupported_column_type`.
        """
        self._require(table.schema)
        return frame_of(table, self.features)

    def predict(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """One prediction a row: `value` with `interval` {low, high, level}, or with `probabilities` and `set`.

        Raises:
            ComputeError: as `frame_of`.
        """
        return self.predict_frame(self.frame_of(rows)) if rows else []

    def conformal_at(self, level: float | None) -> Mapping[str, Any]:
        """What makes intervals and sets of that level, of the training's when absent.

        Raises:
            ComputeError: `level_unavailable`.
        """
        return at_level(self._conformal, level)

    def predict_frame(self, frame: pd.DataFrame, level: float | None = None) -> list[dict[str, Any]]:
        """The same of what `frame_of` gave, at a level other than the training's if one is named.

        Raises:
            ComputeError: as `conformal_at`.
        """
        conformal = self.conformal_at(level)
        if self.classifies:
            return self._classes(self.probabilities(frame), conformal)
        values = self.numbers(frame)
        lows, highs = (_finite(limits) for limits in self._limits(frame, values, conformal))
        shown = conformal["level"]
        return [
            {"value": value, "interval": {"low": low, "high": high, "level": shown}}
            for value, low, high in zip(_finite(values), lows, highs, strict=True)
        ]

    def predict_table(self, table: pa.Table, level: float | None = None) -> pa.Table:
        """Columns `prediction`, and `low`, `high` or `probability_<class>`; one row for each of `table`.

        With a level a classification has `set` too, the classes of the set as a JSON array.

        Raises:
            ComputeError: `column_not_found`, `not_numeric`, `unsupported_column_type`; as `conformal_at`.
        """
        frame, conformal = self.frame_of_table(table), self.conformal_at(level)
        if not self.classifies:
            values = self.numbers(frame)
            # A model whose errors nobody has measured has no limits.
            limits = zip(("low", "high"), self._limits(frame, values, conformal), strict=True) if conformal else ()
            return pa.table({"prediction": values, **dict(limits)})
        probabilities = self.probabilities(frame)
        found = np.array(self._names, dtype=object)[self.decided(probabilities)]
        columns: dict[str, Any] = {"prediction": pa.array(found.tolist(), pa.string()).cast(self._class_type())}
        columns |= {f"probability_{name}": probabilities[:, number] for number, name in enumerate(self._names)}
        if level is not None:
            columns["set"] = pa.array(self._sets(in_sets(conformal, probabilities)), pa.string())
        return pa.table(columns)

    def _sets(self, inside: Any) -> list[str]:
        """As JSON; few sets are made of the same classes again and again."""
        kinds, numbers = np.unique(inside, axis=0, return_inverse=True)
        texts = [json.dumps([self._values[place] for place in np.flatnonzero(kind)]) for kind in kinds]
        return [texts[number] for number in numbers.ravel()]

    def numbers(self, frame: pd.DataFrame) -> FloatArray:
        """Shape (rows,): predictions of a regression or a forecast."""
        if self.model["problem"] == "forecast":
            self._limits(frame, np.empty(0), self._conformal)
        return np.asarray(self.estimator.predict(frame), dtype=np.float64)

    def probabilities(self, frame: pd.DataFrame) -> FloatArray:
        """Shape (rows, classes): those of a classification, in the order of `classes`."""
        return np.asarray(self.estimator.predict_proba(frame), dtype=np.float64)[:, self._order]

    def _limits(
        self, frame: pd.DataFrame, values: FloatArray, conformal: Mapping[str, Any]
    ) -> tuple[FloatArray, FloatArray]:
        """Of intervals around values; of a forecast those of its times.

        Raises:
            ComputeError: `invalid_rows`: a time is none of the forecast.
        """
        if self.model["problem"] != "forecast":
            widths = half_widths(conformal, values)
            return values - widths, values + widths
        days = np.asarray(conformal["days"])
        asked = frame.iloc[:, 0].to_numpy(dtype=np.float64)
        places = np.clip(np.searchsorted(days, asked - SAME_DAYS), 0, len(days) - 1)
        wrong = np.flatnonzero(~(np.abs(days[places] - asked) <= SAME_DAYS))
        if len(wrong):
            feature = self.features[0]
            detail = f"Row {wrong[0]}: {feature.name!r} is none of the {len(days)} times of the forecast,"
            raise ComputeError("invalid_rows", f"{detail} which reach from {feature.low} to {feature.high}.")
        low, high = (np.array(conformal[name], dtype=np.float64) for name in ("low", "high"))
        return low[places], high[places]

    @property
    def decide(self) -> FloatArray | None:
        """Weights of the classes, if it is not the most probable one that is named."""
        weights = self.model.get("decision")
        return None if weights is None else np.array(weights)

    def decided(self, probabilities: FloatArray) -> Any:
        """Numbers of the classes that are named, shape (rows,)."""
        return decided(probabilities, self.decide)

    def _classes(self, probabilities: FloatArray, conformal: Mapping[str, Any]) -> list[dict[str, Any]]:
        best, sets = self.decided(probabilities).tolist(), in_sets(conformal, probabilities)
        return [
            {
                "value": self._values[number],
                "probabilities": dict(zip(self._names, row, strict=True)),
                "set": [self._values[place] for place in np.flatnonzero(inside)],
            }
            for number, row, inside in zip(best, probabilities.tolist(), sets, strict=True)
        ]

    def _class_type(self) -> pa.DataType:
        return CLASS_TYPES.get(self.model["target_type"], pa.string())

    def _require(self, schema: pa.Schema) -> None:
        types = {field.name: type_name(field.type) for field in schema}
        for feature in self.features:
            if feature.name not in types:
                detail = f"The data have no column {feature.name!r}, which the model predicts from."
                raise ComputeError("column_not_found", detail)
            _require_type(feature, types[feature.name])


def _require_type(feature: Feature, found: str) -> None:
    if feature.kind == "numeric" and found not in NUMERIC:
        detail = f"Column {feature.name!r} must hold numbers, as in the data learnt from, but its type is {found}."
        raise ComputeError("not_numeric", f"{detail} Cast it first.")
    if (feature.kind == "date" and found not in TIMES) or (feature.kind in ("categorical", "text") and found == "json"):
        detail = f"Column {feature.name!r} is of type {found}; the model learnt from {feature.type}. Cast it first."
        raise ComputeError("unsupported_column_type", detail)


def _finite(values: FloatArray) -> list[float | None]:
    return [value if np.isfinite(value) else None for value in values.tolist()]
