"""Families of models with small grids, and the pipeline that makes any of them eat numbers, texts and gaps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

CLASSIFICATION, REGRESSION = "classification", "regression"
BASELINE = "baseline"
CATEGORIES_A_COLUMN = 50
CATEGORIES_IN_ALL = 2000
MISSING = "(missing)"
Estimator = Any
Settings = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Family:
    """How a family is made for each problem that it suits; `grid` is tried from the first setting on."""

    made_for: Mapping[str, Callable[..., Estimator]]
    grid: Sequence[Settings] = ({},)
    fixed: Settings = field(default_factory=dict)
    seeded: bool = True


# From the cheapest to the dearest, so that a budget that runs out has compared something.
FAMILIES: Mapping[str, Family] = {
    BASELINE: Family({CLASSIFICATION: DummyClassifier, REGRESSION: DummyRegressor}, seeded=False),
    "linear": Family({REGRESSION: LinearRegression}, seeded=False),
    "ridge": Family({REGRESSION: Ridge}, [{"alpha": 1.0}, {"alpha": 10.0}, {"alpha": 0.1}]),
    "logistic": Family({CLASSIFICATION: LogisticRegression}, [{"C": 1.0}, {"C": 0.1}, {"C": 10.0}], {"max_iter": 1000}),
    "tree": Family(
        {CLASSIFICATION: DecisionTreeClassifier, REGRESSION: DecisionTreeRegressor},
        [{"max_depth": 6, "min_samples_leaf": 5}, {"max_depth": 3, "min_samples_leaf": 5}, {"min_samples_leaf": 10}],
    ),
    "neighbours": Family(
        {CLASSIFICATION: KNeighborsClassifier, REGRESSION: KNeighborsRegressor},
        [{"n_neighbors": 15}, {"n_neighbors": 5}],
        seeded=False,
    ),
    "boosting": Family(
        {CLASSIFICATION: HistGradientBoostingClassifier, REGRESSION: HistGradientBoostingRegressor},
        [{"learning_rate": 0.1}, {"learning_rate": 0.05, "max_iter": 300, "max_leaf_nodes": 15}],
    ),
    "forest": Family(
        {CLASSIFICATION: RandomForestClassifier, REGRESSION: RandomForestRegressor},
        [{"min_samples_leaf": 5}, {"min_samples_leaf": 1, "max_features": "sqrt"}],
        {"n_estimators": 100, "max_depth": 20},
    ),
}


def families_for(problem: str, asked: Sequence[str] | None) -> list[str]:
    """Names of the families that suit the problem, the cheapest first, of those asked for or of all."""
    return [
        name
        for name, family in FAMILIES.items()
        if name != BASELINE and problem in family.made_for and (asked is None or name in asked)
    ]


def categories_each(categorical: int) -> int:
    """How many levels of each of so many text columns get a column of their own; the rarer ones share one."""
    return max(2, min(CATEGORIES_A_COLUMN, CATEGORIES_IN_ALL // max(categorical, 1)))


def pipeline(
    name: str, settings: Settings, problem: str, numeric: Sequence[str], categorical: Sequence[str], seed: int
) -> Pipeline:
    """An unfitted pipeline of this family; same data and seed, same fit."""
    family = FAMILIES[name]
    more = {"random_state": seed} if family.seeded else {}
    estimator = family.made_for[problem](**family.fixed, **settings, **more)
    numbers = Pipeline(
        [("fill", SimpleImputer(strategy="median", keep_empty_features=True)), ("scale", StandardScaler())]
    )
    encoder = OneHotEncoder(
        handle_unknown="infrequent_if_exist", max_categories=categories_each(len(categorical)), sparse_output=False
    )
    texts = Pipeline([("fill", SimpleImputer(strategy="constant", fill_value=MISSING)), ("encode", encoder)])
    columns = ColumnTransformer([("numbers", numbers, list(numeric)), ("texts", texts, list(categorical))])
    return Pipeline([("columns", columns), ("model", estimator)])
