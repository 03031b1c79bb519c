"""Families of models: how each is made, the settings to begin with, and the space in which better ones are sought."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from .data import CLASSIFICATION, REGRESSION
from .preparation import DISTANCE, LINEAR, QUANTILE, SPLINES, STANDARD, TREE

BASELINE, ENSEMBLE = "baseline", "ensemble"
Settings = Mapping[str, Any]
# Of each setting a Range or the values to choose from.
Space = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from `low` to `high`, on a logarithmic scale; `whole` ones are rounded."""

    low: float
    high: float
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Family:
    """`begin` are settings tried first; `rows` bounds what it learns from; `scaled`: its target is standardised.

    With fewer rows than `least` it is tried only if it is asked for.
    """

    made_for: Mapping[str, Callable[..., Any]]
    style: str
    begin: Sequence[Settings] = ({},)
    space: Space = field(default_factory=dict)
    fixed: Settings = field(default_factory=dict)
    seeded: bool = True
    weighted: bool = True
    scaled: bool = False
    rows: int = 1_000_000
    least: int = 0


_SCALES = {"scale": (STANDARD, QUANTILE)}
_CURVES = {"scale": (STANDARD, QUANTILE, SPLINES)}
_PENALTY = {"alpha": Range(1e-3, 1e3), **_CURVES}
_FOREST = {
    "min_samples_leaf": Range(1, 30, whole=True),
    "max_features": ("sqrt", 0.3, 0.5, 0.75, 1.0),
    "max_depth": (6, 10, 15, 25),
    "n_estimators": Range(30, 300, whole=True),
}
_TREES = {"min_samples_leaf": 2, "max_features": 0.5, "n_estimators": 60}
_BOOSTING = {
    "learning_rate": Range(0.01, 0.3),
    "max_iter": Range(50, 1000, whole=True),
    "max_leaf_nodes": Range(3, 127, whole=True),
    "min_samples_leaf": Range(3, 100, whole=True),
    "l2_regularization": Range(1e-3, 30),
    "max_features": (0.3, 0.5, 0.75, 1.0),
}
_NETWORK = {
    "hidden_layer_sizes": ([32], [64], [128], [64, 32], [128, 64]),
    "alpha": Range(1e-6, 1),
    "learning_rate_init": Range(3e-4, 1e-2),
    **_SCALES,
}
_SVM = {"C": Range(1e-3, 1e3), **_SCALES}

# In the order tried: cheap ones and those that are often best first, so that a short budget has compared them.
FAMILIES: Mapping[str, Family] = {
    BASELINE: Family(
        {CLASSIFICATION: DummyClassifier, REGRESSION: DummyRegressor},
        TREE,
        fixed={"strategy": "prior"},
        seeded=False,
        weighted=False,
    ),
    "linear": Family({REGRESSION: LinearRegression}, LINEAR, seeded=False),
    "ridge": Family(
        {REGRESSION: Ridge}, LINEAR, [{"alpha": 1.0}, {"alpha": 3.0, "scale": SPLINES}, {"alpha": 30.0}], _PENALTY
    ),
    "lasso": Family(
        {REGRESSION: Lasso}, LINEAR, [{"alpha": 0.01}], {"alpha": Range(1e-4, 1), **_SCALES}, {"max_iter": 5000},
        scaled=True,
    ),
    "logistic": Family(
        {CLASSIFICATION: LogisticRegression}, LINEAR, [{"C": 1.0}, {"C": 0.1, "scale": SPLINES}, {"C": 0.03}],
        {"C": Range(1e-4, 1e3), **_CURVES},
        {"max_iter": 1000},
    ),
    "boosting": Family(
        {CLASSIFICATION: HistGradientBoostingClassifier, REGRESSION: HistGradientBoostingRegressor},
        TREE,
        [
            {"learning_rate": 0.1, "max_iter": 100},
            {"learning_rate": 0.05, "max_iter": 120, "max_leaf_nodes": 6, "min_samples_leaf": 10},
            {"learning_rate": 0.1, "max_iter": 300, "max_leaf_nodes": 63, "l2_regularization": 1.0},
        ],
        _BOOSTING,
        scaled=True,
    ),
    "tree": Family(
        {CLASSIFICATION: DecisionTreeClassifier, REGRESSION: DecisionTreeRegressor},
        TREE,
        [{"max_depth": 6, "min_samples_leaf": 5}],
        {"max_depth": Range(2, 20, whole=True), "min_samples_leaf": Range(1, 60, whole=True)},
    ),
    "neighbours": Family(
        {CLASSIFICATION: KNeighborsClassifier, REGRESSION: KNeighborsRegressor},
        DISTANCE,
        [{"n_neighbors": 15, "weights": "distance"}],
        {"n_neighbors": Range(2, 80, whole=True), "weights": ("uniform", "distance"), **_SCALES},
        seeded=False,
        weighted=False,
        rows=30_000,
    ),
    "linear_svm": Family(
        {CLASSIFICATION: LinearSVC, REGRESSION: LinearSVR}, LINEAR, [{"C": 0.1}], _SVM, {"max_iter": 3000},
        scaled=True, rows=50_000,
    ),
    "rbf_svm": Family(
        {CLASSIFICATION: SVC, REGRESSION: SVR}, DISTANCE, [{"C": 1.0}], {**_SVM, "gamma": Range(1e-4, 1)},
        scaled=True, rows=5_000,
    ),
    "network": Family(
        {CLASSIFICATION: MLPClassifier, REGRESSION: MLPRegressor},
        DISTANCE,
        [{"hidden_layer_sizes": [64], "alpha": 0.001}],
        _NETWORK,
        # Stops by itself once rows that it does not learn from get no better (Prechelt 1998).
        {"early_stopping": True, "n_iter_no_change": 5, "max_iter": 100},
        weighted=False, scaled=True, rows=200_000, least=2_000,
    ),
    "extra_trees": Family(
        {CLASSIFICATION: ExtraTreesClassifier, REGRESSION: ExtraTreesRegressor},
        TREE, [_TREES], _FOREST, {"max_depth": 25},
    ),
    "forest": Family(
        {CLASSIFICATION: RandomForestClassifier, REGRESSION: RandomForestRegressor},
        TREE, [_TREES], _FOREST, {"max_depth": 25},
    ),
    # Several of the above, weighed together; not sought but made of what was found.
    ENSEMBLE: Family({}, TREE, weighted=False),
}  # fmt: skip


def families_for(problem: str, asked: str, rows: int = 0) -> list[str]:
    """Names of the families that suit problem and rows, in the order tried: all, or the one asked for if it does."""
    suiting = {name: family for name, family in FAMILIES.items() if name != BASELINE and problem in family.made_for}
    if asked != "auto":
        return [asked] if asked in suiting else []
    return [name for name, family in suiting.items() if rows == 0 or rows >= family.least]
