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
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from .data import CLASSIFICATION, REGRESSION
from .preparation import DISTANCE, LINEAR, TREE

BASELINE = "baseline"
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
    """`begin` are settings tried first; `rows` bounds what it learns from; `scaled`: its target is standardised."""

    made_for: Mapping[str, Callable[..., Any]]
    style: str
    begin: Sequence[Settings] = ({},)
    space: Space = field(default_factory=dict)
    fixed: Settings = field(default_factory=dict)
    seeded: bool = True
    weighted: bool = True
    scaled: bool = False
    rows: int = 1_000_000


_SCALES = {"scale": ("standard", "quantile")}
_PENALTY = {"alpha": Range(1e-3, 1e3), **_SCALES}
_FOREST = {
    "min_samples_leaf": Range(1, 30, whole=True),
    "max_features": ("sqrt", 0.3, 0.5, 0.75, 1.0),
    "max_depth": (6, 10, 15, 25),
}
_BOOSTING = {
    "learning_rate": Range(0.01, 0.3),
    "max_iter": Range(50, 500, whole=True),
    "max_leaf_nodes": Range(3, 127, whole=True),
    "min_samples_leaf": Range(3, 100, whole=True),
    "l2_regularization": Range(1e-3, 30),
    "max_features": (0.3, 0.5, 0.75, 1.0),
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
    "ridge": Family({REGRESSION: Ridge}, LINEAR, [{"alpha": 1.0}, {"alpha": 30.0}], _PENALTY),
    "lasso": Family(
        {REGRESSION: Lasso}, LINEAR, [{"alpha": 0.01}], {"alpha": Range(1e-4, 1), **_SCALES}, {"max_iter": 5000},
        scaled=True,
    ),
    "logistic": Family(
        {CLASSIFICATION: LogisticRegression}, LINEAR, [{"C": 1.0}, {"C": 0.03}], {"C": Range(1e-4, 1e3), **_SCALES},
        {"max_iter": 1000},
    ),
    "boosting": Family(
        {CLASSIFICATION: HistGradientBoostingClassifier, REGRESSION: HistGradientBoostingRegressor},
        TREE,
        [
            {"learning_rate": 0.1, "max_iter": 100},
            {"learning_rate": 0.05, "max_iter": 120, "max_leaf_nodes": 6, "min_samples_leaf": 10},
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
    "extra_trees": Family(
        {CLASSIFICATION: ExtraTreesClassifier, REGRESSION: ExtraTreesRegressor},
        TREE, [{"min_samples_leaf": 2, "max_features": 0.5}], _FOREST, {"n_estimators": 150, "max_depth": 25},
    ),
    "forest": Family(
        {CLASSIFICATION: RandomForestClassifier, REGRESSION: RandomForestRegressor},
        TREE, [{"min_samples_leaf": 2, "max_features": 0.5}], _FOREST, {"n_estimators": 150, "max_depth": 25},
    ),
    "rbf_svm": Family(
        {CLASSIFICATION: SVC, REGRESSION: SVR}, DISTANCE, [{"C": 1.0}], {**_SVM, "gamma": Range(1e-4, 1)},
        scaled=True, rows=5_000,
    ),
}  # fmt: skip


def families_for(problem: str, asked: str) -> list[str]:
    """Names of the families that suit the problem, in the order tried: all, or the one asked for if it does."""
    suiting = [name for name, family in FAMILIES.items() if name != BASELINE and problem in family.made_for]
    return suiting if asked == "auto" else [name for name in suiting if name == asked]
