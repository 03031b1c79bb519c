"""What is set in each algorithm of a training: by the search, within which bounds, or by the order."""

from collections.abc import Mapping
from typing import Literal

from pydantic import ConfigDict

from shared.schemas import ApiModel

SetBy = Literal["search", "order"]
Value = str | float | int | list[int] | None


class AlgorithmParameter(ApiModel):
    """One setting: numbers from `low` to `high`, or one of `values`."""

    name: str
    set_by: SetBy
    low: float | None = None
    high: float | None = None
    values: list[Value] | None = None

    model_config = ConfigDict(
        json_schema_extra={"example": {"name": "alpha", "set_by": "search", "low": 0.001, "high": 1000.0}}
    )


def _range(name: str, low: float, high: float, set_by: SetBy = "search") -> AlgorithmParameter:
    return AlgorithmParameter(name=name, set_by=set_by, low=low, high=high)


def _choice(name: str, *values: Value) -> AlgorithmParameter:
    return AlgorithmParameter(name=name, set_by="search", values=list(values))


_SCALE = _choice("scale", "standard", "quantile")
_CURVE = _choice("scale", "standard", "quantile", "splines")
_TREES = [
    _range("min_samples_leaf", 1, 30),
    _choice("max_features", "sqrt", 0.3, 0.5, 0.75, 1.0),
    _choice("max_depth", 6, 10, 15, 25),
    _range("n_estimators", 30, 300),
]
SOUGHT: Mapping[str, list[AlgorithmParameter]] = {
    "ridge": [_range("alpha", 1e-3, 1e3), _CURVE],
    "lasso": [_range("alpha", 1e-4, 1), _SCALE],
    "logistic": [_range("C", 1e-4, 1e3), _CURVE],
    "tree": [_range("max_depth", 2, 20), _range("min_samples_leaf", 1, 60)],
    "neighbours": [_range("n_neighbors", 2, 80), _choice("weights", "uniform", "distance"), _SCALE],
    "linear_svm": [_range("C", 1e-3, 1e3), _SCALE],
    "rbf_svm": [_range("C", 1e-3, 1e3), _SCALE, _range("gamma", 1e-4, 1)],
    "boosting": [
        _range("learning_rate", 0.01, 0.3),
        _range("max_iter", 50, 1000),
        _range("max_leaf_nodes", 3, 127),
        _range("min_samples_leaf", 3, 100),
        _range("l2_regularization", 1e-3, 30),
        _choice("max_features", 0.3, 0.5, 0.75, 1.0),
    ],
    "network": [
        _choice("hidden_layer_sizes", [32], [64], [128], [64, 32], [128, 64]),
        _range("alpha", 1e-6, 1),
        _range("learning_rate_init", 3e-4, 1e-2),
        _SCALE,
    ],
    "extra_trees": _TREES,
    "forest": _TREES,
}
# Of each forecaster; everything inside it follows from the series.
ORDERED = [
    AlgorithmParameter(name="time", set_by="order"),
    _range("horizon", 1, 1000, "order"),
    _range("season", 1, 1000, "order"),
    _range("level", 0.5, 0.999, "order"),
]
