"""How columns are prepared for each style of model: filled, scaled, encoded; texts by hashed TF-IDF."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    OneHotEncoder,
    OrdinalEncoder,
    QuantileTransformer,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)

from .features import Columns

LINEAR, DISTANCE, TREE = "linear", "distance", "tree"
STANDARD, QUANTILE, SPLINES = "standard", "quantile", "splines"
FEW_LEVELS = 30
LEVELS_AT_MOST = 250
DENSE_LEVELS = 200
HASHED_TERMS = 4096
TEXT_PARTS = 32
QUANTILES = 200
MISSING = "(missing)"
# Knots of each column's curve, fewer where there are many columns.
KNOTS, KNOTS_AT_LEAST, KNOTS_IN_ALL = 16, 4, 1000


def prepare(columns: Columns, style: str, seed: int, *, scale: str = STANDARD) -> ColumnTransformer:
    """An unfitted transformer of the frame; `scale` standard or quantile, which linear and distance models use, or
    splines, which bends each column for linear ones (cubic B-splines of quantiles; Eilers and Marx 1996).

    Numbers: medians for what is missing, with an indicator, then scaled; trees take them as they are. Categories of few
    levels: one column a level, or a number for trees; of many levels: their mean target (Micci-Barreca 2001), fitted
    across folds. Texts: TF-IDF of hashed words and pairs, reduced for models that cannot take them sparse.
    """
    parts: list[tuple[str, Any, Any]] = []
    if columns.numeric:
        parts.append(("numbers", _numbers(style, scale, seed, len(columns.numeric)), list(columns.numeric)))
    if columns.few:
        parts.append(("categories", _categories(style), list(columns.few)))
    if columns.many:
        parts.append(("levels", _many(style, seed), list(columns.many)))
    parts += [(f"text {number}", _text(style, seed), name) for number, name in enumerate(columns.text)]
    sparse = style == LINEAR and (bool(columns.text) or len(columns.few) * FEW_LEVELS > DENSE_LEVELS)
    return ColumnTransformer(parts, sparse_threshold=0.3 if sparse else 0)


def _numbers(style: str, scale: str, seed: int, columns: int) -> Any:
    if style == TREE:
        return "passthrough"
    fill = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    if scale == STANDARD:
        return Pipeline([("fill", fill), ("scale", StandardScaler())])
    scaler = QuantileTransformer(n_quantiles=QUANTILES, output_distribution="normal", random_state=seed)
    if scale == QUANTILE:
        return Pipeline([("fill", fill), ("scale", scaler)])
    knots = min(KNOTS, max(KNOTS_AT_LEAST, KNOTS_IN_ALL // columns))
    bend = SplineTransformer(n_knots=knots, include_bias=False)
    return Pipeline([("fill", fill), ("scale", scaler), ("bend", bend), ("level", StandardScaler())])


def _categories(style: str) -> Any:
    if style == TREE:
        return OrdinalEncoder(
            handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan,
            max_categories=LEVELS_AT_MOST,
        )  # fmt: skip
    fill = SimpleImputer(strategy="constant", fill_value=MISSING)
    encode = OneHotEncoder(handle_unknown="ignore", sparse_output=True)
    return Pipeline([("fill", fill), ("encode", encode)])


def _many(style: str, seed: int) -> Any:
    fill = SimpleImputer(strategy="constant", fill_value=MISSING)
    encode = TargetEncoder(random_state=seed)
    rest = [] if style == TREE else [("scale", StandardScaler())]
    return Pipeline([("fill", fill), ("encode", encode), *rest])


def _text(style: str, seed: int) -> Pipeline:
    terms = HashingVectorizer(n_features=HASHED_TERMS, ngram_range=(1, 2), alternate_sign=False, norm=None)
    steps: list[tuple[str, Any]] = [("terms", terms), ("weigh", TfidfTransformer(sublinear_tf=True))]
    if style != LINEAR:
        steps.append(("reduce", TruncatedSVD(TEXT_PARTS, random_state=seed)))
    return Pipeline(steps)
