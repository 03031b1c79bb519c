"""The families of models that jobs know: of each the settings to compare, the first of which is used unless told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ..training.data import Question
from ..training.families import BASELINE, FAMILIES, Settings

ROWS_AT_MOST = 200_000

# From the cheapest to the dearest, so that a budget that runs out has compared something.
GRIDS: Mapping[str, Sequence[Settings]] = {
    BASELINE: [{}],
    "linear": [{}],
    "ridge": [{"alpha": 1.0}, {"alpha": 10.0}, {"alpha": 0.1}],
    "logistic": [{"C": 1.0}, {"C": 0.1}, {"C": 10.0}],
    "tree": [
        {"max_depth": 6, "min_samples_leaf": 5},
        {"max_depth": 3, "min_samples_leaf": 5},
        {"min_samples_leaf": 10},
    ],
    "neighbours": [{"n_neighbors": 15}, {"n_neighbors": 5}],
    "boosting": [{"learning_rate": 0.1}, {"learning_rate": 0.05, "max_iter": 300, "max_leaf_nodes": 15}],
    "forest": [{"min_samples_leaf": 5}, {"min_samples_leaf": 1, "max_features": "sqrt"}],
}


def suits(name: str, problem: str) -> bool:
    """Whether the family solves such problems."""
    return problem in FAMILIES[name].made_for


def question_of(path: Path, target: str, features: Sequence[str] | None, problem: str, seed: int) -> Question:
    """What a job asks of the file that models learn from; the same one of a search and of a fit of its winner."""
    return Question(path, target, None if features is None else tuple(features), problem, ROWS_AT_MOST, seed)
